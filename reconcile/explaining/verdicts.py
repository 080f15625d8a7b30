"""[pure] Which report, which log row and which side of a part wins, and by which rule, in words.

The stages decide; this says why they did. Reports are rows of the stage `report_states`, log rows
those of `log/`, both with their `place`: 1 wins. A rule is named after the criterion that decided.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reconcile.explaining.winning_order import LOG_ORDER, WINNING_ORDER, Criterion, spoken

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ruling:
    """What decided between report and log."""

    side: str  # report | log
    rule: str
    why: str


def of_reports(reports: Sequence[Row]) -> list[Row]:
    """A part's reports, best first, with their number of arrival and a verdict each."""
    numbered = _numbered(reports, "received_at", "report_id")
    copies = _copies(numbered)
    behind = _out_of_order([row for row in numbered if row["number"] not in copies])
    best = _first(numbered) if numbered else {}
    rivals = [row for row in numbered if _copy_key(row) != _copy_key(best)]
    return [
        row
        | _verdict(row, best, rivals, WINNING_ORDER, "report")
        | {"copy_of": copies.get(row["number"]), "out_of_order_after": behind.get(row["number"])}
        for row in sorted(numbered, key=lambda row: row["place"])
    ]


def of_log_rows(rows: Sequence[Row]) -> list[Row]:
    """A part's log rows, best first, with their number of arrival and a verdict each."""
    numbered = _numbered(rows, "pulled_at", "record")
    best = _first(numbered) if numbered else {}
    rivals = [row for row in numbered if row is not best]
    return [
        row | _verdict(row, best, rivals, LOG_ORDER, "log row")
        for row in sorted(numbered, key=lambda row: row["place"])
    ]


def of_part(report: Row | None, log: Row | None, *, shift: int | None) -> Ruling:
    """Between the winning report and the latest row as the stage `log_parts` has it.

    `shift`: minutes by which the report's clock is known to run ahead of the log's.
    """
    if report is None:
        return Ruling("log", "only_log", "no report came, only the log knows of it")
    if log is None:
        return Ruling("report", "only_reports", "the log on disk does not hold it")
    if log["final"] and report["final"]:
        return _of_two_ends(report, log, shift)
    if log["final"] or report["final"]:
        side, ended, still_open = ("log", log, report) if log["final"] else ("report", report, log)
        why = f"a final state ({_word(ended)}) beats one that is not ({_word(still_open)})"
        return Ruling(side, "final_beats_open", why)
    if log["rank"] == report["rank"]:
        why = f"neither is final, {_word(log)} and {_word(report)} rank the same: the log's counts"
        return Ruling("log", "log_on_tie", why)
    side, high, low = (
        ("log", log, report) if log["rank"] > report["rank"] else ("report", report, log)
    )
    why = f"neither is final: {_word(high)} ranks above {_word(low)}"
    return Ruling(side, "higher_rank", why)


def _of_two_ends(report: Row, log: Row, shift: int | None) -> Ruling:
    if report["compared_as"] == log["compared_as"]:
        why = "both are final and say the same"
        if report["state"] != log["state"]:
            says = "report" if report["state"] == "read" else "log"
            why += f"; read counts as delivered, and the {says} says read"
        return Ruling("log", "same_end", why)
    words = f"both are final, {_word(report)} and {_word(log)}: "
    reported_at, logged_at = report["clock"], log["message_updated_time"]
    if shift:
        words += f"the log's counts, since the two clocks are {abs(shift)} minutes apart"
        return Ruling("log", "clocks_apart", words)
    if reported_at and logged_at and reported_at > logged_at:
        words += (
            f"the report's clock ({spoken(reported_at)}) is later than "
            f"the log's ({spoken(logged_at)})"
        )
        return Ruling("report", "later_report", words)
    if reported_at and logged_at:
        words += (
            f"the log's counts, since the report's clock ({spoken(reported_at)}) is not later "
            f"than the log's ({spoken(logged_at)})"
        )
    else:
        without = " and the ".join(
            name for name, at in (("report", reported_at), ("log", logged_at)) if not at
        )
        words += f"the log's counts, since no clock of the {without} is known"
    return Ruling("log", "log_over_report", words)


def _verdict(
    row: Row, best: Row, rivals: Sequence[Row], order: Sequence[Criterion], noun: str
) -> Row:
    if row is not best:
        criterion = _decisive(best, row, order)
        return {"verdict": "loses", "rule": criterion.rule, "why": criterion.losing(best, row)}
    if not rivals:
        return {"verdict": "wins", "rule": "only_one", "why": f"the only {noun}"}
    rival = _first(rivals)
    criterion = _decisive(best, rival, order)
    return {"verdict": "wins", "rule": criterion.rule, "why": criterion.winning(best, rival)}


def _decisive(better: Row, worse: Row, order: Sequence[Criterion]) -> Criterion:
    return next((c for c in order if c.separates(better, worse)), order[-1])


def _numbered(rows: Sequence[Row], *arrival: str) -> list[Row]:
    """In the order of arrival, from 1; what has no time came first."""
    ordered = sorted(rows, key=lambda row: [(row[n] is not None, row[n]) for n in arrival])
    return [row | {"number": number} for number, row in enumerate(ordered, 1)]


def _first(rows: Sequence[Row]) -> Row:
    return min(rows, key=lambda row: row["place"])


def _copy_key(report: Row) -> tuple[Any, ...]:
    return report["sequence"], report["state"]


def _copies(arrived: Sequence[Row]) -> dict[int, int]:
    """The reports that say again what an earlier one said, with that one's number."""
    firsts = {_copy_key(row): row["number"] for row in reversed(arrived)}
    return {
        row["number"]: first
        for row in arrived
        if (first := firsts[_copy_key(row)]) != row["number"]
    }


def _out_of_order(arrived: Sequence[Row]) -> dict[int, int]:
    """The reports that came after one which should have come later, with that one's number."""
    found: dict[int, int] = {}
    for position, row in enumerate(arrived):
        for earlier in arrived[:position]:
            if _belongs_after(earlier, row):
                found.setdefault(row["number"], earlier["number"])
    return found


def _belongs_after(earlier: Row, row: Row) -> bool:
    if earlier["sequence"] is None or row["sequence"] is None:
        return bool(earlier["rank"] > row["rank"])
    return bool(earlier["sequence"] > row["sequence"])


def _word(row: Row) -> str:
    return row["state"] or "no status"
