"""[I/O] A world of messages, drawn day by day inside the engine; its SQL lies in `world/`.

    parts ──► posts ──► arrived ──► reports      what the receiver stores, in the order it came
          └─► log_reads ──► seen ──► log         what the reconciler pulls, hour by hour
    parts, log_reads ──► truth                   what can be known of it

Everything hangs on a message's number and the seed alone, so that a day drawn again is the same.
Rates, prices and carriers are those of the pretend Plivo.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Self

import duckdb
import pyarrow as pa

from tests.simulator.log_rows import ERROR_MESSAGES
from tests.simulator.routes import COUNTRIES, FAILURE_CODES, ROUTES, Country, Route

FIRST_DAY = date(2026, 3, 1)
ACCOUNT = "MABENCHBENCHBENCHBEN"
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
LONGEST_DAYS = 4  # from a message to its last report or log row, at most

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SLOTS_FOR_WEIGHT = 60  # so many that senders, prefixes and codes come out mixed
_SQL = Path(__file__).parent / "world"


@dataclass(frozen=True, slots=True)
class World:
    """So many messages in so many days."""

    messages: int
    days: int
    seed: int = 1

    @property
    def end(self) -> datetime:
        return midnight(self.days)

    @property
    def source(self) -> str:
        """Who wrote the files: as random an id as a journal's."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:16]

    def numbers(self, day: int) -> range:
        return range(self.messages * day // self.days, self.messages * (day + 1) // self.days)


class Drawing:
    """The world as it can be known at `until`. Use as context manager."""

    def __init__(self, world: World, until: datetime) -> None:
        self._world = world
        self._session = duckdb.connect()
        self._session.execute("set TimeZone = 'UTC'")
        self._session.execute("set enable_progress_bar = false")
        self._set(seed=world.seed, until=micros(until), source=world.source, account=ACCOUNT)
        self._session.execute(_text("macros"))
        routes = _routes()
        self._set(slots=routes.num_rows)
        for name, table in (("routes", routes), ("error_messages", _error_messages())):
            self._session.register(f"_{name}", table)
            self._session.execute(f"create temp table {name} as from _{name}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def draw(self, day: int) -> None:
        """What becomes of a day's messages; their reports join those still under way."""
        numbers = self._world.numbers(day)
        self._set(day_begins=micros(midnight(day)), first=numbers.start, messages=len(numbers))
        for name in ("parts", "log_reads"):
            self._keep(name, _text(name))
        self._session.execute(f"create temp table if not exists posts as {_text('posts')} limit 0")
        self._session.execute(f"insert into posts {_text('posts')}")

    def arrive(self, *, before: datetime) -> int:
        """The reports that come by then are no longer under way; how many."""
        then = micros(before)
        self._keep(
            "arrived",
            f"from posts where received_at < {then} order by received_at, key, kind, copy",
        )
        self._keep("posts", f"from posts where received_at >= {then}")
        return int(self._one("select count(*) as reports from arrived")["reports"])

    def reports(self, *, already: int) -> Iterator[pa.RecordBatch]:
        """Those that have just arrived, as rows of `reports/`, numbered on from so many."""
        self._set(reports_before=already)
        yield from self._session.sql(_text("reports")).to_arrow_reader()

    def read_log(self, *, since: datetime = _EPOCH) -> tuple[int, int] | None:
        """What was read of the day's log from then on: when first and last, in microseconds."""
        self._keep(
            "seen", f"from log_reads where read_at >= {micros(since)} order by uuid, read_at"
        )
        times = self._one("select min(read_at) as first, max(read_at) as last from seen")
        return None if times["first"] is None else (times["first"], times["last"])

    def log(self) -> Iterator[pa.RecordBatch]:
        """What has just been read, as rows of `log/`."""
        yield from self._session.sql(_text("log")).to_arrow_reader()

    def truth(self) -> dict[str, Any]:
        """Of the day's messages, counted from the draws."""
        return self._one(_text("truth"))

    def _keep(self, name: str, sql: str) -> None:
        self._session.execute(f"create or replace temp table {name} as {sql}")

    def _set(self, **values: int | str) -> None:
        for name, value in values.items():
            self._session.execute(f"set variable {name} = $value", {"value": value})

    def _one(self, sql: str) -> dict[str, Any]:
        row: dict[str, Any] = self._session.sql(sql).to_arrow_table().to_pylist()[0]
        return row


def midnight(day: int) -> datetime:
    return datetime.combine(FIRST_DAY + day * DAY, datetime.min.time(), UTC)


def micros(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)


def _routes() -> pa.Table:
    """Slots, each as likely as any other: as many to a country and carrier as they have traffic."""
    chance = Random(0)
    slots: list[dict[str, Any]] = []
    for country in COUNTRIES:
        carriers = [route for route in ROUTES if route.country == country.iso2]
        slots += [
            _slot(country, carriers[place % len(carriers)], chance)
            for place in range(_SLOTS_FOR_WEIGHT * country.weight)
        ]
    return pa.Table.from_pylist([{"slot": number} | slot for number, slot in enumerate(slots)])


def _slot(country: Country, route: Route, chance: Random) -> dict[str, Any]:
    codes, often = zip(*route.undelivered_codes, strict=True)
    failures, how_often = zip(*FAILURE_CODES, strict=True)
    return {
        "country": country.iso2, "prefix": chance.choice(country.mobile_prefixes),
        "digits": country.digits_after, "sender": chance.choice(country.senders),
        "carrier": route.carrier, "mcc": route.mcc, "mnc": route.mnc, "price": route.price,
        "fee": route.carrier_fee, "failed_rate": route.failed_rate,
        "no_receipt_rate": route.no_receipt_rate, "undelivered_rate": route.undelivered_rate,
        "undelivered_code": chance.choices(codes, often)[0],
        "failure_code": chance.choices(failures, how_often)[0],
        "tells_sent": chance.random() < 0.25, "handover_median": route.handover_median,
        "receipt_median": route.receipt_median, "receipt_spread": route.receipt_spread,
    }  # fmt: skip


def _error_messages() -> pa.Table:
    return pa.table({"code": list(ERROR_MESSAGES), "message": list(ERROR_MESSAGES.values())})


def _text(name: str) -> str:
    return (_SQL / f"{name}.sql").read_text(encoding="utf-8")
