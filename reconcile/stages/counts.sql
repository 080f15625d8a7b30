-- One row per group: integer counts, exact sums, percentiles; no quotient is formed here.
-- Keys, grouping and condition are filled with what is asked for.
select
    {keys}
    cast(coalesce(sum(weight), 0) as bigint) as submitted,
    cast(coalesce(sum(case when letter = 'F' then weight end), 0) as bigint) as failed,
    cast(coalesce(sum(case when letter = 'Q' then weight end), 0) as bigint) as queued,
    cast(coalesce(sum(case when letter = 'D' then weight end), 0) as bigint) as delivered,
    cast(coalesce(sum(case when letter = 'U' then weight end), 0) as bigint) as undelivered,
    cast(coalesce(sum(case when letter = 'X' then weight end), 0) as bigint) as unconfirmed,
    cast(coalesce(sum(case when letter = 'O' then weight end), 0) as bigint) as open,
    cast(coalesce(sum(case when letter in ('X', 'O') and country in ('US', 'CA')
        then weight end), 0) as bigint) as unreceipted_us_ca,
    -- messages, whatever the weight: what an interval rests on
    cast(count(*) as bigint) as messages,
    cast(count(case when letter = 'F' then 1 end) as bigint) as messages_failed,
    cast(count(case when letter = 'Q' then 1 end) as bigint) as messages_queued,
    cast(count(case when letter = 'D' then 1 end) as bigint) as messages_delivered,
    cast(count(case when letter = 'U' then 1 end) as bigint) as messages_undelivered,
    cast(count(case when letter = 'X' then 1 end) as bigint) as messages_unconfirmed,
    cast(count(case when letter = 'O' then 1 end) as bigint) as messages_open,
    sum(total_amount) as total_amount,
    sum(case when letter = 'U' then total_amount end) as amount_undelivered,
    sum(carrier_fees) as carrier_fees,
    percentile(sent_to_receipt, 0.50) as sent_to_receipt_p50,
    percentile(sent_to_receipt, 0.90) as sent_to_receipt_p90,
    percentile(sent_to_receipt, 0.95) as sent_to_receipt_p95,
    percentile(sent_to_receipt, 0.99) as sent_to_receipt_p99,
    percentile(message_to_receipt, 0.50) as message_to_receipt_p50,
    percentile(message_to_receipt, 0.90) as message_to_receipt_p90,
    percentile(message_to_receipt, 0.95) as message_to_receipt_p95,
    percentile(message_to_receipt, 0.99) as message_to_receipt_p99,
    cast(count(case when sent_to_receipt <= 10 then 1 end) as bigint) as within_10s,
    cast(count(case when sent_to_receipt <= 60 then 1 end) as bigint) as within_60s,
    cast(count(case when sent_to_receipt <= 300 then 1 end) as bigint) as within_5min,
    cast(count(case when sent_to_receipt < 0 or message_to_receipt < 0 then 1 end) as bigint)
        as negative_receipts
from (
    select
        letter, weight, country, total_amount, carrier_fees,
        {columns}
        case when letter in ('D', 'U') then
            cast(unix_micros(final_at) - unix_micros(sent_at) as double) / 1000000
        end as sent_to_receipt,
        -- from one side's clock to the other's: only where they run alike
        case when letter in ('D', 'U') and coalesce(clock_shift_minutes, 0) = 0 then
            cast(unix_micros(final_at) - unix_micros(message_time) as double) / 1000000
        end as message_to_receipt
    from counted_messages
    where {condition}
) as timed
{group}
