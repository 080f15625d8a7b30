"""[I/O] What the stages hold of one message: its parts, every report, every log row."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from receiver.columns import REPORTS
from receiver.config import Settings
from reconcile import soundness, stages
from reconcile.columns import LOG
from reconcile.deriving import at_hand, derive, inputs_of
from reconcile.engines.duckdb_engine import DuckDBEngine
from reconcile.engines.engine import Engine
from reconcile.plivo_log.coverage import Window

Row = dict[str, Any]

_TEXTS = ("body", "query", "sequence", "units", "total_amount", "message_time", "queued_time",
          "sent_time", "delivery_report_time")  # fmt: skip
_MEANINGS = {"matches": "meaning", "error_codes": "name", "mcc_countries": "country",
             "number_prefixes": "country"}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Rows of the stages, times aware; per part, by its UUID: reports and log rows best first.

    `latest` is the log row that counts, as the stage `log_parts` has it. A report's `came` are its
    texts as received. `unplaced_reports` name the message as their parent, but no part;
    `linked_messages` have a part that names this message, or is named by it, all the same.
    """

    message: Row
    parts: list[Row]
    reports: Mapping[str, list[Row]]
    log_rows: Mapping[str, list[Row]]
    latest: Mapping[str, Row]
    windows: Sequence[Window]
    as_of: datetime | None
    horizon: timedelta
    unplaced_reports: list[Row]
    linked_messages: list[str]
    meanings: Mapping[str, Mapping[str, str]]


def gather(settings: Settings, uuid: str) -> Evidence | None:
    """What is on disk of the message with this UUID, a part's or the root's; None if nothing is.

    Raises FileProblem.
    """
    uuid = uuid.strip()
    if not settings.data_dir.exists():
        return None  # a mistyped name makes no folder
    with at_hand(inputs_of(settings.data_dir), settings) as inputs, DuckDBEngine() as engine:
        soundness.verify((*inputs.reports, *inputs.log), settings.data_dir / "state")
        engine.read("reports", inputs.reports, REPORTS)
        engine.read("log_rows", inputs.log, LOG)
        family = _family(engine, uuid)
        unplaced = _rows(
            engine,
            "select report_id, received_at, status, trim(parent_message_uuid) as root, body "
            "from reports where coalesce(trim(message_uuid), '') = '' "
            "and trim(parent_message_uuid) in (select unnest($family)) "
            "order by received_at, report_id",
            family=sorted(family),
        )
        as_of = derive(engine, inputs, settings, only_parts=family, every_report=True)
        return of_message(
            engine,
            uuid,
            windows=inputs.windows,
            as_of=as_of,
            horizon=timedelta(hours=settings.receipt_horizon_hours),
            unplaced=unplaced,
        )


def of_message(
    engine: Engine,
    uuid: str,
    *,
    windows: Sequence[Window],
    as_of: datetime | None,
    horizon: timedelta,
    unplaced: Sequence[Row] = (),
) -> Evidence | None:
    """From the stages as carried out over the message and all that is linked to it.

    A UUID that only a parent has which does not count stands for the first message linked to it.
    """
    roots = [
        row["root"]
        for row in _rows(
            engine, "select root from parts group by root order by min(message_time), root"
        )
    ]
    own = _rows(engine, "select root from parts where message_uuid = $uuid", uuid=uuid)
    root = own[0]["root"] if own else uuid if uuid in roots else next(iter(roots), None)
    if root is None:
        return None
    (message,) = _rows(engine, "select * from messages where message_uuid = $root", root=root)
    return Evidence(
        message=message,
        parts=_of_parts(engine, root, "select p.* from parts as p", "part_number nulls last, "
                        "message_time, message_uuid"),
        reports=_by_part(_reports(engine, root)),
        log_rows=_by_part(_log_rows(engine, root)),
        latest={row["message_uuid"]: row
                for row in _of_parts(engine, root, "select p.* from log_parts as p")},
        windows=windows,
        as_of=as_of,
        horizon=horizon,
        unplaced_reports=[row for row in unplaced if row["root"] == root],
        linked_messages=[other for other in roots if other != root],
        meanings={table: _meaning(table, column) for table, column in _MEANINGS.items()},
    )  # fmt: skip


def _reports(engine: Engine, root: str) -> list[Row]:
    texts = _of_parts(
        engine, root, f"select report_id, {', '.join(_TEXTS)} from reports as p", "report_id",
        key="trim(p.message_uuid)",
    )  # fmt: skip
    came = {row["report_id"]: row for row in texts}
    typed = _of_parts(engine, root, "select p.* from report_states as p", "message_uuid, place")
    return [row | {"came": came[row["report_id"]]} for row in typed]


def _log_rows(engine: Engine, root: str) -> list[Row]:
    """In the order in which the stage `log_parts` takes them."""
    return _of_parts(
        engine,
        root,
        "select p.*, nullif(lower(trim(message_state)), '') as state, row_number() over "
        "(partition by message_uuid order by pulled_at desc, record desc) as place "
        "from log_rows as p",
        "message_uuid, place",
    )


def _of_parts(
    engine: Engine, root: str, select: str, order: str = "message_uuid", *,
    key: str = "p.message_uuid",
) -> list[Row]:  # fmt: skip
    """The rows that belong to the parts of a message."""
    return _rows(
        engine,
        f"{select} where {key} in (select message_uuid from parts where root = $root) "
        f"order by {order}",
        root=root,
    )


def _by_part(rows: Sequence[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["message_uuid"], []).append(row)
    return found


def _meaning(table: str, column: str) -> dict[str, str]:
    """By the table's first column."""
    return {next(iter(row.values())): row[column] for row in stages.meaning(table).to_pylist()}


def _family(engine: Engine, uuid: str) -> set[str]:
    """The UUIDs of all parts that belong to the same message, and of those linked to it."""
    family: set[str] = {uuid}
    while True:
        found = engine.query(
            "select message_uuid, parent_message_uuid from reports "
            "where trim(message_uuid) in (select unnest($family)) "
            "or trim(parent_message_uuid) in (select unnest($family)) "
            "union select message_uuid, parent_message_uuid from log_rows "
            "where message_uuid in (select unnest($family)) "
            "or trim(parent_message_uuid) in (select unnest($family))",
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


def _rows(engine: Engine, sql: str, **parameters: Any) -> list[Row]:
    """The engine's answer, times aware."""
    return [
        {name: v.replace(tzinfo=UTC) if isinstance(v, datetime) else v for name, v in row.items()}
        for row in engine.query(sql, parameters or None).to_pylist()
    ]
