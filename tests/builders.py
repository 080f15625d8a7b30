"""Reports, log rows and windows of a test's own making: only what differs needs to be said."""

import json
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from receiver.columns import REPORTS
from reconcile.columns import LOG

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
_numbers = count(1)


def at(text: str) -> datetime:
    """'12:00:05' on 1 March 2026, or a whole ISO time, as UTC."""
    whole = text if "-" in text else f"2026-03-01T{text}"
    return datetime.fromisoformat(whole).replace(tzinfo=UTC)


def clock(moment: datetime) -> str:
    """A time as Plivo's callbacks write it: UTC without a zone."""
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")


def report(
    uuid: str | None = "m1", status: str | None = "delivered", **given: Any
) -> dict[str, Any]:
    """A row of `reports/`; a keyword names a column."""
    row: dict[str, Any] = dict.fromkeys(REPORTS.names)
    row |= {
        "report_id": f"r{next(_numbers):06d}",
        "received_at": NOON + timedelta(minutes=1),
        "kind": "delivery_report",
        "http_method": "POST",
        "signature": "v3",
        "body": "",
        "message_uuid": uuid,
        "status": status,
        "message_time": clock(NOON),
        "to_number": "14155550100",
        "from_number": "18445550100",
    }
    return row | {name: _text(value) for name, value in given.items()}


def log_row(uuid: str = "m1", state: str | None = "delivered", **given: Any) -> dict[str, Any]:
    """A row of `log/`; `record` is the JSON that its columns would have come from."""
    row: dict[str, Any] = dict.fromkeys(LOG.names)
    row |= {
        "message_uuid": uuid,
        "pulled_at": NOON + timedelta(hours=1),
        "message_state": state,
        "message_direction": "outbound",
        "message_time": NOON,
        "to_number": "14155550100",
        "from_number": "18445550100",
        "units": 1,
        "total_amount": Decimal("0.00250"),
    } | given
    shown = {k: str(v) if isinstance(v, datetime | Decimal) else v for k, v in row.items() if v}
    return {"record": json.dumps(shown)} | {k: v for k, v in row.items() if k != "record" or v}


def window(
    from_at: str = "00:00:00",
    until_at: str = "23:59:59",
    how: str = "listed",
    account: str | None = None,
) -> dict[str, Any]:
    """A line of the ledger."""
    return {
        "from": at(from_at).isoformat(),
        "until": at(until_at).isoformat(),
        "read_at": (NOON + timedelta(hours=1)).isoformat(),
        "how": how,
        "rows": 0,
        "account": account,
    }


def write_folder(
    data_dir: Path,
    *,
    reports: list[dict[str, Any]] | None = None,
    log: list[dict[str, Any]] | None = None,
    windows: list[dict[str, Any]] | None = None,
) -> Path:
    """A data folder that holds this, as foreign files would: one more each time it is called."""
    for name, rows, schema in (("reports", reports, REPORTS), ("log", log, LOG)):
        for row in rows or []:
            moment = row["received_at"] if name == "reports" else row["message_time"]
            place = data_dir / name / f"date={(moment or NOON).date().isoformat()}"
            place.mkdir(parents=True, exist_ok=True)
            table = pa.Table.from_pylist([row], schema=schema)
            pq.write_table(table, place / f"part-{next(_numbers)}.parquet")
    if windows is not None:
        (data_dir / "log").mkdir(parents=True, exist_ok=True)
        with (data_dir / "log" / "_windows.jsonl").open("a", encoding="utf-8") as ledger:
            ledger.writelines(json.dumps(line) + "\n" for line in windows)
    return data_dir


def write_pieces(data_dir: Path, name: str, rows: list[dict[str, Any]], pieces: int) -> None:
    """All rows of `reports` or `log` in so many files, whatever their days."""
    schema = REPORTS if name == "reports" else LOG
    for number in range(pieces):
        place = data_dir / name / f"date=2026-03-0{number % 3 + 1}"
        place.mkdir(parents=True, exist_ok=True)
        table = pa.Table.from_pylist(rows[number::pieces], schema=schema)
        pq.write_table(table, place / f"part-{next(_numbers)}.parquet")


def write_reports(data_dir: Path, rows: list[dict[str, Any]]) -> None:
    """As the receiver would: a file for each day of reception."""
    by_day: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        by_day[row["received_at"].date().isoformat()].append(row)
    for day, received in by_day.items():
        place = data_dir / "reports" / f"date={day}"
        place.mkdir(parents=True, exist_ok=True)
        table = pa.Table.from_pylist(received, schema=REPORTS)
        pq.write_table(table, place / f"part-{next(_numbers)}.parquet")


def _text(value: Any) -> Any:
    if isinstance(value, datetime):
        return value
    return value if value is None or isinstance(value, str) else str(value)
