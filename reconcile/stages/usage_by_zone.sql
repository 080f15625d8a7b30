-- One row per time zone of `zones`, its local day and hour: how many messages it has there. Every
-- zone's offset is a multiple of 15 minutes.
with quarters as (
    select
        unix_micros(message_time) - mod(unix_micros(message_time), 900000000) as quarter,
        count(*) as messages,
        sum(coalesce(units, 1)) as units
    from counted_messages
    group by unix_micros(message_time) - mod(unix_micros(message_time), 900000000)
),
placed as (
    select
        z.zone, q.messages, q.units,
        from_utc_timestamp(timestamp_micros(q.quarter), z.zone) as local_time
    from quarters as q
    cross join zones as z
)
select
    zone,
    cast(local_time as date) as day,
    cast(hour(local_time) as int) as hour,
    cast(sum(messages) as bigint) as messages,
    cast(sum(units) as bigint) as units
from placed
group by zone, cast(local_time as date), cast(hour(local_time) as int)
