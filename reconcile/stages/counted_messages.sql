-- One row per message asked for (outbound, unless a direction is), with the letter that it counts
-- as now: F failed, Q queued, D delivered, U undelivered, X no receipt within the horizon, O open.
select
    m.message_uuid, m.direction, m.type, m.from_number, m.to_number, m.country, m.mcc, m.mnc,
    m.carrier, m.powerpack_uuid, m.message_time, m.queued_at, m.sent_at, m.final_at, m.state,
    case
        when m.outcome not in ('pending', 'unconfirmed') then m.outcome
        when unix_micros(a.as_of) - unix_micros(coalesce(m.last_sign_at, m.message_time))
            > a.horizon_micros then 'unconfirmed'
        when m.outcome is not null then 'pending'
    end as outcome,
    m.error_code, m.parts_seen, m.parts_expected, m.units, m.total_amount,
    m.carrier_fees, m.match, m.report_state, m.log_state, m.reports, m.duplicate_reports, m.mixed,
    m.last_sign_at, m.final_parts, m.final_parts_reported, m.out_of_order_reports,
    m.state_changes, m.guessed_time, m.never_reported, m.account, m.campaign, m.tag,
    m.untyped_values, m.window_read, m.window_how, m.clock_shift_minutes,
    case
        when a.zone = 'UTC' then m.message_time  -- looking a zone up takes time
        else from_utc_timestamp(m.message_time, a.zone)
    end as local_time,
    case
        when m.outcome = 'failed' then 'F'
        when m.state = 'queued' then 'Q'
        when m.outcome = 'delivered' then 'D'
        when m.outcome = 'undelivered' then 'U'
        when unix_micros(a.as_of) - unix_micros(coalesce(m.last_sign_at, m.message_time))
            > a.horizon_micros then 'X'
        else 'O'
    end as letter,
    case when a.by_units then coalesce(m.units, 1) else 1 end as weight
from messages as m
cross join asked as a
where (a.direction is null or m.direction = a.direction)
