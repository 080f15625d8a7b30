-- One row per part of a day's messages: what becomes of it, when, and when its reports arrive (null:
-- never). Times are microseconds. In the older era a long message is several parts, each with its
-- own UUID, its reports have no Sequence, and most routes report the end alone; today one UUID with
-- so many units stands for all. Which share is old, late, lost or silent is an invention.
with messages as (
    select
        number,
        moment(getvariable('day_begins') + (number - getvariable('first') + chance(number, 1))
            * (86400000000 / getvariable('messages'))) as message_time,
        chance(number, 2) < 0.09 as old,
        case when chance(number, 2) < 0.09 then 2 + cast(floor(chance(number, 5) * 5) as int)
            else 1 end as parts,
        cast(floor(chance(number, 3) * getvariable('slots')) as int) as slot,
        chance(number, 4) < 0.01 as silent,
        number * 8 + 1 as root_key
    from range(getvariable('first'), getvariable('first') + getvariable('messages'))
        as numbers(number)
),
numbered as (
    select *, unnest(range(1, 1 + parts)) as part from messages
),
keyed as (
    select
        *,
        number * 8 + part as key,
        -- the parts of a message mostly share its fate
        case when chance(number * 8 + part, 6) < 0.95 then root_key else number * 8 + part end
            as fate
    from numbered
),
fated as (
    select
        k.*, r.country, r.carrier, r.mcc, r.mnc,
        cast(r.price as decimal(18, 5)) as price, cast(r.fee as decimal(18, 5)) as fee,
        r.prefix || lpad(cast(cast(floor(chance(number, 8) * 10 ** r.digits) as bigint) as varchar),
                cast(r.digits as int), '0') as to_number,
        r.sender as from_number,
        case when chance(number, 10) < 0.4 then 'otp' when chance(number, 10) < 0.6 then 'news' end
            as tag,
        case when old or chance(number, 11) < 0.8 then 1 when chance(number, 11) < 0.95 then 2
            else 3 end as units,
        case
            when chance(fate, 12) < r.failed_rate then 'failed'
            when chance(fate, 13) < r.no_receipt_rate then null
            when chance(fate, 14) < r.undelivered_rate then 'undelivered'
            else 'delivered'
        end as word,
        r.failure_code, r.undelivered_code, r.tells_sent, r.handover_median, r.receipt_median,
        r.receipt_spread
    from keyed as k
    inner join routes as r on r.slot = k.slot
),
queued as (
    select *, moment(message_time + 500 + chance(key, 15) * 4500) as queued_at from fated
),
sent as (
    select
        *,
        case when word = 'failed' then null
            else moment(queued_at + 1e6 * least(120, handover_median * exp(0.7 * normal(key, 16))))
        end as sent_at
    from queued
),
ended as (
    select
        *,
        moment(case
            when word is null then null
            when word = 'failed' then queued_at + 1e6 * least(120, 0.8 * exp(0.8 * normal(key, 17)))
            -- a phone that was off for hours or days
            when chance(key, 18) < 0.03 then sent_at + 3600e6 * (1 + 71 * chance(key, 19) ** 2)
            else sent_at + 1e6 * least(3600, greatest(1, receipt_median * exp(receipt_spread * normal(key, 20))))
        end) as ended_at,
        case word when 'failed' then failure_code when 'undelivered' then undelivered_code end
            as error_code
    from sent
)
select
    number, part, parts, key, old, country, carrier, mcc, mnc, price, fee, to_number, from_number, tag,
    units, word, error_code, message_time, queued_at, sent_at, ended_at,
    uuid_of(key, message_time + part) as uuid,
    case when old then uuid_of(root_key, message_time + 1) end as root,
    case when not (silent or old or chance(key, 31) < 0.015)
        then queued_at + arrival(key, 41) end as queued_arrived_at,
    case when not (silent or chance(key, 32) < 0.015)
        and (not old or word is null or tells_sent)
        then sent_at + arrival(key, 42) end as sent_arrived_at,
    case when not (silent or chance(key, 34) < 0.015)
        then ended_at + arrival(key, 43) end as end_arrived_at,
    -- when the pull that lists its hour comes to it
    moment((message_time // 3600000000 + 1) * 3600000000 + 300000000 + number % 1800 * 100000)
        as listed_at
from ended
