"""[pure] Can the numbers be trusted: errors, collection audit, formulas, how the page was made."""

from reconcile import formulas, stages
from reconcile.charts import collection, rows, waiting
from reconcile.charts.rows import at as day
from reconcile.charts.style import IN_PAGE
from reconcile.formulas import Formula
from reconcile.overview.record import Overview
from reconcile.rendering import audit_lines, cells
from reconcile.rendering.html import tables
from reconcile.rendering.html.figure import Figure
from reconcile.rendering.html.tables import Cell, Table

_LETTERS = {"D": "delivered", "U": "undelivered", "X": "no receipt within the horizon",
            "F": "failed", "H": "handed over", "N": "submitted",
            "R": "no receipt yet, to the US or Canada"}  # fmt: skip
_BY = {"agree": "both", "status_differs": "both, in conflict", "log_behind": "both, the log later",
       "report_missing": "the log alone", "log_missing": "reports alone",
       "not_pulled": "reports alone, log not read", "counted": "reports, counted in the log",
       "open": "neither yet"}  # fmt: skip


def match(overview: Overview) -> Figure:
    audit = overview.report.audit
    body = [
        [Cell(text=row["word"].replace("_", " "), order=row["place"]),
         tables.words(_BY.get(row["word"], "")), tables.words(row["meaning"]),
         tables.number(audit["match"][row["word"]])]
        for row in stages.meaning("matches").to_pylist() if audit["match"].get(row["word"])
    ]  # fmt: skip
    return Figure(
        name="match", title="Who told us how each message ended",
        says=_captured(overview),
        charts=[("match", collection.match(overview, IN_PAGE))],
        legend=[(role, f"{word.replace('_', ' ')} {audit['match'][word]:,}")
                for word, role in collection.MATCHES.items()
                if audit["match"].get(word) and word not in collection.AGREED],
        table=tables.table("Reports and log, message by message",
                           ["match", "the end came by", "meaning", "messages"], body, texts=3),
    )  # fmt: skip


def reading(overview: Overview) -> Figure:
    """When somebody listened, and which time of the log was read."""
    clock = rows.clock(overview)
    bands = [band for band in overview.bands if band.kind != "provisional"]
    if not bands:
        return Figure(name="reading", title="")
    kinds = {band.kind for band in bands}
    words = {kind: said if kind == "outage" else f"log {said}"
             for kind, (said, _) in collection.READING.items()}  # fmt: skip
    legend = [
        (role, words[kind]) for kind, (_, role) in collection.READING.items() if kind in kinds
    ]
    return Figure(
        name="reading", title="When we listened, and what was read",
        charts=[("reading", collection.reading(overview, IN_PAGE))],
        legend=legend,
        table=tables.table(
            "Spans of time", ["what", "from", "to"],
            ([tables.words(words.get(band.kind, band.kind)),
              *(Cell(text=day(at, overview), order=clock.instant(at))
                for at in (band.from_at, band.until_at))] for band in bands), texts=3),
    )  # fmt: skip


def maturity(overview: Overview) -> Figure:
    points = overview.maturity
    chart = waiting.maturity(overview, IN_PAGE)
    if chart is None:
        return Figure(name="maturity", title="")
    return Figure(
        name="maturity", title="How long until a rate is final",
        lead="The share of messages with a receipt, by their age; a thin line per span of days. "
        "Where the line is flat, waiting longer changes nothing.",
        charts=[("maturity", chart)],
        table=tables.table(
            "Messages with a receipt by age",
            ["messages of", "age", "with a receipt", "handed over", "share"],
            ([tables.words(p.cohort), Cell(text=waiting.duration(p.age_seconds),
                                           order=p.age_seconds),
              tables.number(p.receipts), tables.number(p.handed_over), tables.share(p.share)]
             for p in points), texts=2),
    )  # fmt: skip


def audit_facts(overview: Overview) -> list[tuple[str, str]]:
    """Figure and what it is; the words of the match stand in a table of their own."""
    words = len(overview.report.audit["match"])
    return list(audit_lines.lines(overview.report))[words:] if overview.report.total else []


def in_words(formula: Formula) -> str:
    """'delivered / (delivered + undelivered)'."""
    sides = []
    for side in (formula.numerator, formula.denominator):
        named = " + ".join(_LETTERS[letter] for letter in side.split(" + "))
        sides.append(f"({named})" if " + " in side else named)
    return " ÷ ".join(sides)


def formula_table(overview: Overview) -> Table:
    body = []
    for name, rate in overview.report.by_formula.items():
        formula = formulas.HEADLINES[name]
        headline = " (headline)" if name == overview.report.formula.name else ""
        body.append([
            tables.words(name + headline), tables.words(in_words(formula)),
            tables.words(formula.used_by), tables.words(formula.hides),
            tables.share(rate.value),
            Cell(text=cells.interval(rate.low, rate.high), order=rate.low),
            Cell(text=f"{rate.numerator:,} of {rate.denominator:,}", order=rate.denominator),
        ])  # fmt: skip
    return tables.table("The same messages by other formulas",
                        ["formula", "divides", "used by", "hides", "rate", "95 % interval",
                         "messages"], body, texts=4)  # fmt: skip


def made_of(overview: Overview) -> Table:
    names = {"reports": "delivery reports received", "log": "rows of Plivo's message log",
             "messages": "messages, merged of both"}  # fmt: skip
    body = [
        [tables.words(names.get(s.name, s.name)), tables.number(s.files), tables.number(s.rows),
         Cell(text=day(s.first_at, overview) if s.first_at else "–", order=str(s.first_at or "")),
         Cell(text=day(s.last_at, overview) if s.last_at else "–", order=str(s.last_at or ""))]
        for s in overview.sources
    ]  # fmt: skip
    return tables.table("Inputs", ["input", "files", "rows", "from", "to"], body)


def _captured(overview: Overview) -> str:
    audit = overview.report.audit
    if audit["capture_rate"] is None:
        return ("The log was not read for this time, so what did not reach us cannot be told. "
                "Read it: python -m reconcile run")  # fmt: skip
    differ = audit["match"].get("status_differs", 0)
    conflicts = (
        f"Report and log contradict each other in {differ:,} messages."
        if differ else "Report and log contradict each other nowhere."
    )  # fmt: skip
    return (
        f"{cells.percent(audit['capture_rate'])} of messages that ended reached us as a report: "
        f"{audit['capture_rate_numerator']:,} of {audit['capture_rate_denominator']:,}. The rest "
        f"is known from Plivo's log alone. {conflicts}"
    )
