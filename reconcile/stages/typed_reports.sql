-- One row per telling report: its values typed, its state looked up. What cannot be typed is null
-- here and counted; Plivo sends empty for unknown.
with cleaned as (
    select
        received_at, account, signature, url_parameters, message_uuid, plain, reports,
        first_received_at, sent_times, amounts_told,
        -- long, and of a plain course asked for by nobody
        case when not plain then report_id end as report_id,
        case when not plain then kind end as kind,
        case when not plain or trim(parent_message_uuid) <> message_uuid
            then nullif(trim(parent_message_uuid), '') end as parent_message_uuid,
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
        nullif(case when trim(from_number) like '+%' then substr(trim(from_number), 2)
            else trim(from_number) end, '') as from_number,
        nullif(case when trim(to_number) like '+%' then substr(trim(to_number), 2)
            else trim(to_number) end, '') as to_number,
        nullif(trim(type), '') as type,
        nullif(trim(mcc), '') as mcc,
        nullif(trim(mnc), '') as mnc,
        nullif(trim(powerpack_uuid), '') as powerpack_uuid,
        case when part_info = '1 of 1' then 1  -- most are
            when regexp_like(part_info, '^ *[0-9]{1,4} of [0-9]{1,4} *\z')
            then cast(regexp_extract(part_info, '([0-9]+) of', 1) as int) end as part_number,
        case when part_info = '1 of 1' then 1  -- most are
            when regexp_like(part_info, '^ *[0-9]{1,4} of [0-9]{1,4} *\z')
            then cast(regexp_extract(part_info, 'of ([0-9]+)', 1) as int) end as part_count
    from telling_reports
),
typed as (
    select
        plain, reports, first_received_at, sent_times, amounts_told, report_id, received_at, kind, account, signature, message_uuid,
        parent_message_uuid, status, error_code, from_number, to_number, type, mcc, mnc, powerpack_uuid,
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
        -- our own label: mostly all that there is, and nothing in it is encoded
        case when regexp_like(url_parameters, '^tag=[A-Za-z0-9_.~-]+\z')
            then substr(url_parameters, 5)
            when url_parameters like '%tag=%' then nullif(try_url_decode(replace(regexp_extract(
            url_parameters, '(?s)^(?:.*&)?tag=([^&]*)', 1), '+', '%20')), '') end as tag
    from cleaned
),
zoned as (
    -- into UTC, where the callbacks' times are set to be in another zone and name none themselves
    select
        t.plain, t.reports, t.first_received_at, t.sent_times, t.amounts_told,
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
        t.plain, t.reports, t.first_received_at,
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
        + case when t.units is null and t.units_text is not null then t.reports else 0 end
        + case when t.total_amount is null and t.total_amount_text is not null then t.amounts_told else 0 end
        + case when t.message_time is null and t.message_time_text is not null then t.reports else 0 end
        + case when t.queued_time is null and t.queued_time_text is not null then t.reports else 0 end
        + case when t.sent_time is null and t.sent_time_text is not null then t.sent_times else 0 end
        + case when t.delivery_report_time is null and t.delivery_report_time_text is not null
            then 1 else 0 end as untyped_values
    from zoned as t
    left join known as k on k.word = t.status
    inner join states as s on s.word = case when k.word is null then '*' else t.status end
)
select * from looked_up
