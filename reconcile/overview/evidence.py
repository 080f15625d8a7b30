"""[I/O] What findings are made from: settled messages by step, route and code, and outages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from reconcile.columns import UTC_TIME
from reconcile.engines.engine import Engine
from reconcile.overview import breakdowns, receipt_times
from reconcile.plivo_log.coverage import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Counts of messages, rows as dicts: plain, so that findings can be tested without an engine.

    `steps` are the beginnings of the settled steps, then the end of the last one. `routes`: step
    (its place), country, carrier, submitted, handed_over, delivered, undelivered. `codes`: step,
    country, carrier, code, lost, of them undelivered. `waits`: step, country, edge (place among
    `edges`, in seconds), receipts. `outages`: span and `unreported`, the messages
    that ended in it without a report.
    """

    steps: list[datetime]
    routes: list[dict[str, Any]]
    codes: list[dict[str, Any]]
    waits: list[dict[str, Any]]
    edges: Sequence[int]
    outages: list[tuple[Span, int]]


def gather(
    engine: Engine, step: str, settled: dict[Any, int], borders: list[datetime], outages: list[Span]
) -> Evidence:
    """Of the steps in `settled`, each with its place, as the tallies have them."""
    return Evidence(
        steps=borders,
        routes=_of_steps(
            engine,
            settled,
            f"select {step} as step, country, carrier, "
            "cast(sum(messages) as bigint) as submitted, "
            + ", ".join(
                f"cast(coalesce(sum(case when letter in ({letters}) then messages end), 0) "
                f"as bigint) as {name}"
                for name, letters in (
                    ("handed_over", "'D', 'U', 'X', 'O'"),
                    ("delivered", "'D'"),
                    ("undelivered", "'U'"),
                )
            )
            + f" from {breakdowns.CUBE} group by {step}, country, carrier {_in_order(3)}",
        ),
        codes=_of_steps(
            engine,
            settled,
            f"select {step} as step, country, carrier, error_code as code, "
            "cast(sum(messages) as bigint) as lost, cast(coalesce(sum(case when letter = 'U' "
            f"then messages end), 0) as bigint) as undelivered from {breakdowns.CUBE} "
            f"where letter in ('F', 'U') group by {step}, country, carrier, error_code "
            + _in_order(4),
        ),
        waits=_of_steps(
            engine,
            settled,
            "select step, country, below as edge, cast(sum(messages) as bigint) as receipts "
            f"from {receipt_times.TABLE} where below is not null group by step, country, below "
            + _in_order(3),
        ),
        edges=receipt_times.EDGES,
        outages=_unreported(engine, outages),
    )


def _in_order(columns: int) -> str:
    """By the first columns; where nulls stand is said, since engines differ."""
    return "order by " + ", ".join(f"{place} nulls last" for place in range(1, columns + 1))


def _of_steps(engine: Engine, settled: dict[Any, int], sql: str) -> list[dict[str, Any]]:
    found = []
    for row in engine.query(sql).to_pylist():
        moment = row["step"]
        if isinstance(moment, datetime):
            moment = moment.replace(tzinfo=UTC)
        if moment in settled:
            found.append(row | {"step": settled[moment]})
    return found


def _unreported(engine: Engine, outages: list[Span]) -> list[tuple[Span, int]]:
    """With each outage the messages that ended in it and whose end no report told."""
    if not outages:
        return []
    engine.keep(
        "outages",
        pa.table(
            {
                "number": pa.array(range(len(outages)), pa.int64()),
                "from_at": pa.array([span.from_at for span in outages], UTC_TIME),
                "until_at": pa.array([span.until_at for span in outages], UTC_TIME),
            }
        ),
    )
    found = engine.query(
        "select o.number, cast(count(c.message_uuid) as bigint) as messages from outages as o "
        "inner join counted_messages as c on c.final_at > o.from_at and c.final_at < o.until_at "
        "where c.window_read and c.final_parts > 0 and c.final_parts_reported <> c.final_parts "
        "group by o.number"
    ).to_pylist()
    messages = {row["number"]: row["messages"] for row in found}
    return [(span, messages.get(number, 0)) for number, span in enumerate(outages)]
