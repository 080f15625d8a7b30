-- One row per part with reports: how they came, and whether their course is plain – at most one
-- report each of queued, sent and final, in this order by Sequence and by arrival, all saying the
-- same of what never changes, the last one lacking nothing that an earlier one said. The last
-- report of a plain course tells all that the part's reports tell; most courses are plain.
with seen as (
    select
        r.message_uuid, r.received_at, r.sequence, s.rank,
        r.queued_time, r.sent_time, r.delivery_report_time, r.units, r.message_time, r.total_amount,
        case when regexp_like(r.sequence, '^[0-9]{1,18}\z') then cast(r.sequence as bigint) end
            as number,
        case when r.total_amount not in ('0', '0.0', '0.00', '0.000', '0.0000', '0.00000')
            then r.total_amount end as amount,
        -- what cleaning would change before it counts
        coalesce(r.kind, '') <> 'delivery_report' or coalesce(r.http_method, '') <> 'POST'
            or coalesce(r.type = '' or r.type like ' %', false)
            or coalesce(r.mcc = '' or r.mcc like ' %', false)
            or coalesce(r.mnc = '' or r.mnc like ' %', false)
            or coalesce(r.powerpack_uuid = '' or r.powerpack_uuid like ' %', false)
            or coalesce(r.total_amount = '' or r.total_amount like ' %', false)
            or coalesce(r.error_code = '' or r.error_code like ' %', false)
            or coalesce(r.error_code like '0%' and r.error_code not in ('000', '0'), false)
            or coalesce(r.from_number like '%*%', false) or coalesce(r.to_number like '%*%', false)
            as odd,
        case when r.type is not null then 1 else 0 end
        + case when r.mcc is not null then 2 else 0 end
        + case when r.mnc is not null then 4 else 0 end
        + case when r.powerpack_uuid is not null then 8 else 0 end
        + case when r.account is not null then 16 else 0 end
        + case when r.total_amount is not null then 32 else 0 end
        + case when r.error_code not in ('000', '0') then 64 else 0 end
        + case when r.queued_time is not null then 128 else 0 end
        + case when r.sent_time is not null then 256 else 0 end
        + case when r.delivery_report_time is not null then 512 else 0 end as held,
        xxhash64(coalesce(r.from_number, ''), coalesce(r.to_number, ''), coalesce(r.units, ''),
            coalesce(r.part_info, ''), coalesce(r.parent_message_uuid, ''),
            coalesce(r.message_time, ''), coalesce(r.url_parameters, ''), coalesce(r.signature, ''))
            as unchanging
    from part_reports as r
    left join states as s on s.word = lower(trim(r.status))
),
counted as (
    select
        message_uuid,
        count(*) as reports,
        max(rank) as last_rank,
        min(received_at) as first_received_at,
        max(received_at) as last_received_at,
        count(message_time) as message_times,
        count(queued_time) as queued_times,
        count(sent_time) as sent_times,
        count(delivery_report_time) as receipt_times,
        count(units) as units_told,
        count(amount) as amounts_told,
        count(case when rank = 1 then 1 end) as queued_reports,
        count(case when rank = 3 then 1 end) as sent_reports,
        count(case when rank = 4 then 1 end) as final_reports,
        count(sequence) as numbered,
        min(case when rank = 1 then received_at end) as queued_received_at,
        min(case when rank = 3 then received_at end) as sent_received_at,
        min(case when rank = 4 then received_at end) as final_received_at,
        min(case when rank = 1 then number end) as queued_number,
        min(case when rank = 3 then number end) as sent_number,
        min(case when rank = 4 then number end) as final_number,
        count(number) as numbers,
        bool_or(odd) as odd,
        bit_or(held) as held,
        max_by(held, rank) as held_at_last,
        min(unchanging) as unchanging,
        max(unchanging) as unchanging_too,
        min(xxhash64(queued_time)) filter (where queued_time is not null) as queued,
        max(xxhash64(queued_time)) filter (where queued_time is not null) as queued_too,
        min(xxhash64(sent_time)) filter (where sent_time is not null) as sent,
        max(xxhash64(sent_time)) filter (where sent_time is not null) as sent_too,
        min(xxhash64(amount)) filter (where amount is not null) as amount,
        max(xxhash64(amount)) filter (where amount is not null) as amount_too,
        max(case when amount is not null then rank end) as rank_of_amount
    from seen
    group by message_uuid
)
select
    c.message_uuid, c.reports, c.last_rank, c.first_received_at, c.last_received_at,
    c.message_times, c.queued_times, c.sent_times, c.receipt_times, c.units_told, c.amounts_told,
    c.numbered - c.numbers as untyped_sequences,
    not m.every_report
        and not c.odd
        and c.queued_reports <= 1 and c.sent_reports <= 1 and c.final_reports <= 1
        and c.queued_reports + c.sent_reports + c.final_reports = c.reports
        and c.numbered = c.numbers and c.numbers in (0, c.reports)
        and coalesce(c.queued_number < coalesce(c.sent_number, c.final_number), true)
        and coalesce(c.sent_number < c.final_number, true)
        and coalesce(c.queued_received_at < coalesce(c.sent_received_at, c.final_received_at), true)
        and coalesce(c.sent_received_at < c.final_received_at, true)
        and c.held = c.held_at_last
        and c.unchanging = c.unchanging_too
        and coalesce(c.queued = c.queued_too, true)
        and coalesce(c.sent = c.sent_too, true)
        and coalesce(c.amount = c.amount_too and c.rank_of_amount = c.last_rank, true)
        and c.receipt_times <= c.final_reports as plain
from counted as c
cross join moment as m
