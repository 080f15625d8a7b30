-- Messages handed over at a known time, by step, country and cohort, by how long the receipt took
-- (`below`: the first edge that it was below; null: none came) and by the age that they have
-- reached. Step, edges and cohorts are filled in; edges are in microseconds.
select
    step, country, cohort, letter, below, reached, cast(count(*) as bigint) as messages
from (
    select
        step, country, letter,
        {cohort} as cohort,
        {below} as below,
        {reached} as reached
    from (
        select
            {step} as step, c.country, c.local_time, c.letter,
            case when c.letter in ('D', 'U') then unix_micros(c.final_at) - unix_micros(c.sent_at)
                end as waited,
            unix_micros(a.as_of) - unix_micros(c.sent_at) as age
        from counted_messages as c
        cross join asked as a
        where c.letter in ('D', 'U', 'X', 'O') and c.sent_at is not null
    ) as timed
) as binned
group by step, country, cohort, letter, below, reached
