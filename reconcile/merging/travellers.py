"""[I/O] Parts whose rows, or whose message's, have more than one home.

A traveller is known by the hash of its UUID. Whoever shares a message with one, or could – by any
parent that any of its rows names –, travels with it; all of them are derived together, by the day
that is their earliest home, their anchor. Travellers stay travellers until a full merge: to be
taken for one costs time, and changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from reconcile.engines.duckdb_engine import DuckDBEngine
from reconcile.engines.duckdb_text import sql_list

MOST_AT_ONCE = 20_000_000  # keys that are grouped in one go

TABLE = "travellers"  # key, anchor


@dataclass(frozen=True, slots=True)
class Change:
    """Anchors whose travellers are others now, and the homes that someone left to travel."""

    anchors: set[date]
    homes: set[date]


def read(engine: DuckDBEngine, files: Sequence[Path], known: Path | None) -> None:
    """Make `keys` (key, parent, home) of these files and the travellers of last time readable."""
    source = f"read_parquet({sql_list(files)})" if files else None
    engine.name(
        "keys",
        f"select key, parent, home from {source}" if source
        else "select cast(0 as ubigint) as key, cast(0 as ubigint) as parent, "
             "date '2000-01-01' as home where false",
    )  # fmt: skip
    engine.keep_answer(
        TABLE,
        f"from read_parquet({sql_list([known])})" if known
        else "select cast(0 as ubigint) as key, date '2000-01-01' as anchor where false",
    )  # fmt: skip


def find(engine: DuckDBEngine, new: Sequence[Path], *, afresh: bool) -> Change:
    """Bring `travellers` up to date with what the new batches brought."""
    if not new and not afresh:
        return Change(set(), set())
    if afresh:
        _all_homeless(engine)
    else:
        _newly_homeless(engine, new)
    _with_their_kin(engine)
    if not engine.query("select 1 from kin limit 1").num_rows:
        return Change(set(), set())
    _anchor(engine)
    touched = engine.query(
        "select distinct anchor from (select t.anchor from travellers as t "
        "semi join kin on kin.key = t.key union all select anchor from anchored)"
    )
    homes = engine.query("select distinct k.home from keys as k semi join kin on kin.key = k.key")
    engine.keep_answer(
        "together",
        "select * from travellers as t anti join kin on kin.key = t.key "
        "union all select key, anchor from anchored",
    )
    engine.keep_answer(TABLE, "select * from together")
    return Change(set(touched["anchor"].to_pylist()), set(homes["home"].to_pylist()))


def _all_homeless(engine: DuckDBEngine) -> None:
    """`kin` becomes all keys with more than one home, found in as many goes as fit in memory."""
    rows = engine.query("select count(*) as n from keys")["n"][0].as_py()
    goes = max(1, -(-rows // MOST_AT_ONCE))
    engine.keep_answer("kin", "select cast(0 as ubigint) as key where false")
    for go in range(goes):
        engine.execute(
            "insert into kin select key from ("
            "select key, home from keys union all "
            "select parent, home from keys where parent is not null) "
            f"where key % {goes} = {go} group by key having min(home) <> max(home)"
        )


def _newly_homeless(engine: DuckDBEngine, new: Sequence[Path]) -> None:
    """`kin` becomes new keys that have another home, too, and those that travelled already."""
    source = f"read_parquet({sql_list(new)})"
    engine.keep_answer(
        "arrived",
        f"select key, home from {source} union "
        f"select parent as key, home from {source} where parent is not null",
    )
    engine.keep_answer(
        "kin",
        "select a.key from arrived as a inner join keys as k on k.key = a.key "
        "where k.home <> a.home union "
        "select a.key from arrived as a inner join keys as k on k.parent = a.key "
        "where k.home <> a.home union "
        "select a.key from arrived as a semi join travellers as t on t.key = a.key",
    )


def _with_their_kin(engine: DuckDBEngine) -> None:
    """`kin` grows until nobody outside shares a message with anybody in it."""
    count = -1
    while (grown := engine.query("select count(*) as n from kin")["n"][0].as_py()) != count:
        count = grown
        if not count:
            return
        engine.keep_answer(
            "more",
            "select key from kin union "
            "select k.parent from keys as k semi join kin on kin.key = k.key "
            "where k.parent is not null union "
            "select k.key from keys as k semi join kin on kin.key = k.parent",
        )
        engine.keep_answer("kin", "select * from more")


def _anchor(engine: DuckDBEngine) -> None:
    """`anchored` (key, anchor): one anchor for all that are linked, their earliest home."""
    engine.keep_answer(
        "links",
        "select distinct k.key, k.parent from keys as k semi join kin on kin.key = k.key "
        "where k.parent is not null",
    )
    engine.keep_answer(
        "anchored",
        "select kin.key, min(k.home) as anchor from kin "
        "left join keys as k on k.key = kin.key group by kin.key",
    )
    before = None
    while True:
        engine.keep_answer(
            "nearer",
            "select a.key, least(a.anchor, n.anchor) as anchor from anchored as a left join ("
            "select key, min(anchor) as anchor from ("
            "select l.key, a.anchor from links as l inner join anchored as a on a.key = l.parent "
            "union all "
            "select l.parent, a.anchor from links as l inner join anchored as a on a.key = l.key) "
            "group by key) as n on n.key = a.key",
        )
        engine.keep_answer("anchored", "select * from nearer")
        now = engine.query(
            "select sum(anchor - date '2000-01-01') as days, count(anchor) as n from anchored"
        ).to_pylist()
        if now == before:
            return
        before = now
