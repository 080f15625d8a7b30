"""[pure] What was paid for messages that did not arrive, by country."""

import altair as alt

from reconcile.charts import style
from reconcile.charts.style import IN_NOTEBOOK, Chart, Style
from reconcile.charts.where import Names
from reconcile.overview.record import Overview

MOST_COUNTRIES = 10


def wasted(
    overview: Overview, how: Style = IN_NOTEBOOK, names: Names | None = None
) -> Chart | None:
    """Spent on undelivered messages, the most first."""
    paid = [row for row in overview.by_country if row["amount_undelivered"]]
    most = sorted(paid, key=lambda row: -row["amount_undelivered"])[:MOST_COUNTRIES]
    if len(most) < 3:
        return None
    bars = [
        {"country": (names or {}).get(row["country"], row["country"]) or "unknown",
         "amount": float(row["amount_undelivered"]), "label": f"{row['amount_undelivered']:,.2f}",
         "exact": str(row["amount_undelivered"]), "total": str(row["total_amount"]),
         "undelivered": row["undelivered"]}
        for row in most
    ]  # fmt: skip
    base = alt.Chart(style.points(bars)).encode(
        y=alt.Y("country:N", sort=None, title=None, scale=alt.Scale(paddingInner=0.35),
                axis=alt.Axis(labelLimit=170, labelColor=how.palette.ink)),
        x=alt.X("amount:Q", axis=None, scale=style.room(float(most[0]["amount_undelivered"]), 80)),
        tooltip=style.tooltip(country="", exact="spent on undelivered", total="of all spent",
                              undelivered="#undelivered"),
    )  # fmt: skip
    return style.dressed(
        alt.layer(
            base.mark_bar(color=how.palette.undelivered, cornerRadiusEnd=2),
            base.mark_text(align="left", dx=6).encode(text="label:N"),
        ), how, height=26 * len(bars), says="Spent on undelivered messages, by country",
    )  # fmt: skip
