"""[I/O] The messages asked for by one thing after the other, counted by the engine."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC
from typing import Any

import pyarrow as pa

from reconcile import selection, stages
from reconcile.engine import Engine
from reconcile.formulas import Formula
from reconcile.overview import time_steps
from reconcile.overview.record import ErrorRow
from reconcile.rate_rows import Row, row_of

MOST_ROUTES = 500
MOST_SENDERS = 50
MOST_TAGS = 50
_LOST = "case when letter in ('F', 'U') then weight end"


def by_keys(engine: Engine, keys: Sequence[str], formula: Formula) -> list[Row]:
    """In the order of the keys."""
    counted = engine.run_counts({key: selection.DIMENSIONS[key] for key in keys})
    return [row_of(counts, tuple(keys), formula) for counts in counted.to_pylist()]


def worst_first(rows: Iterable[Row], keys: Sequence[str], most: int | None = None) -> list[Row]:
    """The most messages lost first, then the most sent, then by key."""

    def place(row: Row) -> tuple[Any, ...]:
        names = [(row[key] is None, row[key] or "") for key in keys]
        return (-row["failed"] - row["undelivered"], -row["submitted"], *names)

    return sorted(rows, key=place)[:most]


def worst_of_many(engine: Engine, key: str, formula: Formula, most: int) -> list[Row]:
    """Likewise, of a key that may have a million values: only the worst are counted whole."""
    found = engine.query(
        f"select {key} as word from counted_messages group by {key} "
        f"order by coalesce(sum({_LOST}), 0) desc, sum(weight) desc, word nulls last limit {most}"
    )
    engine.keep("worst", pa.table({"word": found["word"].cast(pa.string())}))
    condition = f"{key} in (select word from worst where word is not null)"
    if found["word"].null_count:
        condition = f"({condition} or {key} is null)"
    counted = engine.run_counts({key: key}, condition)
    return worst_first([row_of(counts, (key,), formula) for counts in counted.to_pylist()], (key,))


def by_tag(engine: Engine, formula: Formula) -> list[Row]:
    """Empty where no message has a tag."""
    rows = worst_of_many(engine, "tag", formula, MOST_TAGS)
    return rows if any(row["tag"] is not None for row in rows) else []


def by_time_and_match(engine: Engine, step: str) -> tuple[list[dict[str, Any]], set[Any]]:
    """Messages per step and word of the match; the steps in which some are still open."""
    found = engine.query(
        f"select {selection.DIMENSIONS[step]} as step, c.match, "
        "cast(count(*) as bigint) as messages, "
        "cast(count(case when outcome = 'pending' then 1 end) as bigint) as pending "
        "from counted_messages as c left join matches as m on m.word = c.match "
        "group by 1, c.match, m.place order by 1, m.place nulls last"
    ).to_pylist()
    for row in found:
        if step == "hour":
            row["step"] = row["step"].replace(tzinfo=UTC)
    provisional = {row["step"] for row in found if row.pop("pending")}
    return found, provisional


def by_time(rows: Iterable[Row], step: str, provisional: set[Any], empty: Row) -> list[Row]:
    """The rows of the steps, those between them in which nothing was sent like `empty`."""
    known = {row[step]: row for row in rows}
    filled = []
    for moment in time_steps.between(known, step):
        values = {k: v for k, v in known.get(moment, empty).items() if k != step}
        filled.append({"step": moment, "provisional": moment in provisional, **values})
    return filled


def errors(engine: Engine) -> list[ErrorRow]:
    """The codes of lost messages, the most lost first."""
    found = engine.query(
        "select error_code as code, "
        "cast(coalesce(sum(case when letter = 'U' then weight end), 0) as bigint) as undelivered, "
        "cast(coalesce(sum(case when letter = 'F' then weight end), 0) as bigint) as failed, "
        "sum(total_amount) as amount, min(message_time) as first_at, max(message_time) as last_at "
        "from counted_messages where letter in ('F', 'U') group by error_code"
    ).to_pylist()
    known = {row["code"]: row for row in stages.meaning("error_codes").to_pylist()}
    rows = [
        ErrorRow(
            code=row["code"],
            undelivered=row["undelivered"],
            failed=row["failed"],
            amount=row["amount"],
            first_at=row["first_at"].replace(tzinfo=UTC),
            last_at=row["last_at"].replace(tzinfo=UTC),
            **_meaning(row["code"], known),
        )
        for row in found
    ]
    return sorted(rows, key=lambda r: (-r.undelivered - r.failed, r.code is None, r.code or ""))


def _meaning(code: str | None, known: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    if code is None:
        return {"name": "No code", "meaning": "Neither the report nor the log gave a code.",
                "fault": "unknown", "retry": "unknown",
                "advice": "Ask Plivo why, naming some MessageUUIDs."}  # fmt: skip
    if code not in known:
        return {"name": "unknown", "meaning": "Plivo's list of codes does not have this one.",
                "fault": "unknown", "retry": "unknown",
                "advice": "Ask Plivo what it means, naming some MessageUUIDs."}  # fmt: skip
    return {name: known[code][name] for name in ("name", "meaning", "fault", "retry", "advice")}
