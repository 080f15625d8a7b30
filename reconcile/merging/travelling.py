"""[I/O] Those who travel, derived by their anchors and kept aside for the days they are of."""

from collections.abc import Sequence
from datetime import date
from uuid import uuid4

from reconcile.merging import travellers, units
from reconcile.merging.memory import Unit
from reconcile.merging.units import Only, Owners
from reconcile.merging.work import Work


def find(work: Work, fresh: Sequence[str], *, afresh: bool) -> None:
    """Who travels, now that these batches are there."""
    known = work.last.travellers
    travellers.read(
        work.engine,
        [batch.keys_file(work.shelf) for batch in work.next.batches],
        work.shelf / known if known else None,
    )
    new = [batch.keys_file(work.shelf) for batch in work.next.batches if batch.name in fresh]
    work.moved = travellers.find(work.engine, new, afresh=afresh)
    work.next.travellers = _keep_travellers(work, known)


def derive(work: Work) -> None:
    """Every anchor whose travellers are others now, or are told of differently."""
    for group in work.in_groups(_travellers_to_derive(work)):
        _derive_travellers(work, group)


def _travellers_to_derive(work: Work) -> list[date]:
    """The anchors whose travellers are others now, or are told of differently."""
    found = []
    for anchor in sorted(_anchors(work) | set(work.last.anchors)):
        before = work.last.anchors.get(anchor)
        if before and anchor not in work.moved.anchors and not work.lost & set(before.days):
            same = before.rows == 0 and before.coverage == work.next.read.on(before.days)
            if same or not any(map(work.wanted, before.days)):
                work.next.anchors[anchor] = before if same else before.to_be_done()
                continue
        work.stale |= set(before.days if before else ())
        found.append(anchor)
    return found


def _derive_travellers(work: Work, group: Sequence[date]) -> None:
    listed = ", ".join(f"date '{anchor}'" for anchor in group)
    told = f"select key, anchor as owner from travellers where anchor in ({listed})"
    work.engine.keep_answer("travelling", told)
    homes = {
        row["home"]: None
        for row in work.engine.query(
            "select distinct k.home from keys as k semi join travelling as t on t.key = k.key"
        ).to_pylist()
    }
    if not homes:
        return
    found = units.derive(
        work.engine, work.source, sorted(homes), Owners(group, told), Only("travelling")
    )
    for anchor in group:
        found[anchor].days |= set(_homes_of(work, anchor))
        unit = work.kept_aside(Unit(0, 0, "", ()), found[anchor], f"owner = date '{anchor}'")
        work.next.anchors[anchor] = unit
        work.stale |= set(unit.days)


def _homes_of(work: Work, anchor: date) -> list[date]:
    found = work.engine.query(
        "select distinct k.home from keys as k semi join "
        f"(select key from travelling where owner = date '{anchor}') as t on t.key = k.key"
    )
    return list(found["home"].to_pylist())


def _anchors(work: Work) -> set[date]:
    found = work.engine.query("select distinct anchor from travellers")
    return set(found["anchor"].to_pylist())


def _keep_travellers(work: Work, known: str | None) -> str | None:
    if known and not work.moved.anchors:
        return known
    if not work.engine.query("select 1 from travellers limit 1").num_rows:
        return None
    name = f"{uuid4().hex}.travellers.parquet"
    work.engine.write("select * from travellers order by key", work.shelf / name)
    return name
