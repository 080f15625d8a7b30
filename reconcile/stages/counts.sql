-- One row per group, summed from tallies: integer counts and exact sums; no quotient is formed here.
-- Keys and grouping are filled with what is asked for.
select
    {keys}
    cast(coalesce(sum(weight), 0) as bigint) as submitted,
    cast(coalesce(sum(case when letter = 'F' then weight end), 0) as bigint) as failed,
    cast(coalesce(sum(case when letter = 'Q' then weight end), 0) as bigint) as queued,
    cast(coalesce(sum(case when letter = 'D' then weight end), 0) as bigint) as delivered,
    cast(coalesce(sum(case when letter = 'U' then weight end), 0) as bigint) as undelivered,
    cast(coalesce(sum(case when letter = 'X' then weight end), 0) as bigint) as unconfirmed,
    cast(coalesce(sum(case when letter = 'O' then weight end), 0) as bigint) as open,
    cast(coalesce(sum(unreceipted_us_ca), 0) as bigint) as unreceipted_us_ca,
    -- messages, whatever the weight: what an interval rests on
    cast(coalesce(sum(messages), 0) as bigint) as messages,
    cast(coalesce(sum(case when letter = 'F' then messages end), 0) as bigint) as messages_failed,
    cast(coalesce(sum(case when letter = 'Q' then messages end), 0) as bigint) as messages_queued,
    cast(coalesce(sum(case when letter = 'D' then messages end), 0) as bigint)
        as messages_delivered,
    cast(coalesce(sum(case when letter = 'U' then messages end), 0) as bigint)
        as messages_undelivered,
    cast(coalesce(sum(case when letter = 'X' then messages end), 0) as bigint)
        as messages_unconfirmed,
    cast(coalesce(sum(case when letter = 'O' then messages end), 0) as bigint) as messages_open,
    cast(coalesce(sum(pending), 0) as bigint) as pending,
    sum(total_amount) as total_amount,
    sum(case when letter = 'U' then total_amount end) as amount_undelivered,
    sum(carrier_fees) as carrier_fees,
    cast(coalesce(sum(within_10s), 0) as bigint) as within_10s,
    cast(coalesce(sum(within_60s), 0) as bigint) as within_60s,
    cast(coalesce(sum(within_5min), 0) as bigint) as within_5min,
    cast(coalesce(sum(negative_receipts), 0) as bigint) as negative_receipts
from {tallies} as tallies
{group}
