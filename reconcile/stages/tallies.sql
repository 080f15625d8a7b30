-- One row per group and letter, all of it additive: whoever wants larger groups sums these rows.
-- Keys and condition are filled with what is asked for.
select
    {keys}
    letter,
    cast(count(*) as bigint) as messages,
    cast(sum(weight) as bigint) as weight,
    cast(coalesce(sum(case when letter in ('X', 'O') and us_ca then weight end), 0) as bigint)
        as unreceipted_us_ca,
    cast(count(case when pending then 1 end) as bigint) as pending,
    sum(total_amount) as total_amount,
    sum(carrier_fees) as carrier_fees,
    min(moment) as first_at,
    max(moment) as last_at,
    cast(count(case when sent_to_receipt <= 10 then 1 end) as bigint) as within_10s,
    cast(count(case when sent_to_receipt <= 60 then 1 end) as bigint) as within_60s,
    cast(count(case when sent_to_receipt <= 300 then 1 end) as bigint) as within_5min,
    cast(count(case when sent_to_receipt < 0 or message_to_receipt < 0 then 1 end) as bigint)
        as negative_receipts
from (
    select
        {columns}
        letter, weight, total_amount, carrier_fees, message_time as moment,
        country in ('US', 'CA') as us_ca,
        outcome = 'pending' as pending,
        {sent_to_receipt} as sent_to_receipt,
        {message_to_receipt} as message_to_receipt
    from counted_messages
    where {condition}
) as timed
group by {keys} letter
