"""[pure] The record as tables of a page: texts to read, values to sort by, bars to compare."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from reconcile.charts import rows
from reconcile.charts.rows import Headline
from reconcile.charts.waiting import duration
from reconcile.rate_rows import Row
from reconcile.rendering import cells

Key = Callable[[Row], "Cell"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """`order` is what the column sorts by; `bar` the share of its width that a bar fills."""

    text: str
    order: float | int | str | None = None
    bar: float | None = None
    detail: str = ""

    @property
    def sorts_by(self) -> str | None:
        """What the page's script needs to be told because the text does not say it."""
        if self.order is None:
            return None
        known = f"{self.order:.6g}" if isinstance(self.order, float) else str(self.order)
        return None if known in (self.text, self.text.lower()) else known


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    title: str
    numeric: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]


def words(text: Any, *, order: float | str | None = None, detail: str = "") -> Cell:
    shown = cells.key(text)
    return Cell(text=shown, order=shown.lower() if order is None else order, detail=detail)


def number(value: int | None, *, bar: float | None = None) -> Cell:
    return Cell(text="–" if value is None else f"{value:,}", order=value, bar=bar)


def share(value: float | None, detail: str = "") -> Cell:
    return Cell(text=cells.percent(value), order=value, detail=detail)


def seconds(value: float | None) -> Cell:
    return Cell(text="–" if value is None else duration(value), order=value)


def money(value: Decimal | None) -> Cell:
    """As exact as it is."""
    return Cell(text=cells.value(value), order=None if value is None else float(value))


def summed(value: Decimal | None) -> Cell:
    """A sum, to two places."""
    return Cell(text=amount(value), order=None if value is None else float(value))


def amount(value: Decimal | None) -> str:
    return "–" if value is None else f"{value:,.2f}"


def table(caption: str, titles: Sequence[str], body: Iterable[Sequence[Cell]],
          *, texts: int = 1) -> Table:  # fmt: skip
    """The first so many columns are text, the others numbers."""
    columns = [Column(title=title, numeric=place >= texts) for place, title in enumerate(titles)]
    return Table(caption=caption, columns=columns, rows=[list(row) for row in body])


_RATE_TITLES = ("delivered", "undelivered", "failed", "no receipt", "open")


def by_rate(caption: str, keys: dict[str, Key], found: Sequence[Row], headline: Headline) -> Table:
    """Counts by fate, the headline rate with its interval, and the share with a receipt."""
    titles = [
        *keys,
        headline.counted,
        *_RATE_TITLES,
        headline.formula.name,
        "95 % interval",
        "receipts",
    ]
    return table(
        caption, titles,
        ([key(row) for key in keys.values()] + _counts(row) + _rates(row, headline)
         for row in found),
        texts=len(keys),
    )  # fmt: skip


def by_loss(caption: str, keys: dict[str, Key], found: Sequence[Row], headline: Headline) -> Table:
    """What was lost, beside what was sent, how fast the rest came and what it cost."""
    most = max((rows.lost(row) for row in found), default=0)
    timed = any(row["sent_to_receipt_p50"] is not None for row in found)
    speed = ["median", "95 % within"] if timed else ["within 60 s"]
    titles = [*keys, "lost", headline.counted, "no receipt", headline.formula.name, "95 % interval",
              "receipts", *speed, "per delivered", "wasted"]  # fmt: skip
    return table(
        caption, titles,
        ([key(row) for key in keys.values()]
         + [number(rows.lost(row), bar=rows.lost(row) / most if most else None),
            number(row["submitted"]), number(row["unconfirmed"])]
         + _rates(row, headline)
         + ([seconds(row["sent_to_receipt_p50"]), seconds(row["sent_to_receipt_p95"])]
            if timed else [share(row["within_60s"])])
         + [money(row["amount_per_delivered"]), summed(row["amount_undelivered"])]
         for row in found),
        texts=len(keys),
    )  # fmt: skip


def _counts(row: Row) -> list[Cell]:
    return [number(row["submitted"])] + [
        number(row[fate]) for fate in ("delivered", "undelivered", "failed", "unconfirmed", "open")
    ]


def _rates(row: Row, headline: Headline) -> list[Cell]:
    told = headline.of(row)
    few = " *" if row["submitted"] < rows.FEW and told["rate"] is not None else ""
    return [
        Cell(text=told["rate_text"] + few, order=told["rate"]),
        Cell(text=told["interval"], order=told["low"]),
        share(row["receipt_coverage"]),
    ]
