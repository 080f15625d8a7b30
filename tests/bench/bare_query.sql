-- What one would write at a desk, and nothing more: the latest state of each part, the log's word
-- where it is final, parts to messages, messages counted by day and country. Times are not judged,
-- copies not counted, nothing is typed with care, nothing can be explained afterwards.
with reports as (
    select
        message_uuid,
        max_by(
            {
                status: status, units: cast(units as int),
                total_amount: cast(total_amount as decimal(18, 5)), error_code: error_code,
                mcc: mcc, mnc: mnc, sent_time: cast(sent_time as timestamp),
                final_time: cast(delivery_report_time as timestamp)
            },
            {
                final: status in ('delivered', 'read', 'undelivered', 'failed', 'rejected'),
                sequence: coalesce(cast(sequence as int), -1),
                rank: case status when 'queued' then 1 when 'sent' then 3 else 4 end,
                received_at: received_at
            }
        ) as latest,
        any_value(parent_message_uuid) as parent_message_uuid,
        any_value(cast(split_part(part_info, ' of ', 2) as int)) as parts,
        any_value(cast(message_time as timestamp)) as message_time
    from read_parquet(getvariable('report_files'))
    group by message_uuid
),
log as (
    select
        message_uuid,
        max_by(
            {
                status: message_state, units: units, total_amount: total_amount,
                country: destination_country_iso2
            },
            pulled_at
        ) as latest,
        any_value(parent_message_uuid) as parent_message_uuid,
        any_value(cast(message_time as timestamp)) as message_time
    from read_parquet(getvariable('log_files'))
    group by message_uuid
),
parts as (
    select
        coalesce(l.parent_message_uuid, r.parent_message_uuid, l.message_uuid, r.message_uuid)
            as root,
        case when l.latest.status in ('delivered', 'read', 'undelivered', 'failed', 'rejected')
            then l.latest.status else coalesce(r.latest.status, l.latest.status) end as status,
        coalesce(l.message_time, r.message_time) as message_time,
        l.latest.country as country,
        r.parts,
        coalesce(l.latest.units, r.latest.units) as units,
        case when l.latest.status in ('delivered', 'read', 'undelivered', 'failed', 'rejected')
            then l.latest.total_amount
            else coalesce(nullif(r.latest.total_amount, 0), l.latest.total_amount, 0) end
            as total_amount
    from reports as r
    full join log as l on l.message_uuid = r.message_uuid
),
messages as (
    select
        min(message_time) as message_time,
        max(country) as country,
        bool_or(status in ('failed', 'rejected')) as failed,
        bool_or(status = 'undelivered') as undelivered,
        count(*) filter (where status in ('delivered', 'read'))
            >= greatest(coalesce(max(parts), 1), count(*)) as delivered,
        sum(units) as units,
        sum(total_amount) as total_amount
    from parts
    group by root
)
select
    cast(message_time as date) as day,
    country,
    count(*) as messages,
    count(*) filter (where delivered and not failed and not undelivered) as delivered,
    count(*) filter (where undelivered and not failed) as undelivered,
    count(*) filter (where failed) as failed,
    cast(sum(units) as bigint) as units,
    cast(sum(total_amount) as decimal(18, 5)) as total_amount
from messages
group by all
order by all
