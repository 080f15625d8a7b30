-- Messages handed over at a known time, by cohort, by how long the receipt took (`below` and
-- `within`: the first edge that it was below, or not above; null: none came) and by the age that
-- they have reached. Edges and cohorts are filled in.
select cohort, letter, below, within, reached, cast(count(*) as bigint) as messages
from (
    select
        {cohort} as cohort, letter,
        {below} as below,
        {within} as within,
        {reached} as reached
    from (
        select
            c.local_time, c.letter,
            case when c.letter in ('D', 'U') then
                cast(unix_micros(c.final_at) - unix_micros(c.sent_at) as double) / 1000000
            end as waited,
            cast(unix_micros(a.as_of) - unix_micros(c.sent_at) as double) / 1000000 as age
        from counted_messages as c
        cross join asked as a
        where c.letter in ('D', 'U', 'X', 'O') and c.sent_at is not null
    ) as timed
) as binned
group by cohort, letter, below, within, reached
