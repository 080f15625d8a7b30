"""[pure] The hour after the minute: sections of figures, each a chart and the same as a table."""

from dataclasses import replace

from reconcile.charts import money, over_time, rhythm, rows, waiting, where
from reconcile.charts.style import FATE_NAMES, IN_PAGE
from reconcile.overview.record import Overview
from reconcile.rate_rows import Row
from reconcile.rendering import cells
from reconcile.rendering.html import tables
from reconcile.rendering.html.answers import Names
from reconcile.rendering.html.figure import Figure, Section, rate_legend
from reconcile.rendering.html.tables import Cell, amount

_MOST_WAITS = 100
_LEGEND = ("delivered", "undelivered", "failed", "unconfirmed", "open")


def sections(overview: Overview, names: Names) -> list[Section]:
    """Without those that have nothing to tell."""
    found = [
        Section(name="time", title="Over time", short="Time", figures=[_over_time(overview)]),
        Section(name="where", title="Where messages are lost", short="Where",
                figures=[_heat_map(overview, names), _routes(overview, names),
                         _countries(overview, names)]),
        Section(name="speed", title="How long receipts take", short="Speed",
                figures=[_to_receipt(overview), _by_route(overview, names)]),
        Section(name="when", title="Hour, length, sender", short="Patterns",
                figures=[_week(overview), _parts(overview), _senders(overview), _tags(overview)]),
        Section(name="cost", title="What it costs", short="Cost", figures=[_cost(overview, names)]),
    ]  # fmt: skip
    return [
        replace(s, figures=figures)
        for s in found
        if (figures := [f for f in s.figures if f.drawn or f.table or f.says])
    ]


def _over_time(overview: Overview) -> Figure:
    clock, total = rows.clock(overview), overview.report.total or {}
    keys = {overview.step: lambda row: tables.words(
        clock.words(row["step"]) + (" · provisional" if row["provisional"] else ""),
        order=clock.start(row["step"]))}  # fmt: skip
    legend = [(fate, FATE_NAMES.get(fate, fate))
              for fate in _LEGEND if total.get(fate)]  # fmt: skip
    kinds = {band.kind for band in overview.bands}
    legend += [(kind, words) for kind, words in (
        ("outage", "no receiver was alive"), ("provisional", "some messages still open"),
    ) if kind in kinds or (kind == "provisional" and any(
        row["provisional"] for row in overview.by_time))]  # fmt: skip
    known = any(rows.headline(overview).of(row)["low"] is not None for row in overview.by_time)
    band = "The band around the line is the 95 % interval. " if known else ""
    steps = {"hour": "hour", "day": "day", "week": "week, from Monday", "month": "month"}
    return Figure(
        name="over-time",
        title=f"{overview.report.formula.name.capitalize()} rate, and messages by fate",
        lead=f"By {steps[overview.step]}. {band}The axis of the rate does not begin at 0.",
        charts=[("rate", over_time.rate(overview, IN_PAGE)),
                ("volume", over_time.volume(overview, IN_PAGE))],
        legend=legend,
        table=tables.by_rate(f"Rates by {overview.step}", keys, overview.by_time,
                             rows.headline(overview)) if overview.by_time else None,
    ) if overview.by_time else Figure(name="over-time", title="")  # fmt: skip


def _heat_map(overview: Overview, names: Names) -> Figure:
    chart = where.heat_map(overview, IN_PAGE, names)
    if chart is None:
        return Figure(name="map", title="")
    hidden = len(overview.by_country) - where.MOST_COUNTRIES
    return Figure(
        name="map", title="Countries and their carriers",
        lead="A row per country, most messages lost first; in it the carriers, the largest first. "
        "What is fine stays quiet.",
        charts=[("map", chart)], legend=rate_legend(), least_width=720,
        note=f"{hidden:,} more countries stand in the table of countries." if hidden > 0 else "",
    )  # fmt: skip


def _routes(overview: Overview, names: Names) -> Figure:
    found = overview.routes
    keys = {"country": _country(names), "carrier": lambda row: tables.words(row["carrier"])}
    return Figure(
        name="routes", title="Routes by messages lost",
        lead="A large route that fails a little loses more than a small one that fails a lot. "
        "Lost: failed before the carrier or undelivered behind it.",
        charts=[("worst", where.worst_routes(overview, IN_PAGE, names))],
        legend=[("undelivered", "undelivered"), ("failed", "failed")],
        table=tables.by_loss("Routes, most messages lost first", keys, found,
                             rows.headline(overview)) if found else None,
        note="The table ends after 500 routes." if len(found) >= 500 else _few(found),
    ) if found else Figure(name="routes", title="")  # fmt: skip


def _countries(overview: Overview, names: Names) -> Figure:
    found = overview.by_country
    if len(found) < 2:
        return Figure(name="countries", title="")
    return Figure(
        name="countries", title="All countries",
        table=tables.by_loss("Countries, most messages lost first", {"country": _country(names)},
                             found, rows.headline(overview)),
        note=_few(found),
    )  # fmt: skip


def _to_receipt(overview: Overview) -> Figure:
    total, bins = overview.report.total or {}, overview.receipt_times
    if not total or total["sent_to_receipt_p50"] is None:
        return Figure(name="receipt", title="")
    told = [f"{waiting.duration(total[f'sent_to_receipt_p{share}'])} for {share} %"
            for share in (50, 90, 95, 99)]  # fmt: skip
    within = [f"{cells.percent(total[name])} within {words}" for name, words in (
        ("within_10s", "10 s"), ("within_60s", "60 s"), ("within_5min", "5 min"))]  # fmt: skip
    return Figure(
        name="receipt", title="From hand-over to receipt",
        says=f"Receipts took up to {', '.join(told)}. Of all messages handed over, "
        f"{', '.join(within)} – those without a receipt count as late.",
        charts=[("receipt", waiting.to_receipt(overview, IN_PAGE))],
        legend=[("delivered", "delivered"), ("undelivered", "undelivered")],
        table=tables.table(
            "Receipts by the time they took", ["took", "delivered", "undelivered"],
            ([Cell(text=waiting.between(bin_), order=place), tables.number(bin_.delivered),
              tables.number(bin_.undelivered)] for place, bin_ in enumerate(bins))),
    )  # fmt: skip


def _by_route(overview: Overview, names: Names) -> Figure:
    chart = waiting.by_route(overview, IN_PAGE, names)
    largest = sorted(overview.routes, key=lambda row: -row["submitted"])[:_MOST_WAITS]
    timed = [row for row in largest if row["sent_to_receipt_p50"] is not None]
    if chart is None:
        return Figure(name="waits", title="")
    return Figure(
        name="waits", title="The slowest of the large routes",
        charts=[("waits", chart)],
        legend=[("delivered", "half within"), ("ink", "95 % within"), ("muted", "99 % within")],
        table=tables.table(
            "Time from hand-over to receipt by route",
            ["country", "carrier", "messages", "50 %", "90 %", "95 %", "99 %"],
            ([_country(names)(row), tables.words(row["carrier"]), tables.number(row["submitted"])]
             + [tables.seconds(row[f"sent_to_receipt_p{p}"]) for p in (50, 90, 95, 99)]
             for row in timed), texts=2),
        note=f"The {_MOST_WAITS} routes of the most messages."
        if len(overview.routes) > _MOST_WAITS else "",
    )  # fmt: skip


def _week(overview: Overview) -> Figure:
    chart = rhythm.week_hours(overview, IN_PAGE)
    if chart is None:
        return Figure(name="week", title="")
    keys = {
        "day": lambda row: tables.words(rhythm.DAYS[row["weekday"] - 1], order=row["weekday"]),
        "hour": lambda row: tables.words(f"{row['hour_of_day']:02}:00"),
    }
    return Figure(
        name="week", title="Hour by hour through the week",
        lead="The larger a square, the more messages; the louder, the fewer arrived. Hours in "
        f"{overview.report.question.zone}.",
        charts=[("week", chart)], legend=rate_legend(), least_width=640,
        table=tables.by_rate("Rates by weekday and hour", keys, overview.by_week_hour,
                             rows.headline(overview)),
    )  # fmt: skip


def _parts(overview: Overview) -> Figure:
    found = overview.by_parts
    if len(found) < 2:
        only = found[0]["parts"] if found else None
        text = f"All messages have {only} part{'' if only == 1 else 's'}." if only else ""
        return Figure(name="parts", title="Long messages" if text else "", says=text)
    keys = {"parts": lambda row: tables.words(row["parts"], order=row["parts"])}
    return Figure(
        name="parts", title="Long messages",
        lead="Each part travels on its own; a message arrives only whole.",
        charts=[("parts", rhythm.parts(overview, IN_PAGE))],
        table=tables.by_rate("Rates by number of parts", keys, found, rows.headline(overview)),
    )  # fmt: skip


def _senders(overview: Overview) -> Figure:
    return _named(overview, overview.by_sender, "from_number", "Senders", "sender")


def _tags(overview: Overview) -> Figure:
    return _named(overview, overview.by_tag, "tag", "Tags", "tag")


def _named(overview: Overview, found: list[Row], key: str, title: str, column: str) -> Figure:
    if len(found) < 2:
        return Figure(name=key, title="")
    note = "The table ends after 50." if len(found) >= 50 else _few(found)
    keys = {column: lambda row: tables.words(row[key])}
    told = tables.by_loss(f"{title}, most messages lost first", keys, found,
                          rows.headline(overview))  # fmt: skip
    return Figure(name=key, title=title, table=told, note=note)


def _cost(overview: Overview, names: Names) -> Figure:
    total = overview.report.total or {}
    if not total or total["total_amount"] is None:
        return Figure(name="money", title="")
    accounts = len(overview.report.audit["accounts"])
    several = (
        f" Sums over {accounts} accounts: their currencies may differ." if accounts > 1 else ""
    )
    fees = total["carrier_fees"]
    apart = f" Carrier fees beside it: {amount(fees)}." if fees is not None else ""
    return Figure(
        name="money", title="Spent on messages that did not arrive",
        says=f"{amount(total['total_amount'])} in all, {total['amount_per_message'] or '–'} per "
        f"message, {total['amount_per_delivered'] or '–'} per delivered one; "
        f"{amount(total['amount_undelivered'])} went to undelivered ones.{apart}{several}",
        charts=[("wasted", money.wasted(overview, IN_PAGE, names))],
        table=tables.table(
            "Cost by country",
            ["country", "messages", "delivered", "spent", "per message", "per delivered",
             "on undelivered", "carrier fees"],
            ([_country(names)(row), tables.number(row["submitted"]),
              tables.number(row["delivered"]), tables.summed(row["total_amount"]),
              tables.money(row["amount_per_message"]), tables.money(row["amount_per_delivered"]),
              tables.summed(row["amount_undelivered"]), tables.summed(row["carrier_fees"])]
             for row in overview.by_country)) if len(overview.by_country) > 1 else None,
    )  # fmt: skip


def _country(names: Names) -> tables.Key:
    def cell(row: Row) -> Cell:
        code = row["country"]
        return tables.words(names.get(code, code), detail=code if code in names else "")

    return cell


def _few(found: list[Row]) -> str:
    few = any(row["submitted"] < rows.FEW for row in found)
    return f"* fewer than {rows.FEW} messages: no more than a hint." if few else ""
