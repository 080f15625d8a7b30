-- One row per report of the parts whose course is not plain: its place in the winning order.
select
    report_id, received_at, kind, account, signature, message_uuid, parent_message_uuid, part_number,
    part_count, sequence, units, total_amount, error_code, from_number, to_number, type, mcc, mnc,
    powerpack_uuid, tag, message_time, queued_time, sent_time, delivery_report_time, state,
    compared_as, final, rank, state_place, counts_as, clock, last_time, untyped_values,
    -- 1 wins: final before not final, then Plivo's own order, then what the word, its clock and
    -- the reception tell; a report without a status holds no state and comes last
    row_number() over (
        partition by message_uuid
        order by
            case when state is null then 1 else 0 end,
            case when final then 0 else 1 end,
            sequence desc nulls last,
            rank desc,
            clock desc nulls last,
            received_at desc,
            report_id desc
    ) as place
from typed_reports
where not plain
