"""[I/O] The bare query's job in pandas, the obvious way: read, sort, keep the last, join, group."""

from pathlib import Path
from typing import Any

import pandas as pd

_FINAL = ("delivered", "read", "undelivered", "failed", "rejected")
_RANKS = {"queued": 1, "sent": 3} | dict.fromkeys(_FINAL, 4)
_OUTCOMES = {
    "delivered": ("delivered", "read"),
    "undelivered": ("undelivered",),
    "failed": ("failed", "rejected"),
}
_REPORT_COLUMNS = [
    "message_uuid", "parent_message_uuid", "part_info", "sequence", "status", "received_at",
    "units", "total_amount", "message_time",
]  # fmt: skip
_LOG_COLUMNS = [
    "message_uuid", "parent_message_uuid", "message_state", "pulled_at", "units", "total_amount",
    "message_time", "destination_country_iso2",
]  # fmt: skip


def reconcile(data_dir: Path) -> list[dict[str, Any]]:
    """Counts by day and country; `amount` is in hundred-thousandths, so that sums are exact."""
    parts = _parts(_latest_reports(data_dir / "reports"), _latest_log_rows(data_dir / "log"))
    messages = _messages(parts)
    messages["day"] = messages["message_time"].dt.date
    counts = messages.groupby(["day", "country"], dropna=False).agg(
        messages=("seen", "size"),
        delivered=("delivered", "sum"),
        undelivered=("undelivered", "sum"),
        failed=("failed", "sum"),
        units=("units", "sum"),
        amount=("amount", "sum"),
    )
    rows: list[dict[str, Any]] = counts.astype("int64").to_dict("records")  # type: ignore[assignment]
    return rows


def _latest_reports(folder: Path) -> pd.DataFrame:
    reports = pd.read_parquet(folder, columns=_REPORT_COLUMNS)
    reports["final"] = reports["status"].isin(_FINAL)
    reports["rank"] = reports["status"].map(_RANKS)
    reports["sequence"] = pd.to_numeric(reports["sequence"]).fillna(-1)
    order = ["final", "sequence", "rank", "received_at"]
    latest = reports.sort_values(order).drop_duplicates("message_uuid", keep="last")
    return latest.assign(
        units=pd.to_numeric(latest["units"]),
        amount=(pd.to_numeric(latest["total_amount"]) * 100_000).round(),
        parts=pd.to_numeric(latest["part_info"].str.split(" of ").str[1]),
        message_time=pd.to_datetime(latest["message_time"], utc=True),
    )


def _latest_log_rows(folder: Path) -> pd.DataFrame:
    log = pd.read_parquet(folder, columns=_LOG_COLUMNS)
    latest = log.sort_values("pulled_at").drop_duplicates("message_uuid", keep="last")
    return latest.assign(amount=(latest["total_amount"].astype("float64") * 100_000).round())


def _parts(reports: pd.DataFrame, log: pd.DataFrame) -> pd.DataFrame:
    both = reports.merge(log, on="message_uuid", how="outer", suffixes=("", "_log"))
    ended = both["message_state"].isin(_FINAL)
    reported = both["status"].fillna(both["message_state"])
    known = both["amount"].replace(0, float("nan")).fillna(both["amount_log"]).fillna(0)
    parent = both["parent_message_uuid_log"].fillna(both["parent_message_uuid"])
    return pd.DataFrame(
        {
            "root": parent.fillna(both["message_uuid"]),
            "state": both["message_state"].where(ended, reported),
            "message_time": both["message_time_log"].fillna(both["message_time"]),
            "country": both["destination_country_iso2"],
            "parts": both["parts"],
            "units": both["units_log"].fillna(both["units"]),
            "amount": both["amount_log"].where(ended, known),
        }
    )


def _messages(parts: pd.DataFrame) -> pd.DataFrame:
    for outcome, words in _OUTCOMES.items():
        parts[outcome] = parts["state"].isin(words)
    messages = parts.groupby("root").agg(
        message_time=("message_time", "min"),
        country=("country", "max"),
        failed=("failed", "any"),
        undelivered=("undelivered", "any"),
        delivered=("delivered", "sum"),
        parts=("parts", "max"),
        seen=("state", "size"),
        units=("units", "sum"),
        amount=("amount", "sum"),
    )
    whole = messages["delivered"] >= messages[["parts", "seen"]].max(axis=1)
    messages["delivered"] = whole & ~messages["failed"] & ~messages["undelivered"]
    messages["undelivered"] &= ~messages["failed"]
    return messages
