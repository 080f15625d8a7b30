-- The country of the longest known prefix of each beginning of a number whose country the log does
-- not say.
select h.head, max_by(n.country, length(n.prefix)) as country
from (select distinct left(to_number, 7) as head from parts where log_country is null) as h
inner join number_prefixes as n on left(h.head, length(n.prefix)) = n.prefix
group by h.head
