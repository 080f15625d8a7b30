-- One row per word that the table of states does not know: the messages that are in that state,
-- by either side's word or by both.
select said.word, cast(count(distinct said.message_uuid) as bigint) as messages
from (
    select message_uuid, state as word from counted_messages
    union all
    select message_uuid, report_state as word from counted_messages
    union all
    select message_uuid, log_state as word from counted_messages
) as said
left join states as s on s.word = said.word
where said.word is not null and s.word is null
group by said.word
order by said.word
