-- One row per report that arrives, copies too: one in a hundred comes a second time.
with arrivals as (
    select
        key, number, part, parts, old, uuid, root, from_number,
        to_number, tag, units, price, mcc, mnc, word, error_code, message_time, queued_at, sent_at,
        ended_at,
        unnest([
            {kind: 1, arrived_at: queued_arrived_at}, {kind: 2, arrived_at: sent_arrived_at},
            {kind: 3, arrived_at: end_arrived_at}
        ], recursive := true)
    from parts
),
posted as (
    select
        *,
        unnest(case when chance(key, 70 + kind) < 0.01 then [0, 1] else [0] end) as copy
    from arrivals
    where arrived_at is not null
)
select
    key, kind, copy, number, part, parts, old, uuid, root, from_number, to_number, tag, units,
    price, mcc, mnc, error_code, message_time, queued_at, sent_at, ended_at,
    case kind when 1 then 'queued' when 2 then 'sent' else word end as status,
    arrived_at + case when copy = 1
        then 1000000 + cast(floor(chance(key, 60 + kind) * 300000000) as bigint) else 0 end
        as received_at
from posted
