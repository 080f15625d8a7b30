-- One row: what the collection itself looks like, over the messages asked for.
select
    cast(count(*) as bigint) as messages,
    cast(count(case when window_read and final_parts > 0
        and final_parts_reported = final_parts then 1 end) as bigint) as captured,
    cast(count(case when window_read and final_parts > 0 then 1 end) as bigint) as capturable,
    cast(count(case when never_reported then 1 end) as bigint) as never_reported,
    cast(coalesce(sum(duplicate_reports), 0) as bigint) as duplicate_reports,
    cast(coalesce(sum(out_of_order_reports), 0) as bigint) as out_of_order_reports,
    cast(coalesce(sum(state_changes), 0) as bigint) as state_changes,
    cast(count(case when guessed_time then 1 end) as bigint) as guessed_times,
    cast(coalesce(sum(untyped_values), 0) as bigint) as untyped_values
from counted_messages
