"""A day of the pretend Plivo as a process: its reports as Parquet, its message log behind HTTP.

    python -m tests.bench.log_day FOLDER --messages 50000 --latency 0.1 --per-minute 20

Beside FOLDER/whole, where every report arrived, lie two folders of the same day: in `lost` one
message in a thousand was never reported, and in `outage` no report came for two hours. The day is
a past one and the clock the real one, so that the reconciler is run as it is.
"""

import argparse
import gc
import json
import signal
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import Any
from zlib import crc32

import pyarrow as pa
import pyarrow.parquet as pq

from receiver.callback import report_fields
from receiver.columns import REPORTS
from tests.simulator import Faults, Served, Settings, Simulation, orders

Row = dict[str, Any]
DAY = timedelta(days=1)
DAYS_AGO = 6  # all has ended, and the horizon is over
OUTAGE = (timedelta(hours=12), timedelta(hours=14))
PLIVO_RETRIES = timedelta(minutes=7)
_BATCH = 50_000


def day_began_at() -> datetime:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today - DAYS_AGO * DAY


class Folder:
    """`reports/` of a receiver that heard of what `hears` lets through."""

    def __init__(self, data_dir: Path, hears: Callable[[Row], bool]) -> None:
        self._data_dir = data_dir
        self._hears = hears
        self._rows: list[Row] = []
        self._files = 0

    def add(self, row: Row) -> None:
        if self._hears(row):
            self._rows.append(row)
            if len(self._rows) == _BATCH:
                self.write()

    def write(self) -> None:
        place = self._data_dir / "reports" / f"date={day_began_at():%Y-%m-%d}"
        place.mkdir(parents=True, exist_ok=True)
        table = pa.Table.from_pylist(self._rows, schema=REPORTS)
        pq.write_table(table, place / f"part-{self._files:04d}.parquet")
        self._rows, self._files = [], self._files + 1


def lost(row: Row) -> bool:
    return crc32(row["message_uuid"].encode()) % 1_000 == 7


def unheard(row: Row) -> bool:
    """Posted while the receiver was down, and so early that no retry came after it."""
    begin = day_began_at()
    return bool(begin + OUTAGE[0] <= row["received_at"] < begin + OUTAGE[1] - PLIVO_RETRIES)


def say_alive(data_dir: Path) -> None:
    begin = day_began_at()
    up = [(begin - DAY, begin + OUTAGE[0]), (begin + OUTAGE[1], begin + DAYS_AGO * DAY)]
    lines = [{"from": a.isoformat(), "until": b.isoformat(), "receiver": "r"} for a, b in up]
    (data_dir / "reports" / "_alive.jsonl").write_text("".join(f"{json.dumps(x)}\n" for x in lines))


def play(place: Path, messages: int, settings: Settings) -> Simulation:
    """The day as it went; its reports lie in the folders when this returns."""
    folders = [
        Folder(place / "whole", lambda _: True),
        Folder(place / "lost", lambda row: not lost(row)),
        Folder(place / "outage", lambda row: not unheard(row)),
    ]
    reports = 0

    def deliver(_url: str, _method: str, _headers: Mapping[str, str], payload: str) -> int:
        nonlocal reports
        reports += 1
        row: Row = dict.fromkeys(REPORTS.names)
        row |= report_fields(payload.encode()) | {
            "report_id": f"{reports:09d}", "received_at": simulation.now, "signature": "v3",
            "kind": "delivery_report", "http_method": "POST", "body": payload,
            "account": settings.account.main.auth_id,
        }  # fmt: skip
        for folder in folders:
            folder.add(row)
        return 200

    simulation = Simulation(settings, deliver=deliver)
    begin, edge = settings.start, timedelta(minutes=1)
    simulation.generate(
        orders(settings.seed, messages, begin + edge, begin + DAY - edge),
        url="http://127.0.0.1:9/delivery_report",
    )
    simulation.settle()
    for folder in folders:
        folder.write()
    say_alive(place / "outage")
    simulation.clock = lambda: datetime.now(UTC)
    return simulation


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
    simulation = play(options.folder, options.messages, settings)
    served = Served(simulation, threads=32)

    def leave(_number: int, _frame: FrameType | None) -> None:
        served.close()

    signal.signal(signal.SIGTERM, leave)
    print(f"listening on {served.url}", flush=True)
    served.run()


if __name__ == "__main__":
    main()
