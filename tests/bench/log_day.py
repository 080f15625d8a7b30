"""A day of the pretend Plivo as a process: its reports as Parquet, its message log behind HTTP.

    python -m tests.bench.log_day FOLDER --messages 50000 --latency 0.1 --per-minute 20

Beside FOLDER/whole, where every report arrived, lie three folders of the same day: in `lost` one
message in a thousand was never reported, in `single` one report in 2,900 was lost (of a million
messages a thousand reports), and in `outage` no report came for two hours. FOLDER/truth tells how
each part ended. The day is a past one and the clock the real one, so that the reconciler is run
as it is. Several processes plan it, each a stretch of messages at a time.
"""

import argparse
import gc
import json
import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import urlencode
from zlib import crc32

import pyarrow as pa
import pyarrow.parquet as pq

from receiver.columns import PARAMETERS, REPORTS
from tests.simulator import (
    Faults,
    Message,
    Order,
    Orders,
    PastRow,
    PastSimulation,
    Served,
    Settings,
    orders,
    report_parameters,
    reports_of,
    rows_of,
)

Row = dict[str, Any]
DAY = timedelta(days=1)
DAYS_AGO = 6  # all has ended, and the horizon is over
OUTAGE = (timedelta(hours=12), timedelta(hours=14))
PLIVO_RETRIES = timedelta(minutes=7)
_STRETCH = 10_000
_URL = "http://127.0.0.1:9/delivery_report"


def day_began_at() -> datetime:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today - DAYS_AGO * DAY


def lost(row: Row) -> bool:
    return crc32(row["message_uuid"].encode()) % 1_000 == 7


def lost_alone(row: Row) -> bool:
    return crc32(row["report_id"].encode()) % 2_900 == 7


def unheard(row: Row) -> bool:
    """Posted while the receiver was down, and so early that no retry came after it."""
    begin = day_began_at()
    return bool(begin + OUTAGE[0] <= row["received_at"] < begin + OUTAGE[1] - PLIVO_RETRIES)


HIDDEN: dict[str, Callable[[Row], bool]] = {
    "whole": lambda _: False, "lost": lost, "single": lost_alone, "outage": unheard,
}  # fmt: skip


@dataclass(frozen=True)
class Day:
    """What the processes that plan it start from."""

    place: Path
    messages: Orders
    account: str


def _report_rows(day: Day, message: Message) -> Iterator[Row]:
    for part, report, came_at in reports_of(message):
        pairs = report_parameters(message, part, report)
        yield {
            "report_id": f"{part.plan.message_uuid}-{report.sequence}", "received_at": came_at,
            "signature": "v3", "kind": "delivery_report", "http_method": "POST",
            "body": urlencode(pairs), "account": day.account,
            **{PARAMETERS[name]: value for name, value in pairs if value and name in PARAMETERS},
        }  # fmt: skip


def _write_stretch(day: Day, begin: int) -> list[PastRow]:
    """Its reports into each folder that heard of them, and the truth; the rows of its log."""
    messages = day.messages[begin : begin + _STRETCH]
    reports = [row for message in messages for row in _report_rows(day, message)]
    table = pa.table([[row.get(f.name) for row in reports] for f in REPORTS], schema=REPORTS)
    for folder, hides in HIDDEN.items():
        place = day.place / folder / "reports" / f"date={day_began_at():%Y-%m-%d}"
        heard = table.filter(pa.array([not hides(row) for row in reports]))
        pq.write_table(heard, place / f"part-{begin:08d}.parquet")
    parts = [part for message in messages for part in message.parts]
    truth = {
        "message_uuid": [part.plan.message_uuid for part in parts],
        "fate": [part.plan.fates[-1].word if part.plan.fates else None for part in parts],
        "logged": [part.log[-1].word for part in parts],
    }
    pq.write_table(pa.table(truth), day.place / "truth" / f"part-{begin:08d}.parquet")
    return [row for message in messages for row in rows_of(message)]


_day: Day  # inherited by the processes


def _work(begin: int) -> list[PastRow]:
    return _write_stretch(_day, begin)


def say_alive(data_dir: Path) -> None:
    begin = day_began_at()
    up = [(begin - DAY, begin + OUTAGE[0]), (begin + OUTAGE[1], begin + DAYS_AGO * DAY)]
    lines = [{"from": a.isoformat(), "until": b.isoformat(), "receiver": "r"} for a, b in up]
    (data_dir / "reports" / "_alive.jsonl").write_text("".join(f"{json.dumps(x)}\n" for x in lines))


def play(place: Path, sent: Sequence[Order], settings: Settings) -> PastSimulation:
    """The day as it went; its reports lie in the folders when this returns."""
    global _day  # noqa: PLW0603  how a forked process gets what would be slow to send
    _day = Day(place, Orders(settings, sent, _URL), settings.account.main.auth_id)
    (place / "truth").mkdir(parents=True)
    for folder in HIDDEN:
        (place / folder / "reports" / f"date={day_began_at():%Y-%m-%d}").mkdir(parents=True)
    with multiprocessing.get_context("fork").Pool() as pool:
        rows = [row for some in pool.imap(_work, range(0, len(sent), _STRETCH)) for row in some]
    say_alive(place / "outage")
    return PastSimulation(settings, _day.messages, rows, lambda: datetime.now(UTC))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.log_day")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--messages", type=int, default=50_000)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds a page takes")
    parser.add_argument(
        "--per-minute", type=int, default=0, help="requests; 0: as many as you like"
    )
    options = parser.parse_args()
    settings = Settings(
        seed=5, start=day_began_at(), signatures="none",
        list_requests_per_minute=options.per_minute or None,
        faults=Faults(slow_page=options.latency),
    )  # fmt: skip
    gc.disable()  # millions of records that all stay
    begin, edge = settings.start, timedelta(minutes=1)
    sent = list(orders(settings.seed, options.messages, begin + edge, begin + DAY - edge))
    simulation = play(options.folder, sent, settings)
    served = Served(simulation, threads=32)

    def leave(_number: int, _frame: FrameType | None) -> None:
        served.close()

    signal.signal(signal.SIGTERM, leave)
    print(f"listening on {served.url}", flush=True)
    served.run()


if __name__ == "__main__":
    main()
