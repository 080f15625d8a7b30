-- One row per part that both sides date: by how many minutes the reports' MessageTime runs ahead of
-- the log's. 0 where they agree; whole quarters of an hour are a zone's doing; anything else is no
-- shift, and null.
select
    message_uuid,
    case
        when abs(micros) <= 2000000 then 0
        when abs(micros - quarters * 900000000) <= 2000000 and abs(quarters) <= 56
            then cast(quarters * 15 as int)
    end as minutes
from (
    select message_uuid, micros, cast(round(cast(micros as double) / 900000000) as bigint) as quarters
    from (
        select
            r.message_uuid,
            unix_micros(r.message_time) - unix_micros(l.message_time) as micros
        from report_parts as r
        inner join log_parts as l on l.message_uuid = r.message_uuid
        where r.message_time is not null and l.message_time is not null
    ) as compared
) as rounded
