-- What can be known at `until` of a day's messages: one row, from the draws.
with known_parts as (
    select
        p.number, p.part, p.old, p.parts, p.word, p.price, p.units, p.queued_at, p.sent_at, p.ended_at,
        coalesce(p.end_arrived_at < getvariable('until'), false) or coalesce(l.ended, false) as ended,
        coalesce(p.sent_arrived_at < getvariable('until'), false)
            or l.number is not null as handed_over,
        l.number is not null as in_log,
        coalesce(least(p.queued_arrived_at, p.sent_arrived_at, p.end_arrived_at)
            < getvariable('until'), false) as reported
    from parts as p
    left join (
        select number, part, bool_or(state in ('delivered', 'undelivered', 'failed')) as ended
        from log_reads
        group by number, part
    ) as l on l.number = p.number and l.part = p.part
),
known as (
    select
        number,
        bool_or(ended and word = 'failed') as failed,
        bool_or(ended and word = 'undelivered') as undelivered,
        count(*) filter (where ended and word = 'delivered') = max(parts) as delivered,
        max(case when ended then ended_at when handed_over then sent_at else queued_at end)
            as last_sign_at,
        count(*) as parts,
        sum(units) as units,
        sum(case when ended and word = 'failed' then 0 when ended or handed_over then price * units
            else 0 end) as total_amount,
        bool_or(in_log) and not bool_or(reported) as never_reported
    from known_parts
    where in_log or reported
    group by number
),
judged as (
    select
        *,
        case when failed then 'failed' when undelivered then 'undelivered'
            when delivered then 'delivered'
            when getvariable('until') - last_sign_at > 72 * 3600000000 then 'unconfirmed'
            else 'pending' end as outcome
    from known
)
select
    count(*) as messages,
    cast(coalesce(sum(parts), 0) as bigint) as parts,
    count(*) filter (where outcome = 'delivered') as delivered,
    count(*) filter (where outcome = 'undelivered') as undelivered,
    count(*) filter (where outcome = 'failed') as failed,
    count(*) filter (where outcome = 'unconfirmed') as unconfirmed,
    count(*) filter (where outcome = 'pending') as pending,
    cast(coalesce(sum(units), 0) as bigint) as units,
    cast(coalesce(sum(total_amount), 0) as decimal(18, 5)) as total_amount,
    count(*) filter (where never_reported) as never_reported,
    (select count(*) from log_reads) as log_rows
from judged
