-- One row per local day, country, state and account of the messages asked for: what Plivo's console
-- counts in its usage summary. A message without known units counts as one.
select
    cast(local_time as date) as day,
    country, state, account,
    cast(count(*) as bigint) as messages,
    cast(sum(coalesce(units, 1)) as bigint) as units,
    cast(sum(parts_expected) as bigint) as parts,
    coalesce(sum(total_amount), cast(0 as decimal(38, 5))) as total_amount,
    coalesce(sum(carrier_fees), cast(0 as decimal(38, 5))) as carrier_fees,
    cast(count(case when log_state is null then 1 end) as bigint) as only_reported,
    cast(count(case when total_amount is null then 1 end) as bigint) as unpriced
from counted_messages
group by cast(local_time as date), country, state, account
