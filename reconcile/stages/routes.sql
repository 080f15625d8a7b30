-- What the numbering plans say of each MCC and MNC that a part has.
select r.mcc, r.mnc, c.country, coalesce(exact_mnc.carrier, numeric_mnc.carrier) as carrier
from (select distinct mcc, mnc from parts where mcc is not null) as r
left join mcc_countries as c on c.mcc = r.mcc
left join networks as exact_mnc on exact_mnc.mcc = r.mcc and exact_mnc.mnc = r.mnc
left join networks as numeric_mnc
    on numeric_mnc.mcc = r.mcc
    and regexp_like(r.mnc, '^[0-9]{1,3}\z')
    and numeric_mnc.mnc_number = cast(try_cast(r.mnc as int) as string)
