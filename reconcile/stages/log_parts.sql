-- One row per part in the log: its latest row, the state looked up. Rows pulled at the same time
-- are ordered by their text.
with latest as (
    select
        message_uuid, record, account, pulled_at, message_time, message_sent_time,
        message_updated_time, untyped_values, units, total_rate, total_amount, carrier_fees, carrier_fees_rate,
        coalesce(lower(trim(message_state)), '') as status,
        nullif(trim(parent_message_uuid), '') as parent_message_uuid,
        nullif(lower(trim(message_direction)), '') as direction,
        nullif(trim(message_type), '') as type,
        nullif(regexp_replace(trim(from_number), '^[+]', ''), '') as from_number,
        nullif(regexp_replace(trim(to_number), '^[+]', ''), '') as to_number,
        nullif(regexp_replace(trim(error_code), '^0+', ''), '') as error_code,
        nullif(upper(trim(destination_country_iso2)), '') as country,
        nullif(trim(destination_network), '') as carrier,
        nullif(trim(mcc), '') as mcc,
        nullif(trim(mnc), '') as mnc,
        nullif(trim(powerpack_id), '') as powerpack_uuid,
        nullif(trim(tendlc_campaign_id), '') as campaign,
        row_number() over (partition by message_uuid order by pulled_at desc, record desc) as place
    from log_rows
),
known as (
    select word from states
)
select
    l.message_uuid, l.account, l.pulled_at, l.message_time, l.message_sent_time,
    l.message_updated_time, l.units, l.total_amount, l.carrier_fees, l.parent_message_uuid,
    l.direction, l.type, l.from_number, l.to_number, l.error_code, l.country, l.carrier, l.mcc,
    l.mnc, l.powerpack_uuid, l.campaign,
    nullif(l.status, '') as state,
    coalesce(s.compared_as, l.status) as compared_as,
    s.final, s.rank, s.place as state_place, s.counts_as,
    -- values of the row as received that their columns do not show; a foreign file, which does not
    -- say how many, is looked at for times, units and money
    coalesce(
        l.untyped_values,
        case when l.message_time is null
            and get_json_object(l.record, '$.message_time') <> '' then 1 else 0 end
        + case when l.message_sent_time is null
            and get_json_object(l.record, '$.message_sent_time') <> '' then 1 else 0 end
        + case when l.message_updated_time is null
            and get_json_object(l.record, '$.message_updated_time') <> '' then 1 else 0 end
        + case when l.units is null
            and get_json_object(l.record, '$.units') <> '' then 1 else 0 end
        + case when l.total_rate is null
            and get_json_object(l.record, '$.total_rate') <> '' then 1 else 0 end
        + case when l.total_amount is null
            and get_json_object(l.record, '$.total_amount') <> '' then 1 else 0 end
        + case when l.carrier_fees is null
            and get_json_object(l.record, '$.carrier_fees') <> '' then 1 else 0 end
        + case when l.carrier_fees_rate is null
            and get_json_object(l.record, '$.carrier_fees_rate') <> '' then 1 else 0 end
    ) as untyped_values
from latest as l
left join known as k on k.word = l.status
inner join states as s on s.word = case when k.word is null then '*' else l.status end
where l.place = 1
