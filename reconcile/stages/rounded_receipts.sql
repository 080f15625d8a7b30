-- One row per step or per route, and time to receipt to three significant digits: so many receipts
-- took so long. `clock` says since when: sent or, by step only, message. What is not grouped by is
-- null, and `by_step` tells which it is. The step and the rounded times are filled in.
select
    'sent' as clock, grouping(step) = 0 as by_step, step, country, carrier, micros,
    cast(count(*) as bigint) as receipts
from (
    select {step} as step, country, carrier, {since_sent} as micros
    from counted_messages
    where letter in ('D', 'U') and final_at is not null and sent_at is not null
) as timed
group by grouping sets ((step, micros), (country, carrier, micros))
union all
select
    'message' as clock, true as by_step, step, null as country, null as carrier, micros,
    cast(count(*) as bigint) as receipts
from (
    select {step} as step, {since_message} as micros
    from counted_messages
    where letter in ('D', 'U') and final_at is not null and coalesce(clock_shift_minutes, 0) = 0
) as timed
group by step, micros
