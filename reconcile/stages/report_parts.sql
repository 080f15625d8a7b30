-- One row per part with reports: the winner's state, and each value from the highest report in
-- the winning order that has it.
select
    message_uuid,
    cast(count(*) as int) as reports,
    max(case when kind = 'delivery_report' then 1 else 0 end) as has_delivery_report,
    min(received_at) as first_received_at,
    max(received_at) as last_received_at,
    max(last_time) as last_time,
    cast(sum(untyped_values) as int) as untyped_values,
    max(case when place = 1 then state end) as state,
    max(case when place = 1 then compared_as end) as compared_as,
    bool_and(case when place = 1 then final end) as final,
    max(case when place = 1 then rank end) as rank,
    max(case when place = 1 then state_place end) as state_place,
    max(case when place = 1 then counts_as end) as counts_as,
    max(case when place = 1 then clock end) as clock,
    min_by(parent_message_uuid, place) filter (where parent_message_uuid is not null)
        as parent_message_uuid,
    min_by(part_number, place) filter (where part_number is not null) as part_number,
    min_by(part_count, place) filter (where part_count is not null) as part_count,
    min_by(units, place) filter (where units is not null) as units,
    min_by(total_amount, place)
        filter (where total_amount is not null and (final or total_amount <> 0)) as total_amount,
    -- the 0.00000 of a report that is not final never overwrites another amount
    min_by(total_amount, place) filter (where total_amount = 0) as zero_amount,
    min_by(error_code, place) filter (where error_code is not null) as error_code,
    min_by(mcc, place) filter (where mcc is not null) as mcc,
    min_by(mnc, place) filter (where mnc is not null) as mnc,
    min_by(from_number, place) filter (where from_number not like '%***%') as from_number,
    min_by(to_number, place) filter (where to_number not like '%***%') as to_number,
    min_by(from_number, place) filter (where from_number like '%***%') as from_redacted,
    min_by(to_number, place) filter (where to_number like '%***%') as to_redacted,
    min_by(type, place) filter (where type is not null) as type,
    min_by(powerpack_uuid, place) filter (where powerpack_uuid is not null) as powerpack_uuid,
    min_by(account, place) filter (where account is not null) as account,
    min_by(tag, place) filter (where tag is not null) as tag,
    min_by(message_time, place) filter (where message_time is not null) as message_time,
    min_by(queued_time, place) filter (where queued_time is not null) as queued_time,
    min_by(sent_time, place) filter (where sent_time is not null) as sent_time,
    -- the first report, by Sequence and clock, that says this final state held: among reports of
    -- one state the winning order runs backwards through both
    max_by(delivery_report_time, place)
        filter (where state = 'failed' and delivery_report_time is not null) as failed_at,
    max_by(delivery_report_time, place)
        filter (where state = 'rejected' and delivery_report_time is not null) as rejected_at,
    max_by(delivery_report_time, place)
        filter (where state = 'undelivered' and delivery_report_time is not null)
        as undelivered_at,
    max_by(delivery_report_time, place)
        filter (where compared_as = 'delivered' and delivery_report_time is not null)
        as delivered_at
from report_states
group by message_uuid
