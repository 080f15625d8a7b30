"""[I/O] The messages asked for by one thing after the other, summed from tallies.

`CUBE` is by step, route, code, match and parts; `ROUNDED` are the receipts' times to three
significant digits, by step and by route: percentiles of these are within half a percent.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from reconcile import selection, stages, tallies
from reconcile.engines.engine import Engine
from reconcile.formulas import Formula
from reconcile.overview import time_steps
from reconcile.overview.record import ErrorRow
from reconcile.rate_rows import Row, row_of

CUBE = "cube"
ROUNDED = "rounded_receipts"
MOST_ROUTES = 500
MOST_SENDERS = 50
MOST_TAGS = 50
_CUBE_KEYS = ("country", "carrier", "error_code", "match", "parts")


def take(engine: Engine, step: str) -> None:
    """Two scans for `CUBE` and `ROUNDED`."""
    keys = {key: selection.DIMENSIONS[key] for key in _CUBE_KEYS}
    tallies.take(engine, CUBE, {step: selection.DIMENSIONS[step], **keys})
    rounded = stages.text(ROUNDED).format(
        step=selection.DIMENSIONS[step],
        since_sent=_three_digits("unix_micros(final_at) - unix_micros(sent_at)"),
        since_message=_three_digits("unix_micros(final_at) - unix_micros(message_time)"),
    )
    engine.keep_answer(ROUNDED, rounded)


def _three_digits(micros: str) -> str:
    """Whole microseconds rounded: of ten seconds and more to a tenth, of less to a hundredth."""
    digits = [(f"when abs({micros}) < {1000 * digit} then", digit) for digit in
              (10_000, 100_000, 1_000_000, 10_000_000, 100_000_000)]  # fmt: skip
    cases = [*digits, ("else", 1_000_000_000)]
    return f"case {' '.join(f'{when} {_rounded(micros, digit)}' for when, digit in cases)} end"


def _rounded(number: str, to: int) -> str:
    return f"cast(round(cast({number} as double) / {to}) as bigint) * {to}"


def timed(engine: Engine, keys: Sequence[str], step: str) -> pa.Table:
    """Counts and percentiles of these groups of the cube: of none, the step, or of routes.

    Those from the message's own time only of the first two.
    """
    counted = tallies.counts(engine, CUBE, keys)
    named = {step: "step"}
    percentiles = tallies.rounded_percentiles(
        engine, ROUNDED, [named.get(key, key) for key in keys], by_step=keys in ((), (step,))
    )
    places = [tuple(row[key] for key in keys) for row in counted.to_pylist()]
    for name in tallies.PERCENTILES:
        column = [percentiles.get(place, {}).get(name) for place in places]
        counted = counted.append_column(name, pa.array(column, pa.float64()))
    return counted


def rows(counted: pa.Table, keys: Sequence[str], formula: Formula) -> list[Row]:
    return [row_of(counts, tuple(keys), formula) for counts in counted.to_pylist()]


def by_route(engine: Engine, keys: tuple[str, ...], step: str, formula: Formula) -> list[Row]:
    """By country, or by country and carrier; the most messages lost first."""
    found = rows(timed(engine, keys, step), keys, formula)
    return worst_first(found, keys, None if len(keys) == 1 else MOST_ROUTES)


def worst_first(rows: Iterable[Row], keys: Sequence[str], most: int | None = None) -> list[Row]:
    """The most messages lost first, then the most sent, then by key."""

    def place(row: Row) -> tuple[Any, ...]:
        names = [(row[key] is None, row[key] or "") for key in keys]
        return (-row["failed"] - row["undelivered"], -row["submitted"], *names)

    return sorted(rows, key=place)[:most]


def worst_of_many(engine: Engine, key: str, formula: Formula, most: int) -> list[Row]:
    """Likewise, of a key that may have a million values: all but the worst stay in the engine."""
    tallies.take(engine, "many", {key: key})
    found = engine.query(
        f"select {key} as word from many group by {key} "
        "order by coalesce(sum(case when letter in ('F', 'U') then weight end), 0) desc, "
        f"sum(weight) desc, word nulls last limit {most}"
    )
    engine.keep("worst", pa.table({"word": found["word"].cast(pa.string())}))
    condition = f"{key} in (select word from worst where word is not null)"
    if found["word"].null_count:
        condition += f" or {key} is null"
    counted = tallies.counts(engine, "many", (key,), condition)
    return worst_first(rows(counted, (key,), formula), (key,))


def by_tag(engine: Engine, formula: Formula) -> list[Row]:
    """Empty where no message has a tag."""
    found = worst_of_many(engine, "tag", formula, MOST_TAGS)
    return found if any(row["tag"] is not None for row in found) else []


def by_week_hour(engine: Engine, formula: Formula) -> list[Row]:
    keys = ("weekday", "hour_of_day")
    tallies.take(engine, "week_hours", {key: selection.DIMENSIONS[key] for key in keys})
    return rows(tallies.counts(engine, "week_hours", keys), keys, formula)


def by_parts(engine: Engine, formula: Formula) -> list[Row]:
    return rows(tallies.counts(engine, CUBE, ("parts",)), ("parts",), formula)


def by_time_and_match(engine: Engine, step: str) -> list[dict[str, Any]]:
    """Messages per step and word of the match, the worst word first."""
    found = engine.query(
        f"select {step} as step, c.match, cast(sum(c.messages) as bigint) as messages "
        f"from {CUBE} as c left join matches as m on m.word = c.match "
        f"group by {step}, c.match, m.place "
        "order by 1 nulls last, m.place nulls last, c.match nulls last"
    ).to_pylist()
    return [row | {"step": _aware(row["step"])} for row in found]


def by_time(counted: pa.Table, step: str, formula: Formula, empty: Row) -> list[Row]:
    """The rows of the steps, those between them in which nothing was sent like `empty`."""
    known = {}
    for counts in counted.to_pylist():
        row = row_of(counts, (step,), formula)
        moment = row.pop(step)
        known[moment] = {"provisional": counts["pending"] > 0, **row}
    nothing = {"provisional": False, **empty}
    return [
        {"step": moment, **known.get(moment, nothing)} for moment in time_steps.between(known, step)
    ]


def errors(engine: Engine) -> list[ErrorRow]:
    """The codes of lost messages, the most lost first."""
    found = engine.query(
        "select error_code as code, "
        "cast(coalesce(sum(case when letter = 'U' then weight end), 0) as bigint) as undelivered, "
        "cast(coalesce(sum(case when letter = 'F' then weight end), 0) as bigint) as failed, "
        "sum(total_amount) as amount, min(first_at) as first_at, max(last_at) as last_at "
        f"from {CUBE} where letter in ('F', 'U') group by error_code"
    ).to_pylist()
    known = {row["code"]: row for row in stages.meaning("error_codes").to_pylist()}
    told = []
    for row in found:
        times = {name: _aware(row[name]) for name in ("first_at", "last_at")}
        told.append(ErrorRow(**{**row, **times, **_meaning(row["code"], known)}))
    return sorted(told, key=lambda r: (-r.undelivered - r.failed, r.code is None, r.code or ""))


def _meaning(code: str | None, known: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    if code is not None and code in known:
        return {name: known[code][name] for name in ("name", "meaning", "fault", "retry", "advice")}
    meaning = (
        "Neither the report nor the log gave a code."
        if code is None
        else "Plivo's list of codes does not have this one."
    )
    return {
        "name": "No code" if code is None else "unknown",
        "meaning": meaning,
        "fault": "unknown",
        "retry": "unknown",
        "advice": "Ask Plivo why, naming some MessageUUIDs.",
    }


def _aware(moment: Any) -> Any:
    return moment.replace(tzinfo=UTC) if isinstance(moment, datetime) else moment
