-- The columns of `log/`, as the reconciler fills them from Plivo's JSON, ordered as compaction does.
with said as (
    select
        s.*,
        cast(case when state in ('failed', 'queued') then 0 else price * units end
            as decimal(18, 5)) as total_amount,
        cast(case when state in ('failed', 'queued') then 0 else fee * units end
            as decimal(18, 5)) as carrier_fees,
        case state when 'delivered' then '000' when 'sent' then null else nullif(error_code, '') end
            as code,
        case state when 'sent' then sent_at when 'queued' then queued_at else ended_at end
            as updated_at,
        '/v1/Account/' || getvariable('account') || '/Message/' || uuid || '/' as resource_uri,
        '203.0.113.' || number % 4 as requester_ip,
        e.message as error_message
    from seen as s
    left join error_messages as e
        on e.code = error_code and state in ('failed', 'undelivered')
)
select
    uuid as message_uuid,
    make_timestamptz(read_at) as pulled_at,
    concat(
        '{"carrier_fees": "', carrier_fees,
        '", "carrier_fees_rate": "', fee,
        '", "destination_country_iso2": "', country,
        '", "destination_network": "', carrier,
        '", "error_code": ', coalesce('"' || code || '"', 'null'),
        ', "error_message": "', error_message,
        '", "from_number": "', from_number,
        '", "is_domestic": false, "log": true, "mcc": "', mcc,
        '", "message_direction": "outbound", "message_sent_time": ',
        coalesce('"' || clock(sent_at) || '+00:00"', 'null'),
        ', "message_state": "', state,
        '", "message_time": "', clock(message_time),
        '+00:00", "message_type": "sms", "message_updated_time": "', clock(updated_at),
        '+00:00", "message_uuid": "', uuid,
        '", "mnc": "', mnc,
        '", "parent_message_uuid": "' || root,
        '", "powerpack_id": null, "replaced_sender": "", "requester_ip": "', requester_ip,
        '", "resource_uri": "', resource_uri,
        '", "to_number": "', to_number,
        '", "total_amount": "', total_amount,
        '", "total_rate": "', price,
        '", "units": ', units, '}'
    ) as record,
    getvariable('account') as account,
    root as parent_message_uuid,
    make_timestamptz(message_time) as message_time,
    make_timestamptz(sent_at) as message_sent_time,
    make_timestamptz(updated_at) as message_updated_time,
    'outbound' as message_direction,
    state as message_state,
    'sms' as message_type,
    from_number,
    to_number,
    units,
    price as total_rate,
    total_amount,
    carrier_fees,
    fee as carrier_fees_rate,
    code as error_code,
    error_message,
    country as destination_country_iso2,
    carrier as destination_network,
    mcc,
    mnc,
    requester_ip,
    false as is_domestic,
    'true' as log,
    resource_uri,
    0 as untyped_values
from said
