"""[I/O] Counts of the messages asked for, by any keys: `tallies` ──► `counts`, and percentiles.

Tallies are additive, so one of fine groups yields all the coarse ones without another scan.
Percentiles are not, and cost as much memory as there are receipts: eight bytes each.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from reconcile import stages
from reconcile.engines.engine import Engine

SHARES = (50, 90, 95, 99)

# Times in seconds as SQL over `counted_messages`.
_TIMES = {
    "sent_to_receipt": (
        "case when letter in ('D', 'U') then "
        "cast(unix_micros(final_at) - unix_micros(sent_at) as double) / 1000000 end"
    ),
    # from one side's clock to the other's: only where they run alike
    "message_to_receipt": (
        "case when letter in ('D', 'U') and coalesce(clock_shift_minutes, 0) = 0 then "
        "cast(unix_micros(final_at) - unix_micros(message_time) as double) / 1000000 end"
    ),
}
PERCENTILES = tuple(f"{name}_p{share}" for name in _TIMES for share in SHARES)


def take(engine: Engine, name: str, keys: Mapping[str, str], condition: str = "true") -> None:
    """Keep tallies under this name, by these expressions over `counted_messages`."""
    text = stages.text("tallies").format(
        keys=_listed(keys), columns=_named(keys), condition=condition, **_TIMES
    )
    engine.keep_answer(name, text)


def counts(engine: Engine, name: str, keys: Iterable[str], condition: str = "true") -> pa.Table:
    """A row per group of these keys, which the tallies have, in their order; without keys one."""
    return engine.query(
        stages.text("counts").format(
            tallies=f"(select * from {name} where {condition})",
            keys=_listed(keys),
            group=_group(keys),
        )
    )


def percentiles(engine: Engine, keys: Mapping[str, str]) -> pa.Table:
    """`sent_to_receipt_p50` and so on, of the same groups in the same order."""
    found = engine.query(
        stages.text("percentiles").format(
            keys=_listed(keys), columns=_named(keys), group=_group(keys), **_TIMES
        )
    )
    columns = {key: found[key] for key in keys}
    for name in _TIMES:
        told = found[name].to_pylist()
        for place, share in enumerate(SHARES):
            # a hundredth of a microsecond is all there is; engines differ behind it
            values = [round(each[place], 8) if each is not None else None for each in told]
            columns[f"{name}_p{share}"] = pa.array(values, pa.float64())
    return pa.table(columns)


def rounded_percentiles(
    engine: Engine, name: str, keys: Sequence[str], *, by_step: bool
) -> dict[tuple[Any, ...], dict[str, float]]:
    """Likewise, by the values of the keys, of times that were counted instead of kept."""
    listed = ", ".join(("clock", *keys))
    picked = ", ".join(
        f"min(case when upto * 100 > (receipts - 1) * {share} then micros end) as low_{share}, "
        f"min(case when (upto - 1) * 100 > (receipts - 1) * {share} or upto = receipts "
        f"then micros end) as high_{share}"
        for share in SHARES
    )
    found = engine.query(
        f"with summed as (select {listed}, micros, sum(receipts) as receipts from {name} "
        f"where by_step = {by_step} group by {listed}, micros), "
        f"ordered as (select {listed}, micros, "
        f"sum(receipts) over (partition by {listed} order by micros "
        "rows between unbounded preceding and current row) as upto, "
        f"sum(receipts) over (partition by {listed}) as receipts from summed) "
        f"select {listed}, cast(max(receipts) as bigint) as receipts, {picked} "
        f"from ordered group by {listed}"
    )
    percentiles: dict[tuple[Any, ...], dict[str, float]] = {}
    for row in found.to_pylist():
        told = percentiles.setdefault(tuple(row[key] for key in keys), {})
        for share in SHARES:
            between = ((row["receipts"] - 1) * share % 100) / 100
            low, high = row[f"low_{share}"], row[f"high_{share}"]
            told[f"{row['clock']}_to_receipt_p{share}"] = (low + (high - low) * between) / 1e6
    return percentiles


def whole(engine: Engine, keys: Mapping[str, str]) -> pa.Table:
    """Counts and percentiles of these groups."""
    take(engine, "tallies", keys)
    counted = counts(engine, "tallies", keys)
    timed = percentiles(engine, keys)
    for column in timed.column_names[len(keys) :]:
        counted = counted.append_column(column, timed[column])
    return counted


def _listed(keys: Iterable[str]) -> str:
    return "".join(f"{key}, " for key in keys)


def _named(keys: Mapping[str, str]) -> str:
    return "".join(f"{expression} as {key}, " for key, expression in keys.items())


def _group(keys: Iterable[str]) -> str:
    names = list(keys)
    if not names:
        return ""
    order = ", ".join(f"{name} nulls last" for name in names)
    return f"group by {', '.join(names)} order by {order}"
