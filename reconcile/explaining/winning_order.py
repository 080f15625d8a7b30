"""[pure] The winning order of reports, and that of log rows: criterion by criterion, in words.

The stages `report_states` and `log_parts` sort by it; here it is said again, so that a verdict can
name what decided. Rows have a `number`, that of their arrival.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Row = dict[str, Any]
Words = Callable[[Row, Row], str]


@dataclass(frozen=True, slots=True)
class Criterion:
    """A step of the winning order: the greater value wins, and none is less than any."""

    rule: str
    value: Callable[[Mapping[str, Any]], Any]
    winning: Words  # of the better row and the worse one
    losing: Words

    def separates(self, better: Row, worse: Row) -> bool:
        return bool(self.value(better) != self.value(worse))


WINNING_ORDER = (
    Criterion(
        "status",
        lambda report: report["state"] is not None,
        lambda _, worse: f"has a status, #{worse['number']} has none",
        lambda *_: "has no status, so it holds no state",
    ),
    Criterion(
        "final",
        lambda report: report["final"],
        lambda _, worse: f"final, #{worse['number']} is not",
        lambda *_: "not final",
    ),
    Criterion(
        "sequence",
        lambda report: report["sequence"],
        lambda better, worse: f"Sequence {better['sequence']}, {_than(worse, 'sequence')}",
        lambda better, worse: f"{_has(worse, 'sequence')}, {_than(better, 'sequence')}",
    ),
    Criterion(
        "rank",
        lambda report: report["rank"],
        lambda better, worse: f"{better['state']} ranks above {worse['state']}",
        lambda better, worse: f"{worse['state']} ranks below {better['state']}",
    ),
    Criterion(
        "clock",
        lambda report: report["clock"],
        lambda _, worse: f"Plivo's clock later: {_than(worse, 'clock')}",
        lambda better, worse: (
            f"Plivo's clock earlier: {_than(better, 'clock')}"
            if worse["clock"]
            else f"no clock of Plivo's, {_than(better, 'clock')}"
        ),
    ),
    Criterion(
        "received_at",
        lambda report: report["received_at"],
        lambda _, worse: f"received later than #{worse['number']}",
        lambda better, _: f"received before #{better['number']}",
    ),
    Criterion(
        "report_id",
        lambda report: report["report_id"],
        lambda _, worse: f"equal to #{worse['number']} but for a greater report_id",
        lambda better, _: f"equal to #{better['number']} but for a smaller report_id",
    ),
    Criterion(
        "copy",
        lambda report: report["place"],
        lambda _, worse: f"the same report as #{worse['number']}, which lies on disk twice",
        lambda better, _: f"the same report as #{better['number']}, which lies on disk twice",
    ),
)

LOG_ORDER = (
    Criterion(
        "pulled_at",
        lambda row: row["pulled_at"],
        lambda *_: "latest reading",
        lambda *_: "older reading",
    ),
    Criterion(
        "record",
        lambda row: row["record"],
        lambda _, worse: f"pulled together with #{worse['number']}; its record sorts higher",
        lambda better, _: f"pulled together with #{better['number']}; its record sorts lower",
    ),
    Criterion(
        "copy",
        lambda row: row["place"],
        lambda _, worse: f"the same reading as #{worse['number']}",
        lambda better, _: f"the same reading as #{better['number']}",
    ),
)


def spoken(moment: datetime) -> str:
    """A time in a sentence, to the microsecond where there are any."""
    return f"{moment.replace(tzinfo=None).isoformat(' ')} UTC"


def _has(row: Row, name: str) -> str:
    return "no Sequence" if row[name] is None else f"Sequence {row[name]}"


def _than(other: Row, name: str) -> str:
    value = other[name]
    if value is None:
        return f"#{other['number']} has none"
    return f"#{other['number']} has {spoken(value) if isinstance(value, datetime) else value}"
