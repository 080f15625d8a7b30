-- One row per reading of a log row, with the number of its values that its columns do not show. A
-- foreign file, which does not say how many, is looked at for times, units and money.
select
    message_uuid, account, pulled_at, message_time, message_sent_time, message_updated_time, units,
    total_amount, carrier_fees, message_state, parent_message_uuid, message_direction, message_type,
    from_number, to_number, error_code, destination_country_iso2, destination_network, mcc, mnc,
    powerpack_id, tendlc_campaign_id, record, untyped_values
from log_rows
where untyped_values is not null
union all
select
    message_uuid, account, pulled_at, message_time, message_sent_time, message_updated_time, units,
    total_amount, carrier_fees, message_state, parent_message_uuid, message_direction, message_type,
    from_number, to_number, error_code, destination_country_iso2, destination_network, mcc, mnc,
    powerpack_id, tendlc_campaign_id, record,
    case when message_time is null and get_json_object(record, '$.message_time') <> '' then 1 else 0 end
    + case when message_sent_time is null and get_json_object(record, '$.message_sent_time') <> '' then 1 else 0 end
    + case when message_updated_time is null and get_json_object(record, '$.message_updated_time') <> '' then 1 else 0 end
    + case when units is null and get_json_object(record, '$.units') <> '' then 1 else 0 end
    + case when total_rate is null and get_json_object(record, '$.total_rate') <> '' then 1 else 0 end
    + case when total_amount is null and get_json_object(record, '$.total_amount') <> '' then 1 else 0 end
    + case when carrier_fees is null and get_json_object(record, '$.carrier_fees') <> '' then 1 else 0 end
    + case when carrier_fees_rate is null and get_json_object(record, '$.carrier_fees_rate') <> '' then 1 else 0 end
    as untyped_values
from log_rows
where untyped_values is null
