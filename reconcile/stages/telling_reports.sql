-- The reports that are worth a look: of a part with a plain course the last one, standing for all of
-- them, of any other part each. The counts say for how many reports a value stands.
select
    r.message_uuid, r.report_id, r.received_at, r.kind, r.account, r.signature,
    r.parent_message_uuid, r.status, r.sequence, r.units, r.total_amount, r.message_time,
    r.queued_time, r.sent_time, r.delivery_report_time, r.error_code, r.from_number, r.to_number,
    r.type, r.mcc, r.mnc, r.powerpack_uuid, r.part_info, r.url_parameters,
    c.plain,
    case when c.plain then c.reports else 1 end as reports,
    case when c.plain then c.first_received_at else r.received_at end as first_received_at,
    case when c.plain then c.sent_times else 1 end as sent_times,
    case when c.plain then c.amounts_told else 1 end as amounts_told
from part_reports as r
left join states as s on s.word = lower(trim(r.status))
inner join part_courses as c on c.message_uuid = r.message_uuid
where not c.plain or s.rank = c.last_rank
