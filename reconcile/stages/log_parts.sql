-- One row per part in the log: its latest row, the state looked up. Rows pulled at the same time
-- are ordered by their text, which nobody else needs: it is long.
with read_again as (
    select message_uuid, max(pulled_at) as last_pulled_at
    from log_reads
    group by message_uuid
    having count(*) > 1
),
tied as (
    select l.message_uuid
    from log_reads as l
    inner join read_again as a
        on a.message_uuid = l.message_uuid and a.last_pulled_at is not distinct from l.pulled_at
    group by l.message_uuid
    having count(*) > 1
),
numbered as (
    select
        l.message_uuid, l.account, l.pulled_at, l.message_time, l.message_sent_time,
        l.message_updated_time, l.units, l.total_amount, l.carrier_fees, l.message_state,
        l.parent_message_uuid, l.message_direction, l.message_type, l.from_number, l.to_number,
        l.error_code, l.destination_country_iso2, l.destination_network, l.mcc, l.mnc,
        l.powerpack_id, l.tendlc_campaign_id, l.untyped_values, l.record,
        row_number() over (
            partition by l.message_uuid order by l.pulled_at desc, l.record desc
        ) as place
    from log_reads as l
    inner join tied as t on t.message_uuid = l.message_uuid
),
latest as (
    select
        l.message_uuid, l.account, l.pulled_at, l.message_time, l.message_sent_time,
        l.message_updated_time, l.units, l.total_amount, l.carrier_fees, l.message_state,
        l.parent_message_uuid, l.message_direction, l.message_type, l.from_number, l.to_number,
        l.error_code, l.destination_country_iso2, l.destination_network, l.mcc, l.mnc,
        l.powerpack_id, l.tendlc_campaign_id, l.untyped_values
    from log_reads as l
    left join read_again as a on a.message_uuid = l.message_uuid
    left join tied as t on t.message_uuid = l.message_uuid
    where t.message_uuid is null
        and (a.message_uuid is null or a.last_pulled_at is not distinct from l.pulled_at)
    union all
    select
        message_uuid, account, pulled_at, message_time, message_sent_time, message_updated_time,
        units, total_amount, carrier_fees, message_state, parent_message_uuid, message_direction,
        message_type, from_number, to_number, error_code, destination_country_iso2,
        destination_network, mcc, mnc, powerpack_id, tendlc_campaign_id, untyped_values
    from numbered
    where place = 1
),
cleaned as (
    select
        message_uuid, account, pulled_at, message_time, message_sent_time, message_updated_time,
        units, total_amount, carrier_fees, untyped_values,
        coalesce(lower(trim(message_state)), '') as status,
        nullif(trim(parent_message_uuid), '') as parent_message_uuid,
        nullif(lower(trim(message_direction)), '') as direction,
        nullif(trim(message_type), '') as type,
        nullif(case when trim(from_number) like '+%' then substr(trim(from_number), 2)
            else trim(from_number) end, '') as from_number,
        nullif(case when trim(to_number) like '+%' then substr(trim(to_number), 2)
            else trim(to_number) end, '') as to_number,
        nullif(regexp_replace(trim(error_code), '^0+', ''), '') as error_code,
        nullif(upper(trim(destination_country_iso2)), '') as country,
        nullif(trim(destination_network), '') as carrier,
        nullif(trim(mcc), '') as mcc,
        nullif(trim(mnc), '') as mnc,
        nullif(trim(powerpack_id), '') as powerpack_uuid,
        nullif(trim(tendlc_campaign_id), '') as campaign
    from latest
),
known as (
    select word from states
)
select
    l.message_uuid, l.account, l.pulled_at, l.message_time, l.message_sent_time,
    l.message_updated_time, l.units, l.total_amount, l.carrier_fees, l.parent_message_uuid,
    l.direction, l.type, l.from_number, l.to_number, l.error_code, l.country, l.carrier, l.mcc,
    l.mnc, l.powerpack_uuid, l.campaign, l.untyped_values,
    nullif(l.status, '') as state,
    coalesce(s.compared_as, l.status) as compared_as,
    s.final, s.rank, s.place as state_place, s.counts_as
from cleaned as l
left join known as k on k.word = l.status
inner join states as s on s.word = case when k.word is null then '*' else l.status end
