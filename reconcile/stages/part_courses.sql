-- One row per part with reports: how they came, and whether their course is plain – at most one
-- report each of queued, sent and final, in this order by Sequence and by arrival, all saying the
-- same of what never changes, the last one lacking nothing that an earlier one said. The last
-- report of a plain course tells all that the part's reports tell; most courses are plain.
with seen as (
    select
        r.message_uuid, r.received_at, r.sent_time, s.rank,
        case when regexp_like(r.sequence, '^[0-9]{1,18}\z') then cast(r.sequence as bigint) end
            as number,
        case when r.total_amount not in ('0', '0.0', '0.00', '0.000', '0.0000', '0.00000')
            then r.total_amount end as amount,
        -- what cleaning would change before it counts
        coalesce(r.kind, '') <> 'delivery_report' or coalesce(r.http_method, '') <> 'POST'
            or coalesce(s.rank, 0) not in (1, 3, 4)
            or (r.sequence is not null and not regexp_like(r.sequence, '^[0-9]{1,18}\z'))
            or coalesce(r.type = '' or r.type <> trim(r.type), false)
            or coalesce(r.mcc = '' or r.mcc <> trim(r.mcc), false)
            or coalesce(r.mnc = '' or r.mnc <> trim(r.mnc), false)
            or coalesce(r.powerpack_uuid = '' or r.powerpack_uuid <> trim(r.powerpack_uuid), false)
            or coalesce(r.total_amount = '' or r.total_amount <> trim(r.total_amount), false)
            or coalesce(r.error_code = '' or r.error_code <> trim(r.error_code), false)
            or coalesce(r.error_code like '0%' and r.error_code not in ('000', '0'), false)
            or coalesce(r.from_number like '%*%', false) or coalesce(r.to_number like '%*%', false)
            as odd,
        -- which values the report has, a power of two each
        case when r.type is not null then 1 else 0 end
        + case when r.mcc is not null then 2 else 0 end
        + case when r.mnc is not null then 4 else 0 end
        + case when r.powerpack_uuid is not null then 8 else 0 end
        + case when r.account is not null then 16 else 0 end
        + case when r.total_amount is not null then 32 else 0 end
        + case when r.error_code not in ('000', '0') then 64 else 0 end
        + case when r.sequence is not null then 128 else 0 end
        + case when r.total_amount not in ('0', '0.0', '0.00', '0.000', '0.0000', '0.00000')
            then 256 else 0 end
        + case when r.sent_time is not null then 512 else 0 end
        + case when r.delivery_report_time is not null then 1024 else 0 end as held,
        xxhash64(coalesce(r.from_number, ''), coalesce(r.to_number, ''), coalesce(r.units, ''),
            coalesce(r.part_info, ''), coalesce(r.parent_message_uuid, ''),
            coalesce(r.message_time, ''), coalesce(r.queued_time, ''),
            coalesce(r.url_parameters, ''), coalesce(r.signature, '')) as unchanging
    from part_reports as r
    left join states as s on s.word = lower(trim(r.status))
),
counted as (
    select
        message_uuid,
        count(*) as reports,
        bool_or(odd) as odd,
        max(case when rank = 1 then held end) as queued_held,
        max(case when rank = 3 then held end) as sent_held,
        max(case when rank = 4 then held end) as final_held,
        min(case when rank = 1 then received_at end) as queued_received_at,
        min(case when rank = 3 then received_at end) as sent_received_at,
        min(case when rank = 4 then received_at end) as final_received_at,
        min(case when rank = 1 then number end) as queued_number,
        min(case when rank = 3 then number end) as sent_number,
        min(case when rank = 4 then number end) as final_number,
        min(unchanging) as unchanging,
        max(unchanging) as unchanging_too,
        min(case when sent_time is not null then xxhash64(sent_time) end) as sent,
        max(case when sent_time is not null then xxhash64(sent_time) end) as sent_too,
        min(case when amount is not null then xxhash64(amount) end) as amount,
        max(case when amount is not null then xxhash64(amount) end) as amount_too
    from seen
    group by message_uuid
),
held as (
    select
        *,
        coalesce(final_held, sent_held, queued_held) as last_held,
        coalesce(queued_held, 0) | coalesce(sent_held, 0) | coalesce(final_held, 0) as any_held,
        coalesce(queued_held, sent_held, final_held) & coalesce(sent_held, queued_held, final_held)
        & coalesce(final_held, sent_held, queued_held) as all_held
    from counted
)
select
    h.message_uuid, h.reports,
    case when h.final_held is not null then 4 when h.sent_held is not null then 3 else 1 end
        as last_rank,
    coalesce(h.queued_received_at, h.sent_received_at, h.final_received_at) as first_received_at,
    -- how many of them say when it was sent, and what it cost
    case when (coalesce(h.queued_held, 0) & 512) > 0 then 1 else 0 end
    + case when (coalesce(h.sent_held, 0) & 512) > 0 then 1 else 0 end
    + case when (coalesce(h.final_held, 0) & 512) > 0 then 1 else 0 end as sent_times,
    case when (coalesce(h.queued_held, 0) & 256) > 0 then 1 else 0 end
    + case when (coalesce(h.sent_held, 0) & 256) > 0 then 1 else 0 end
    + case when (coalesce(h.final_held, 0) & 256) > 0 then 1 else 0 end as amounts_told,
    not m.every_report
        and not h.odd
        and h.reports
            = case when h.queued_held is not null then 1 else 0 end
            + case when h.sent_held is not null then 1 else 0 end
            + case when h.final_held is not null then 1 else 0 end
        and coalesce(h.queued_number < coalesce(h.sent_number, h.final_number), true)
        and coalesce(h.sent_number < h.final_number, true)
        and coalesce(h.queued_received_at < coalesce(h.sent_received_at, h.final_received_at), true)
        and coalesce(h.sent_received_at < h.final_received_at, true)
        and h.last_held = h.any_held
        and (h.any_held & 128) = (h.all_held & 128)
        and (coalesce(h.queued_held, 0) & 1024) = 0 and (coalesce(h.sent_held, 0) & 1024) = 0
        and h.unchanging = h.unchanging_too
        and coalesce(h.sent = h.sent_too, true)
        and coalesce(h.amount = h.amount_too, true) as plain
from held as h
cross join moment as m
