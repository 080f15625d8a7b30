-- One row per message: all parts with one root, as one.
with split as (
    select distinct root from parts where root <> message_uuid
),
placed as (
    select
        p.*, m.place as match_place,
        row_number() over (
            partition by p.root order by p.part_number nulls last, p.message_time, p.message_uuid
        ) as part_place
    from parts as p
    inner join split as s on s.root = p.root
    inner join matches as m on m.word = p.match
),
joined as (
    select
        root as message_uuid,
        max(direction) as direction,
        min_by(type, part_place) filter (where type is not null) as type,
        coalesce(
            min_by(from_number, part_place) filter (where from_number not like '%***%'),
            min(from_number)) as from_number,
        coalesce(
            min_by(to_number, part_place) filter (where to_number not like '%***%'),
            min(to_number)) as to_number,
        min_by(log_country, part_place) filter (where log_country is not null) as log_country,
        min_by(log_carrier, part_place) filter (where log_carrier is not null) as log_carrier,
        min_by(mcc, part_place) filter (where mcc is not null) as mcc,
        min_by(mnc, part_place) filter (where mnc is not null) as mnc,
        min_by(powerpack_uuid, part_place) filter (where powerpack_uuid is not null)
            as powerpack_uuid,
        min_by(account, part_place) filter (where account is not null) as account,
        min_by(campaign, part_place) filter (where campaign is not null) as campaign,
        min_by(tag, part_place) filter (where tag is not null) as tag,
        min(message_time) as message_time,
        min(queued_at) as queued_at,
        min(sent_at) as sent_at,
        max(final_at) as last_final_at,
        cast(count(*) as int) as parts_seen,
        greatest(coalesce(max(part_count), 1), cast(count(*) as int)) as parts_named,
        -- one UUID with Units = N stands for all N parts, whatever PartInfo says of it
        count(*) = 1 and min(message_uuid) = root and max(units) >= max(part_count)
            as stands_for_all,
        try_cast(sum(units) as int) as units,
        try_cast(sum(total_amount) as decimal(18, 5)) as total_amount,
        try_cast(sum(carrier_fees) as decimal(18, 5)) as carrier_fees,
        -- of several parts the first by place in the table of states
        substr(min(concat(cast(state_place as string), coalesce(state, ''))), 2) as state,
        substr(min(concat(cast(report_place as string), coalesce(report_state, ''))), 2)
            as report_state,
        substr(min(concat(cast(log_place as string), coalesce(log_state, ''))), 2) as log_state,
        min_by(coalesce(error_code, ''), state_place * 100000 + part_place) as error_code,
        min(match_place) as match_place,
        sum(case when counts_as = 'failed' then 1 else 0 end) as failed_parts,
        sum(case when counts_as = 'undelivered' then 1 else 0 end) as undelivered_parts,
        sum(case when counts_as = 'delivered' then 1 else 0 end) as delivered_parts,
        sum(case when final_at is not null then 1 else 0 end) as timed_parts,
        cast(sum(case when final then 1 else 0 end) as int) as final_parts,
        cast(sum(case when final and report_final then 1 else 0 end) as int)
            as final_parts_reported,
        count(distinct case when final then compared_as end) > 1 as mixed,
        cast(sum(reports) as int) as reports,
        cast(sum(duplicate_reports) as int) as duplicate_reports,
        cast(sum(out_of_order_reports) as int) as out_of_order_reports,
        cast(sum(state_changes) as int) as state_changes,
        cast(sum(untyped_values) as int) as untyped_values,
        min_by(clock_shift_minutes, part_place) filter (where clock_shift_minutes is not null)
            as clock_shift_minutes,
        max(last_sign_at) as last_sign_at,
        bool_or(guessed_time) as guessed_time,
        bool_or(in_log) and not bool_or(has_reports) as never_reported,
        bool_and(window_how is not null) as window_read,
        -- of several parts one that was not listed, if there is one
        case when bool_and(window_how is not null) then min(window_how) end as window_how
    from placed
    group by root
),
grouped as (
    select * from joined
    union all
    -- a message of one part is that part
    select
        p.message_uuid, p.direction, p.type, p.from_number, p.to_number, p.log_country,
        p.log_carrier, p.mcc, p.mnc, p.powerpack_uuid, p.account, p.campaign, p.tag,
        p.message_time, p.queued_at, p.sent_at,
        p.final_at as last_final_at,
        1 as parts_seen,
        greatest(coalesce(p.part_count, 1), 1) as parts_named,
        p.units >= p.part_count as stands_for_all,
        p.units, p.total_amount, p.carrier_fees,
        coalesce(p.state, '') as state,
        coalesce(p.report_state, '') as report_state,
        coalesce(p.log_state, '') as log_state,
        coalesce(p.error_code, '') as error_code,
        m.place as match_place,
        case when p.counts_as = 'failed' then 1 else 0 end as failed_parts,
        case when p.counts_as = 'undelivered' then 1 else 0 end as undelivered_parts,
        case when p.counts_as = 'delivered' then 1 else 0 end as delivered_parts,
        case when p.final_at is not null then 1 else 0 end as timed_parts,
        case when p.final then 1 else 0 end as final_parts,
        case when p.final and p.report_final then 1 else 0 end as final_parts_reported,
        false as mixed,
        p.reports, p.duplicate_reports, p.out_of_order_reports, p.state_changes, p.untyped_values,
        p.clock_shift_minutes, p.last_sign_at, p.guessed_time,
        p.in_log and not p.has_reports as never_reported,
        p.window_how is not null as window_read,
        p.window_how
    from parts as p
    left join split as s on s.root = p.root
    inner join matches as m on m.word = p.match
    where s.root is null
),
completed as (
    select
        *,
        case when stands_for_all then 1 else parts_named end as parts_expected
    from grouped
)
select
    c.message_uuid, c.direction, c.type, c.from_number, c.to_number,
    coalesce(c.log_country, r.country, px.country) as country,
    c.mcc, c.mnc,
    coalesce(c.log_carrier, r.carrier) as carrier,
    c.powerpack_uuid, c.message_time, c.queued_at, c.sent_at,
    case when c.direction = 'outbound' and c.timed_parts >= c.parts_expected
        then c.last_final_at end as final_at,
    case when c.direction = 'outbound' then nullif(c.state, '') else nullif(c.log_state, '') end
        as state,
    case
        when c.direction <> 'outbound' then null
        when c.failed_parts > 0 then 'failed'
        when c.undelivered_parts > 0 then 'undelivered'
        when c.delivered_parts >= c.parts_expected then 'delivered'
        when unix_micros(a.as_of) - unix_micros(coalesce(c.last_sign_at, c.message_time))
            > a.horizon_micros then 'unconfirmed'
        else 'pending'
    end as outcome,
    case when c.direction = 'outbound' then nullif(c.error_code, '') end as error_code,
    c.parts_seen, c.parts_expected, c.units, c.total_amount, c.carrier_fees,
    case when c.direction = 'outbound' then m.word end as match,
    nullif(c.report_state, '') as report_state,
    nullif(c.log_state, '') as log_state,
    c.reports, c.duplicate_reports,
    c.direction = 'outbound' and c.mixed as mixed,
    c.last_sign_at, c.final_parts, c.final_parts_reported, c.out_of_order_reports,
    c.state_changes, c.guessed_time, c.never_reported, c.account, c.campaign, c.tag,
    c.untyped_values, c.window_read, c.clock_shift_minutes, c.window_how
from completed as c
cross join moment as a
inner join matches as m on m.place = c.match_place
left join routes as r on r.mcc = c.mcc and coalesce(r.mnc, '') = coalesce(c.mnc, '')
left join prefixes as px on c.log_country is null and px.head = left(c.to_number, 7)
