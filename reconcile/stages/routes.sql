-- What the numbering plans say of each MCC and MNC that a message can have: those of a part, or of
-- several parts the MCC of one that has no MNC and the MNC of another, or the other way round.
with said as (
    select mcc, mnc from parts where mcc is not null
    union
    select one.mcc, other.mnc
    from parts as one
    inner join parts as other on other.root = one.root
    where one.mcc is not null and one.mnc is null and other.mnc is not null
    union
    select one.mcc, other.mnc
    from parts as one
    inner join parts as other on other.root = one.root
    where other.mnc is not null and other.mcc is null and one.mcc is not null
)
select r.mcc, r.mnc, c.country, coalesce(exact_mnc.carrier, numeric_mnc.carrier) as carrier
from said as r
left join mcc_countries as c on c.mcc = r.mcc
left join networks as exact_mnc on exact_mnc.mcc = r.mcc and exact_mnc.mnc = r.mnc
left join networks as numeric_mnc
    on numeric_mnc.mcc = r.mcc
    and regexp_like(r.mnc, '^[0-9]{1,3}\z')
    and numeric_mnc.mnc_number = cast(try_cast(r.mnc as int) as string)
