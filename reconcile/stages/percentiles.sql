-- One row per group: seconds to receipt, by linear interpolation; `percentiles` are those of 50, 90,
-- 95 and 99 in a hundred. Keys and grouping are filled with what is asked for.
select
    {keys}
    percentiles(sent_to_receipt) as sent_to_receipt,
    percentiles(message_to_receipt) as message_to_receipt
from (
    select
        {columns}
        {sent_to_receipt} as sent_to_receipt,
        {message_to_receipt} as message_to_receipt
    from counted_messages
) as timed
{group}
