-- The reports that name a part, each with the parameters of the URL that Plivo called: a POST's own
-- query, a GET's everything. The bodies of POSTs are long, and not read.
select
    trim(message_uuid) as message_uuid, report_id, received_at, kind, account, signature,
    http_method, parent_message_uuid, status, sequence, units, total_amount, message_time,
    queued_time, sent_time, delivery_report_time, error_code, from_number, to_number, type, mcc,
    mnc, powerpack_uuid, part_info, query as url_parameters
from reports
where trim(message_uuid) <> '' and coalesce(http_method, '') <> 'GET'
union all
select
    trim(message_uuid) as message_uuid, report_id, received_at, kind, account, signature,
    http_method, parent_message_uuid, status, sequence, units, total_amount, message_time,
    queued_time, sent_time, delivery_report_time, error_code, from_number, to_number, type, mcc,
    mnc, powerpack_uuid, part_info, body as url_parameters
from reports
where trim(message_uuid) <> '' and http_method = 'GET'
