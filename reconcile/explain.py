"""[I/O] All that is known of one message: every report, every log row, what won and why."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from receiver.columns import REPORTS
from receiver.config import Settings
from reconcile import stages
from reconcile.columns import LOG
from reconcile.deriving import derive, inputs_of
from reconcile.engine import Engine


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A message with its parts; reports in the winning order, log rows latest first."""

    message: dict[str, Any]
    parts: list[dict[str, Any]]
    reports: list[dict[str, Any]]
    log_rows: list[dict[str, Any]]
    match_meaning: str | None


def explain(settings: Settings, uuid: str) -> Explanation | None:
    """What is on disk of the message with this UUID, a part's or the root's; None if nothing is.

    Raises FileProblem.
    """
    inputs = inputs_of(settings.data_dir)
    with Engine() as engine:
        engine.read("reports", inputs.reports, REPORTS)
        engine.read("log_rows", inputs.log, LOG)
        family = _family(engine, uuid)
        derive(engine, inputs, settings, only_parts=family)
        messages = engine.query("select * from messages").to_pylist()
        if not messages:
            return None
        meanings = {row["word"]: row["meaning"] for row in stages.meaning("matches").to_pylist()}
        return Explanation(
            message=messages[0],
            parts=engine.query(
                "select * from parts order by part_number nulls last, message_time, message_uuid"
            ).to_pylist(),
            reports=engine.query(
                "select * from report_states order by message_uuid, place"
            ).to_pylist(),
            log_rows=engine.query(
                "select message_uuid, pulled_at, message_state, error_code, message_time, "
                "message_updated_time, total_amount, record from log_rows "
                "order by message_uuid, pulled_at desc, record desc"
            ).to_pylist(),
            match_meaning=meanings.get(messages[0]["match"] or ""),
        )


def _family(engine: Engine, uuid: str) -> set[str]:
    """The UUIDs of all parts that belong to the same message."""
    family: set[str] = {uuid}
    while True:
        found = engine.query(
            "select message_uuid, parent_message_uuid from reports "
            "where message_uuid in (select unnest($family)) "
            "or parent_message_uuid in (select unnest($family)) "
            "union select message_uuid, parent_message_uuid from log_rows "
            "where message_uuid in (select unnest($family)) "
            "or parent_message_uuid in (select unnest($family))",
            {"family": sorted(family)},
        )
        wider = (
            family
            | _texts(found["message_uuid"].to_pylist())
            | _texts(found["parent_message_uuid"].to_pylist())
        )
        if wider == family:
            return family
        family = wider


def _texts(values: Iterable[str | None]) -> set[str]:
    return {value.strip() for value in values if value and value.strip()}
