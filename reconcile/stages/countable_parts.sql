-- One row per outbound part that we know of, and how we know that it stands in the log: from a row
-- of it, or from a report that Plivo signed with all that it says (V2 leaves the body open).
select
    p.message_uuid, p.account, p.message_time, p.in_log, p.final, p.state,
    r.signed_time, r.said_time, l.pulled_at
from parts as p
left join report_parts as r on r.message_uuid = p.message_uuid
left join log_parts as l on l.message_uuid = p.message_uuid
where p.direction = 'outbound'
