"""[I/O] The rate report: rates by any break-down, the total, and the collection audit.

Counts come from the engine, quotients from `formulas`; nothing else is computed here.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from receiver import alive
from receiver.config import Settings
from reconcile import counted_messages, formulas, selection, tallies
from reconcile.counted_messages import Question
from reconcile.engines.choice import engine_of
from reconcile.engines.engine import Engine
from reconcile.formulas import Formula, Rate
from reconcile.merging import Merged
from reconcile.plivo_log import ledger
from reconcile.plivo_log.coverage import HOWS, Window, coverage
from reconcile.rate_rows import VALUE_COLUMNS, Row, letters_of, row_of, summed


@dataclass(frozen=True, slots=True, kw_only=True)
class RateReport:
    """The answer, ready to be shown: `rows` by the question's keys, `total` over all of them.

    `others`: the groups that `top` left out, as one row without percentiles.
    """

    question: Question
    formula: Formula
    as_of: datetime | None
    rows: list[Row]
    total: Row | None
    headline: Rate
    by_formula: dict[str, Rate]
    audit: dict[str, Any]
    messages_folder: Path
    others: Row | None = None
    left_out: int = 0  # so many groups are in `others`
    hints: list[str] = field(default_factory=list)
    clock_zones: str = ""  # in which the callbacks' times may be, where they are not in the one set
    key_types: dict[str, pa.DataType] = field(default_factory=dict)

    @property
    def columns(self) -> list[str]:
        return [*self.question.by, *(name for name, _ in VALUE_COLUMNS)]

    def table(self) -> pa.Table:
        """The rows with the same columns and types whatever they hold."""
        schema = pa.schema(
            [*((key, self.key_types[key]) for key in self.question.by), *VALUE_COLUMNS]
        )
        return pa.Table.from_pylist(self.rows, schema=schema)


def rate_report(settings: Settings, question: Question, merged: Merged) -> RateReport:
    """Answer the question from `messages/` as merged. Raises WrongQuestion, FileProblem."""
    check(question)
    with engine_of(settings) as engine:
        hints = counted_messages.select(engine, settings, question, question.as_of or merged.as_of)
        counted, total = _counts(engine, question.by), _counts(engine, ())
        return answer(engine, settings, question, merged, counted=counted, total=total, hints=hints)


def check(question: Question) -> None:
    """Raises WrongQuestion for what no rate can be made of."""
    formula_named(question.formula)
    if any(c.name == "direction" and str(c) != "direction=outbound" for c in question.where):
        raise selection.WrongQuestion("rates are of outbound messages; inbound ones have none")


def answer(
    engine: Engine,
    settings: Settings,
    question: Question,
    merged: Merged,
    *,
    counted: pa.Table,
    total: pa.Table,
    hints: list[str],
) -> RateReport:
    """Likewise, from counts, in the session in which these messages are selected."""
    formula = formula_named(question.formula)
    as_of = question.as_of or merged.as_of
    (whole,) = total.to_pylist()
    audit = _audit(engine, ledger.read(settings.data_dir / "log"), as_of)
    audit["reports_without_uuid"] = merged.reports_without_uuid
    zones = _clock_zones(engine, audit["clock_shift"], settings)
    audit["outages"] = _outages(settings.data_dir / "reports", question, as_of)
    groups = _largest(counted, question.top) if whole["messages"] else []
    shown = groups[: question.top]
    rest = groups[len(shown) :]
    return RateReport(
        question=question,
        formula=formula,
        as_of=as_of,
        rows=[row_of(counts, question.by, formula) for counts in shown],
        others=row_of(summed(rest, question.by), (), formula) if rest else None,
        left_out=len(rest),
        total=row_of(whole, (), formula) if whole["messages"] else None,
        headline=formulas.rate(formula.numerator, formula.denominator, *letters_of(whole)),
        by_formula={
            name: formulas.rate(each.numerator, each.denominator, *letters_of(whole))
            for name, each in formulas.HEADLINES.items()
        },
        audit=audit,
        messages_folder=settings.data_dir / "messages",
        hints=hints,
        clock_zones=zones,
        key_types={key: _key_type(counted.schema.field(key).type) for key in question.by},
    )  # fmt: skip


def formula_named(name: str) -> Formula:
    """Raises WrongQuestion with the names that exist."""
    try:
        return formulas.HEADLINES[name]
    except KeyError:
        hint = selection.nearest(name, formulas.HEADLINES)
        raise selection.WrongQuestion(f"--formula {name} does not exist{hint}") from None


def _counts(engine: Engine, by: tuple[str, ...]) -> pa.Table:
    return tallies.whole(engine, {key: selection.DIMENSIONS[key] for key in by})


def _largest(counted: pa.Table, top: int | None) -> list[dict[str, Any]]:
    """All groups in the order of their keys; where only some are wanted, the largest first."""
    groups: list[dict[str, Any]] = counted.to_pylist()
    return groups if top is None else sorted(groups, key=lambda g: -g["messages"])


def _audit(engine: Engine, windows: list[Window], as_of: datetime | None) -> dict[str, Any]:
    engine.run(["audit", "unknown_states"])
    audit = engine.query("select * from audit").to_pylist()[0]
    captured, capturable = audit.pop("captured"), audit.pop("capturable")
    audit.pop("messages")
    oldest = engine.query(
        "select min(message_time) as oldest from messages where direction = 'outbound'"
    ).to_pylist()[0]["oldest"]
    return {
        "capture_rate": captured / capturable if capturable else None,
        "capture_rate_numerator": captured,
        "capture_rate_denominator": capturable,
        "never_reported": audit.pop("never_reported"),
        "match": _pairs(engine, "select m.word, count(*) as messages from counted_messages as c "
                        "inner join matches as m on m.word = c.match "
                        "group by m.word, m.place order by m.place"),
        **audit,
        "unknown_states": _pairs(engine, "select word, messages from unknown_states order by word"),
        "clock_shift": _clock_shift(engine),
        "counted_sample": _counted_sample(engine),
        "accounts": _pairs(engine, "select coalesce(account, 'unknown') as word, count(*) as "
                           "messages from counted_messages group by account order by word"),
        **_seconds_read(oldest, as_of, windows),
    }  # fmt: skip


def _clock_zones(engine: Engine, shift: dict[str, int] | None, settings: Settings) -> str:
    """Zones whose clock was then as far ahead of UTC as that of the callbacks."""
    if shift is None:
        return ""
    found = engine.query(
        "select max(message_time) as at from counted_messages where clock_shift_minutes = $minutes",
        {"minutes": shift["minutes"]},
    )
    at = found["at"].to_pylist()[0].replace(tzinfo=UTC)
    ahead = at.astimezone(ZoneInfo(settings.callback_time_zone)).utcoffset() or timedelta()
    return selection.zones_at(ahead + timedelta(minutes=shift["minutes"]), at)


def _counted_sample(engine: Engine) -> dict[str, Any] | None:
    """Of messages in counted windows: how many the log was asked for singly, how many differed.

    `at_most`: the share that at most differs of all of them (Wilson, 95 %). None where none was
    counted.
    """
    found = engine.query(
        "select count(case when match = 'counted' then 1 end) as counted, "
        "count(case when window_how = 'counted' and match in ('agree', 'status_differs') "
        "then 1 end) as asked, count(case when window_how = 'counted' "
        "and match = 'status_differs' then 1 end) as differing from counted_messages"
    ).to_pylist()[0]
    asked, differing = found["asked"], found["differing"]
    if not found.pop("counted") and not asked:
        return None
    at_most = formulas.wilson(differing / asked, asked)[1] if asked else 1.0
    return {**found, "at_most": at_most}


def _clock_shift(engine: Engine) -> dict[str, int] | None:
    """By how much the reports' clock most often runs ahead of the log's; None where it never does.

    Plivo's callbacks name no zone: a shift shows that they are in another one than was taken.
    """
    found = engine.query(
        "select clock_shift_minutes as minutes, count(*) as messages from counted_messages "
        "where clock_shift_minutes is not null group by clock_shift_minutes"
    ).to_pylist()
    shifts = [row for row in found if row["minutes"]]
    if not shifts:
        return None
    shift = min(shifts, key=lambda s: (-s["messages"], abs(s["minutes"]), s["minutes"]))
    return {**shift, "compared": sum(row["messages"] for row in found)}


def _outages(reports: Path, question: Question, as_of: datetime | None) -> list[dict[str, Any]]:
    """When no receiver was alive for longer than Plivo retries, within the time asked for."""
    if as_of is None:
        return []
    return [
        {
            "from": _written(gap.from_at),
            "until": _written(gap.until_at),
            "seconds": (gap.until_at - gap.from_at).total_seconds(),
        }
        for gap in alive.gaps(reports, until=as_of)
        if (question.since is None or gap.until_at > question.since)
        and (question.until is None or gap.from_at < question.until)
    ]


def _written(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _pairs(engine: Engine, sql: str) -> dict[str, int]:
    return {row["word"]: row["messages"] for row in engine.query(sql).to_pylist()}


def _seconds_read(
    oldest: datetime | None, as_of: datetime | None, windows: list[Window]
) -> dict[str, float]:
    """Seconds between the oldest message and now: in no window that was read, and by each way."""
    seconds = {"seconds_not_read": 0.0, **{f"seconds_{how}": 0.0 for how in HOWS}}
    if oldest is None or as_of is None:
        return seconds
    start = oldest.replace(tzinfo=UTC)
    left = max(as_of - start, timedelta())
    for interval in coverage(windows):
        shared = min(interval.until_at, as_of) - max(interval.from_at, start)
        if shared > timedelta():
            seconds[f"seconds_{interval.how}"] += shared.total_seconds()
            left -= shared
    return seconds | {"seconds_not_read": left.total_seconds()}


def _key_type(found: pa.DataType) -> pa.DataType:
    return pa.timestamp("us", tz="UTC") if pa.types.is_timestamp(found) else found
