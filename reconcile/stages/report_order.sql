-- One row per part with reports: how many came twice, came late, or changed a final state.
-- Copies (same part, sequence and status) count once, as the first of them that arrived.
with first_copies as (
    select
        message_uuid, received_at, report_id, sequence, rank, final, compared_as, place,
        row_number() over (
            partition by message_uuid, sequence, state order by received_at, report_id
        ) as copy
    from report_states
),
in_arrival_order as (
    select
        message_uuid, sequence, rank, final, compared_as,
        max(sequence) over earlier as earlier_sequence,
        max(rank) over earlier as earlier_rank,
        max(case when sequence is null then rank end) over earlier as earlier_rank_unnumbered,
        lag(compared_as) over (partition by message_uuid, final order by place) as neighbour
    from first_copies
    where copy = 1
    window earlier as (
        partition by message_uuid order by received_at, report_id
        rows between unbounded preceding and 1 preceding
    )
)
select
    message_uuid,
    cast(sum(case
        when sequence is null and earlier_rank > rank then 1
        when earlier_sequence > sequence or earlier_rank_unnumbered > rank then 1
        else 0
    end) as int) as out_of_order_reports,
    cast(sum(case when final and neighbour <> compared_as then 1 else 0 end) as int)
        as state_changes,
    cast(count(*) as int) as distinct_reports
from in_arrival_order
group by message_uuid
