-- One row per report that arrives, copies too: one in a hundred comes a second time.
with kinds as (
    select p.*, 1 as kind, 'queued' as status, queued_arrived_at as arrived_at
    from parts as p where queued_arrived_at is not null
    union all by name
    select p.*, 2 as kind, 'sent' as status, sent_arrived_at as arrived_at
    from parts as p where sent_arrived_at is not null
    union all by name
    select p.*, 3 as kind, word as status, end_arrived_at as arrived_at
    from parts as p where end_arrived_at is not null
)
select k.*, 0 as copy, arrived_at as received_at from kinds as k
union all by name
select
    k.*, 1 as copy,
    arrived_at + 1000000 + cast(floor(chance(key, 60 + kind) * 300000000) as bigint) as received_at
from kinds as k
where chance(key, 70 + kind) < 0.01
