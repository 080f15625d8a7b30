-- One row per part and time that its log row was read, until `until`: an hour is listed once it is
-- over, and a part that is final on neither side is read again 1, 6, 24 and 72 hours later.
select
    p.*, read_at,
    case when ended_at <= read_at then word when sent_at <= read_at then 'sent' else 'queued' end
        as state
from (
    select p.*, round, listed_at + [0, 1, 6, 24, 72][round] * 3600000000 as read_at,
        listed_at + [0, 0, 1, 6, 24][round] * 3600000000 as read_before_at
    from parts as p, range(1, 6) as rounds(round)
) as p
where read_at < getvariable('until')
    and (round = 1 or (coalesce(ended_at > read_before_at, true)
        and coalesce(end_arrived_at > read_before_at, true)))
