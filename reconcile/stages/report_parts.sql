-- One row per part with reports: the winner's state, and each value from the highest report in
-- the winning order that has it. Of a plain course the last report is the winner and has them all.
with others as (
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
            filter (where total_amount is not null and (final or total_amount <> 0))
            as total_amount,
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
            as delivered_at,
        min_by(message_time, place)
            filter (where kind = 'delivery_report' and message_time is not null) as said_time,
        min_by(message_time, place)
            filter (where signature in ('v3', 'ma-v3') and kind = 'delivery_report'
                and message_time is not null) as signed_time
    from report_states
    group by message_uuid
)
select
    message_uuid, cast(reports as int) as reports, 1 as has_delivery_report, first_received_at,
    received_at as last_received_at, last_time, cast(untyped_values as int) as untyped_values,
    state, compared_as, final, rank, state_place, counts_as, clock, parent_message_uuid,
    part_number, part_count, units,
    case when final or total_amount <> 0 then total_amount end as total_amount,
    case when total_amount = 0 then total_amount end as zero_amount, error_code, mcc, mnc,
    from_number, to_number, cast(null as string) as from_redacted,
    cast(null as string) as to_redacted, type, powerpack_uuid, account, tag, message_time,
    queued_time, sent_time, case when state = 'failed' then delivery_report_time end as failed_at,
    case when state = 'rejected' then delivery_report_time end as rejected_at,
    case when state = 'undelivered' then delivery_report_time end as undelivered_at,
    case when compared_as = 'delivered' then delivery_report_time end as delivered_at,
    message_time as said_time,
    case when signature in ('v3', 'ma-v3') then message_time end as signed_time,
    cast(reports as int) as distinct_reports, 0 as out_of_order_reports, 0 as state_changes
from typed_reports
where plain
union all
select
    p.message_uuid, p.reports, p.has_delivery_report, p.first_received_at, p.last_received_at,
    p.last_time, p.untyped_values, p.state, p.compared_as, p.final, p.rank, p.state_place,
    p.counts_as, p.clock, p.parent_message_uuid, p.part_number, p.part_count, p.units,
    p.total_amount, p.zero_amount, p.error_code, p.mcc, p.mnc, p.from_number, p.to_number,
    p.from_redacted, p.to_redacted, p.type, p.powerpack_uuid, p.account, p.tag, p.message_time,
    p.queued_time, p.sent_time, p.failed_at, p.rejected_at, p.undelivered_at, p.delivered_at,
    p.said_time, p.signed_time, o.distinct_reports, o.out_of_order_reports, o.state_changes
from others as p
inner join report_order as o on o.message_uuid = p.message_uuid
