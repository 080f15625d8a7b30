-- One row per word that the table of states does not know: the messages that are in that state,
-- by either side's word or by both.
with found as (
    select state, report_state, log_state, count(*) as messages
    from counted_messages
    group by state, report_state, log_state
)
select said.word, cast(sum(said.messages) as bigint) as messages
from (
    select state as word, messages from found
    union all
    select report_state as word, messages from found where report_state <> coalesce(state, '')
    union all
    select log_state as word, messages from found
    where log_state <> coalesce(state, '') and log_state <> coalesce(report_state, '')
) as said
left join states as s on s.word = said.word
where said.word is not null and s.word is null
group by said.word
order by said.word
