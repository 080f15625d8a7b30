-- One row per outbound part that we know of, and how we know that it stands in the log: from a row
-- of it, or from a report that Plivo signed with all that it says (V2 leaves the body open).
with said as (
    select
        message_uuid,
        min_by(message_time, place)
            filter (where signature in ('v3', 'ma-v3') and message_time is not null)
            as signed_time,
        min_by(message_time, place) filter (where message_time is not null) as said_time
    from report_states
    where kind = 'delivery_report'
    group by message_uuid
)
select
    p.message_uuid, p.account, p.message_time, p.in_log, p.final, p.state,
    s.signed_time, s.said_time, l.pulled_at
from parts as p
left join said as s on s.message_uuid = p.message_uuid
left join log_parts as l on l.message_uuid = p.message_uuid
where p.direction = 'outbound'
