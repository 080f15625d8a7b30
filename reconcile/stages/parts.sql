-- One row per part: report and log held against each other. The state is that of the side that
-- wins; values come from the log once its state is final, before that from the reports.
with joined as (
    select
        coalesce(l.message_uuid, r.message_uuid) as message_uuid,
        coalesce(l.parent_message_uuid, r.parent_message_uuid, l.message_uuid, r.message_uuid)
            as root,
        l.message_uuid is not null as in_log,
        r.message_uuid is not null as has_reports,
        coalesce(l.final, false) as log_final,
        coalesce(r.final, false) as report_final,
        l.state as log_state,
        r.state as report_state,
        l.compared_as = r.compared_as as same_state,
        r.clock > l.message_updated_time as report_clock_later,
        unix_micros(r.message_time) - unix_micros(l.message_time) as micros_apart,
        coalesce(l.rank, -1) as log_rank,
        coalesce(r.rank, -1) as report_rank,
        coalesce(l.state_place, 9) as log_place,
        coalesce(r.state_place, 9) as report_place,
        l.counts_as as log_counts_as,
        r.counts_as as report_counts_as,
        r.compared_as as report_compared_as,
        coalesce(l.direction,
            case when r.has_delivery_report = 0 then 'inbound' else 'outbound' end) as direction,
        coalesce(r.account, l.account) as account,
        r.part_number, r.part_count, r.tag,
        l.carrier_fees, l.campaign, l.country as log_country, l.carrier as log_carrier,
        case when l.final then coalesce(l.units, r.units) else coalesce(r.units, l.units) end
            as units,
        case when l.final
            then coalesce(l.total_amount, r.total_amount, r.zero_amount)
            else coalesce(r.total_amount, l.total_amount, r.zero_amount) end as total_amount,
        case when l.final then coalesce(l.mcc, r.mcc) else coalesce(r.mcc, l.mcc) end as mcc,
        case when l.final then coalesce(l.mnc, r.mnc) else coalesce(r.mnc, l.mnc) end as mnc,
        case when l.final then coalesce(l.type, r.type) else coalesce(r.type, l.type) end as type,
        case when l.final then coalesce(l.powerpack_uuid, r.powerpack_uuid)
            else coalesce(r.powerpack_uuid, l.powerpack_uuid) end as powerpack_uuid,
        -- a redacted number (***) never overwrites a whole one
        case
            when l.from_number like '%***%'
                then coalesce(r.from_number, case when l.final then l.from_number end,
                    r.from_redacted, l.from_number)
            when l.final then coalesce(l.from_number, r.from_number, r.from_redacted)
            else coalesce(r.from_number, l.from_number, r.from_redacted)
        end as from_number,
        case
            when l.to_number like '%***%'
                then coalesce(r.to_number, case when l.final then l.to_number end,
                    r.to_redacted, l.to_number)
            when l.final then coalesce(l.to_number, r.to_number, r.to_redacted)
            else coalesce(r.to_number, l.to_number, r.to_redacted)
        end as to_number,
        l.error_code as log_error_code,
        r.error_code as report_error_code,
        coalesce(l.message_time, r.message_time, r.queued_time, r.first_received_at, l.pulled_at)
            as message_time,
        coalesce(l.message_time, r.message_time, r.queued_time) is null as guessed_time,
        r.queued_time as queued_at,
        coalesce(r.sent_time, l.message_sent_time) as sent_at,
        r.failed_at, r.rejected_at, r.undelivered_at, r.delivered_at,
        l.compared_as as log_compared_as,
        l.message_updated_time,
        -- Plivo's times are the signs of life; reception stands in where there are none
        coalesce(
            greatest(r.last_time, l.message_time, l.message_sent_time, l.message_updated_time),
            r.last_received_at
        ) as last_sign_at,
        coalesce(r.reports, 0) as reports,
        coalesce(r.distinct_reports, 0) as distinct_reports,
        coalesce(r.out_of_order_reports, 0) as out_of_order_reports,
        coalesce(r.state_changes, 0) as state_changes,
        coalesce(r.untyped_values, 0) + coalesce(l.untyped_values, 0) as untyped_values
    from report_parts as r
    full outer join log_parts as l on l.message_uuid = r.message_uuid
),
apart as (
    select *, cast(round(cast(micros_apart as double) / 900000000) as bigint) as quarters_apart
    from joined
),
shifted as (
    -- by how many minutes the reports' MessageTime runs ahead of the log's, where both date the
    -- part: 0 where they agree; whole quarters of an hour are a zone's doing; anything else is no
    -- shift, and null
    select
        *,
        case
            when abs(micros_apart) <= 2000000 then 0
            when abs(micros_apart - quarters_apart * 900000000) <= 2000000
                and abs(quarters_apart) <= 56 then cast(quarters_apart * 15 as int)
        end as clock_shift_minutes
    from apart
),
decided as (
    select
        *,
        case
            -- both have ended differently: the log's word, unless the report's clock is later
            -- (clocks that run in different zones cannot tell)
            when log_final and report_final and not same_state
                and report_clock_later and coalesce(clock_shift_minutes, 0) = 0 then 'report'
            when log_final then 'log'
            when report_final then 'report'
            when log_rank >= report_rank then 'log'
            else 'report'
        end as winner
    from shifted
),
stated as (
    select
        *,
        -- delivered and read are one; the message was read if either side says so
        log_final and report_final and same_state and report_state = 'read' as read_by_report
    from decided
),
worded as (
    select
        *,
        winner = 'log' and not coalesce(read_by_report, false) as log_word
    from stated
)
select
    p.message_uuid, p.root, p.direction, p.account, p.part_number, p.part_count, p.tag, p.type,
    p.from_number, p.to_number, p.mcc, p.mnc, p.log_country, p.log_carrier, p.powerpack_uuid,
    p.campaign, p.units, p.total_amount, p.carrier_fees, p.message_time, p.guessed_time,
    p.queued_at, p.sent_at, p.last_sign_at, p.reports, p.out_of_order_reports, p.state_changes,
    p.untyped_values, p.clock_shift_minutes, p.in_log, p.has_reports, p.report_final, p.log_final, p.winner,
    p.report_state, p.log_state, p.report_place, p.log_place,
    p.reports - p.distinct_reports as duplicate_reports,
    p.log_final or p.report_final as final,
    case when log_word then p.log_state else p.report_state end as state,
    case when log_word then p.log_place else p.report_place end as state_place,
    case when log_word then p.log_counts_as else p.report_counts_as end as counts_as,
    case when log_word then p.log_compared_as else p.report_compared_as end as compared_as,
    case when case when log_word then p.log_counts_as else p.report_counts_as end
        in ('failed', 'undelivered')
    then
        case when p.winner = 'log'
            then coalesce(p.log_error_code,
                case when p.report_state = p.log_state then p.report_error_code end)
            else coalesce(p.report_error_code,
                case when p.log_state = p.report_state then p.log_error_code end)
        end
    end as error_code,
    coalesce(
        case case when log_word then p.log_compared_as else p.report_compared_as end
            when 'failed' then p.failed_at
            when 'rejected' then p.rejected_at
            when 'undelivered' then p.undelivered_at
            when 'delivered' then p.delivered_at
        end,
        case when p.log_final and (log_word or p.same_state) then p.message_updated_time end
    ) as final_at,
    w.how as window_how,
    case
        when p.in_log and p.log_final then
            case when not p.report_final then 'report_missing'
                when p.same_state then 'agree' else 'status_differs' end
        when p.in_log then case when p.report_final then 'log_behind' else 'open' end
        -- a time that was guessed cannot tell which window should hold the part
        when w.how = 'listed' then case when p.guessed_time then 'not_pulled' else 'log_missing' end
        when w.how = 'counted' then case when p.report_final then 'counted' else 'open' end
        else 'not_pulled'
    end as match
from worded as p
left join windows as w
    on w.account = coalesce(p.account, '')
    and p.message_time >= w.from_at and p.message_time < w.until_at
