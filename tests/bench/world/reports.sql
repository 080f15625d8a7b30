-- The columns of `reports/`, as the receiver fills them from what was posted, in order of arrival.
with numbered as (
    select *, getvariable('reports_before') + row_number() over (order by received_at, key, kind, copy)
        as place
    from arrived
),
said as (
    select
        place, received_at, from_number, to_number, uuid, root, status, tag,
        case when old then part || ' of ' || parts else '1 of 1' end as part_info,
        case when old then null when status = 'failed' then '2' else cast(kind as varchar) end as sequence,
        case when status in ('failed', 'undelivered') then coalesce(error_code, '')
            when status = 'delivered' and not old then '000' end as error_code,
        cast(units as varchar) as units,
        cast(case when kind > 1 then price else 0 end as decimal(18, 5)) as total_rate,
        cast(case when kind > 1 and status <> 'failed' then price * units else 0 end
            as decimal(18, 5)) as total_amount,
        case when kind > 1 then mcc end as mcc,
        case when kind > 1 then mnc end as mnc,
        message_time, queued_at,
        case when kind > 1 then sent_at end as sent_at,
        case when kind = 3 and status <> 'failed' then ended_at end as ended_at,
        case when kind > 1 then 'sms' end as type,
        case when kind > 1 then '203.0.113.' || number % 4 end as requester_ip
    from numbered
)
select
    getvariable('source') || '-' || lpad(cast(place as varchar), 16, '0') as report_id,
    make_timestamptz(received_at) as received_at,
    'delivery_report' as kind,
    'POST' as http_method,
    getvariable('account') as account,
    'v3' as signature,
    concat(
        'DeliveryReportTime=' || encoded_clock(ended_at) || '&',
        'ErrorCode=' || error_code || '&',
        'From=', from_number,
        '&MCC=' || mcc, '&MNC=' || mnc,
        '&MessageTime=', encoded_clock(message_time),
        '&MessageUUID=', uuid,
        '&ParentMessageUUID=', root,
        '&PartInfo=', replace(part_info, ' ', '+'),
        '&PowerpackUUID=',
        '&QueuedTime=', encoded_clock(queued_at),
        '&SentTime=' || encoded_clock(sent_at),
        '&Sequence=' || sequence,
        '&Status=', status,
        '&To=', to_number,
        '&TotalAmount=', total_amount,
        '&TotalRate=', total_rate,
        '&Type=' || type,
        '&Units=', units,
        '&requester_ip=' || requester_ip
    ) as body,
    'tag=' || tag as query,
    uuid as message_uuid,
    root as parent_message_uuid,
    part_info,
    sequence,
    status,
    nullif(error_code, '') as error_code,
    from_number,
    to_number,
    type,
    units,
    cast(total_rate as varchar) as total_rate,
    cast(total_amount as varchar) as total_amount,
    mcc,
    mnc,
    clock(message_time) as message_time,
    clock(queued_at) as queued_time,
    clock(sent_at) as sent_time,
    clock(ended_at) as delivery_report_time,
    null as powerpack_uuid,
    requester_ip,
    null as text
from said
order by place
