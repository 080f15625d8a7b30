-- One row per report that names a part: its values typed, its state looked up, its place in the
-- winning order. What cannot be typed is null here and counted; Plivo sends empty for unknown.
with cleaned as (
    select
        report_id, received_at, kind, account, signature, http_method, body, query,
        trim(message_uuid) as message_uuid,
        nullif(trim(parent_message_uuid), '') as parent_message_uuid,
        coalesce(lower(trim(status)), '') as status,
        nullif(trim(sequence), '') as sequence_text,
        nullif(trim(units), '') as units_text,
        nullif(trim(total_amount), '') as total_amount_text,
        nullif(trim(message_time), '') as message_time_text,
        nullif(trim(queued_time), '') as queued_time_text,
        nullif(trim(sent_time), '') as sent_time_text,
        nullif(trim(delivery_report_time), '') as delivery_report_time_text,
        -- 000 and 0 mean none
        nullif(regexp_replace(trim(error_code), '^0+', ''), '') as error_code,
        nullif(regexp_replace(trim(from_number), '^[+]', ''), '') as from_number,
        nullif(regexp_replace(trim(to_number), '^[+]', ''), '') as to_number,
        nullif(trim(type), '') as type,
        nullif(trim(mcc), '') as mcc,
        nullif(trim(mnc), '') as mnc,
        nullif(trim(powerpack_uuid), '') as powerpack_uuid,
        case when regexp_like(part_info, '^ *[0-9]{1,4} of [0-9]{1,4} *\z')
            then cast(regexp_extract(part_info, '([0-9]+) of', 1) as int) end as part_number,
        case when regexp_like(part_info, '^ *[0-9]{1,4} of [0-9]{1,4} *\z')
            then cast(regexp_extract(part_info, 'of ([0-9]+)', 1) as int) end as part_count
    from reports
    where trim(message_uuid) <> ''
),
typed as (
    select
        report_id, received_at, kind, account, signature, message_uuid, parent_message_uuid, status,
        error_code, from_number, to_number, type, mcc, mnc, powerpack_uuid,
        case when part_number between 1 and part_count then part_number end as part_number,
        case when part_number between 1 and part_count then part_count end as part_count,
        case when regexp_like(sequence_text, '^-?[0-9]{1,18}\z')
            then cast(sequence_text as bigint) end as sequence,
        -- so short that the sums of a message fit, too
        case when regexp_like(units_text, '^[0-9]{1,5}\z')
            then cast(units_text as int) end as units,
        -- more places than five would be rounded silently
        case when regexp_like(total_amount_text, '^-?[0-9]{1,9}([.][0-9]{0,5}0*)?\z')
            then try_cast(total_amount_text as decimal(18, 5)) end as total_amount,
        -- without a zone; an offset, should one ever come, is honoured
        case when regexp_like(message_time_text, '^[12][0-9]{3}-[0-9]{2}-[0-9]{2}[ T]([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{1,6})?(Z|[+-](0[0-9]|1[0-7]):[0-5][0-9])?\z')
            then try_to_timestamp(message_time_text) end as message_time,
        case when regexp_like(queued_time_text, '^[12][0-9]{3}-[0-9]{2}-[0-9]{2}[ T]([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{1,6})?(Z|[+-](0[0-9]|1[0-7]):[0-5][0-9])?\z')
            then try_to_timestamp(queued_time_text) end as queued_time,
        case when regexp_like(sent_time_text, '^[12][0-9]{3}-[0-9]{2}-[0-9]{2}[ T]([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{1,6})?(Z|[+-](0[0-9]|1[0-7]):[0-5][0-9])?\z')
            then try_to_timestamp(sent_time_text) end as sent_time,
        case when regexp_like(delivery_report_time_text, '^[12][0-9]{3}-[0-9]{2}-[0-9]{2}[ T]([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{1,6})?(Z|[+-](0[0-9]|1[0-7]):[0-5][0-9])?\z')
            then try_to_timestamp(delivery_report_time_text) end as delivery_report_time,
        sequence_text, units_text, total_amount_text, message_time_text, queued_time_text,
        sent_time_text, delivery_report_time_text,
        -- our own label: behind the URL of a POST, among the parameters of a GET
        nullif(try_url_decode(replace(regexp_extract(
            case when http_method = 'GET' then body else query end,
            '(?s)^(?:.*&)?tag=([^&]*)', 1), '+', '%20')), '') as tag
    from cleaned
),
zoned as (
    -- into UTC, where the callbacks' times are set to be in another zone and name none themselves
    select
        t.report_id, t.received_at, t.kind, t.account, t.signature, t.message_uuid,
        t.parent_message_uuid,
        t.status, t.error_code, t.from_number, t.to_number, t.type, t.mcc, t.mnc,
        t.powerpack_uuid, t.part_number, t.part_count, t.sequence, t.units, t.total_amount, t.tag,
        t.sequence_text, t.units_text, t.total_amount_text, t.message_time_text,
        t.queued_time_text, t.sent_time_text, t.delivery_report_time_text,
        case when m.callback_zone = 'UTC' or regexp_like(t.message_time_text, '(Z|[+-][0-9]{2}:[0-9]{2})\z')
            then t.message_time else to_utc_timestamp(t.message_time, m.callback_zone) end as message_time,
        case when m.callback_zone = 'UTC' or regexp_like(t.queued_time_text, '(Z|[+-][0-9]{2}:[0-9]{2})\z')
            then t.queued_time else to_utc_timestamp(t.queued_time, m.callback_zone) end as queued_time,
        case when m.callback_zone = 'UTC' or regexp_like(t.sent_time_text, '(Z|[+-][0-9]{2}:[0-9]{2})\z')
            then t.sent_time else to_utc_timestamp(t.sent_time, m.callback_zone) end as sent_time,
        case when m.callback_zone = 'UTC' or regexp_like(t.delivery_report_time_text, '(Z|[+-][0-9]{2}:[0-9]{2})\z')
            then t.delivery_report_time else to_utc_timestamp(t.delivery_report_time, m.callback_zone) end as delivery_report_time
    from typed as t
    cross join moment as m
),
known as (
    select word from states
),
looked_up as (
    select
        t.report_id, t.received_at, t.kind, t.account, t.signature, t.message_uuid,
        t.parent_message_uuid,
        t.part_number, t.part_count, t.sequence, t.units, t.total_amount, t.error_code,
        t.from_number, t.to_number, t.type, t.mcc, t.mnc, t.powerpack_uuid, t.tag,
        t.message_time, t.queued_time, t.sent_time, t.delivery_report_time,
        nullif(t.status, '') as state,
        coalesce(s.compared_as, t.status) as compared_as,
        s.final, s.rank, s.place as state_place, s.counts_as,
        case s.clock
            when 'QueuedTime' then t.queued_time
            when 'SentTime' then t.sent_time
            when 'DeliveryReportTime' then t.delivery_report_time
        end as clock,
        greatest(t.message_time, t.queued_time, t.sent_time, t.delivery_report_time) as last_time,
        case when t.sequence is null and t.sequence_text is not null then 1 else 0 end
        + case when t.units is null and t.units_text is not null then 1 else 0 end
        + case when t.total_amount is null and t.total_amount_text is not null then 1 else 0 end
        + case when t.message_time is null and t.message_time_text is not null then 1 else 0 end
        + case when t.queued_time is null and t.queued_time_text is not null then 1 else 0 end
        + case when t.sent_time is null and t.sent_time_text is not null then 1 else 0 end
        + case when t.delivery_report_time is null and t.delivery_report_time_text is not null
            then 1 else 0 end as untyped_values
    from zoned as t
    left join known as k on k.word = t.status
    inner join states as s on s.word = case when k.word is null then '*' else t.status end
)
select
    report_id, received_at, kind, account, signature, message_uuid, parent_message_uuid, part_number,
    part_count, sequence, units, total_amount, error_code, from_number, to_number, type, mcc, mnc,
    powerpack_uuid, tag, message_time, queued_time, sent_time, delivery_report_time, state,
    compared_as, final, rank, state_place, counts_as, clock, last_time, untyped_values,
    -- 1 wins: final before not final, then Plivo's own order, then what the word, its clock and
    -- the reception tell; a report without a status holds no state and comes last
    row_number() over (
        partition by message_uuid
        order by
            case when state is null then 1 else 0 end,
            case when final then 0 else 1 end,
            sequence desc nulls last,
            rank desc,
            clock desc nulls last,
            received_at desc,
            report_id desc
    ) as place
from looked_up
