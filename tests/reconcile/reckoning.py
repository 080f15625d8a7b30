"""The real stages over rows in memory: what a merge of these rows would write, without files."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import pyarrow as pa

from receiver.columns import REPORTS
from reconcile import deriving, stages
from reconcile.columns import LOG, MESSAGES, UTC_TIME
from reconcile.engines.duckdb_engine import DuckDBEngine
from reconcile.plivo_log.coverage import Window, by_account
from tests.reconcile import oracle

Row = dict[str, Any]


class Messages(Protocol):
    """Either reckoning: that of the stages, that of the oracle."""

    def __call__(
        self,
        reports: Sequence[Row] = (),
        log: Sequence[Row] = (),
        windows: Sequence[Row] = (),
        *,
        as_of: datetime | None = None,
        horizon: timedelta = timedelta(hours=72),
        callback_zone: str = "UTC",
    ) -> list[Row]: ...


class Reckon:
    """What becomes of these reports and log rows, given in any mixture."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages

    def all(
        self,
        *rows: Row,
        windows: Sequence[Row] = (),
        as_of: datetime | None = None,
        callback_zone: str = "UTC",
    ) -> dict[str, Row]:
        """Every message by its root."""
        reports = [row for row in rows if "report_id" in row]
        log = [row for row in rows if "report_id" not in row]
        found = self._messages(reports, log, windows, as_of=as_of, callback_zone=callback_zone)
        return {row["message_uuid"]: row for row in found}

    def __call__(
        self,
        *rows: Row,
        windows: Sequence[Row] = (),
        as_of: datetime | None = None,
        callback_zone: str = "UTC",
    ) -> Row:
        """The only message."""
        found = self.all(*rows, windows=windows, as_of=as_of, callback_zone=callback_zone)
        (row,) = found.values()
        return row


class Stages:
    """One engine for many reckonings, since most of a short one is its start."""

    def __init__(self) -> None:
        self.engine = DuckDBEngine()

    def close(self) -> None:
        self.engine.__exit__()

    def messages(
        self,
        reports: Sequence[Row] = (),
        log: Sequence[Row] = (),
        windows: Sequence[Row] = (),
        *,
        as_of: datetime | None = None,
        horizon: timedelta = timedelta(hours=72),
        callback_zone: str = "UTC",
        every_report: bool = False,
    ) -> list[Row]:
        """The rows of `messages/`, sorted by root."""
        now = as_of or oracle.latest_moment(reports, log, windows)
        micros = horizon // timedelta(microseconds=1)
        keep = self.engine.keep
        keep("reports", pa.Table.from_pylist(list(reports), schema=REPORTS))
        keep("log_rows", pa.Table.from_pylist(list(log), schema=LOG))
        accounts = {row["account"] for row in (*reports, *log)} | {None}
        keep(
            "windows",
            deriving.window_table(by_account([window(line) for line in windows], accounts)),
        )
        now_column = pa.array([now], UTC_TIME)
        keep("moment", pa.table(
            {"as_of": now_column, "horizon_micros": [micros], "callback_zone": [callback_zone],
             "every_report": [every_report]}
        ))  # fmt: skip
        self.engine.run(stages.STAGES)
        found = self.engine.query("select * from messages order by message_uuid")
        return [
            {name: _aware(value) for name, value in row.items()}
            for row in found.select(MESSAGES.names).to_pylist()
        ]


def window(line: Row) -> Window:
    read = datetime.fromisoformat
    return Window(read(line["from"]), read(line["until"]), read(line["read_at"]), line["how"],
                  account=line.get("account"))  # fmt: skip


def _aware(value: Any) -> Any:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value
