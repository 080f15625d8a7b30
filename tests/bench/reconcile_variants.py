"""[I/O] The ways of reconciling a folder that `reconcile_speed` compares, each to be run alone.

    python -m tests.bench.reconcile_variants VARIANT DATA_DIR

    ours     `reconcile.merging.merge`: `messages/` made from all that is on disk
    bare     `bare_query.sql` in DuckDB: the counts alone, as one would ask for them at a desk
    scan     every column that a merge needs read once, and nothing done with it
    pandas   the bare query's job, written in pandas the obvious way
    polars   the same in Polars

Each prints its counts as JSON, but the scan, which has none. The totals are those of the world's
truth: messages, delivered, undelivered, failed, units and total_amount.
"""

import json
import sys
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from receiver import config, day_files
from reconcile.merging import merge

COUNTED = ("messages", "delivered", "undelivered", "failed", "units", "total_amount")
FINAL = ("delivered", "read", "undelivered", "failed", "rejected")
RANKS = {"queued": 1, "sent": 3} | dict.fromkeys(FINAL, 4)
# What the stages read; the body only of a GET, the record only of rows pulled at one moment.
REPORT_COLUMNS = (
    "report_id", "received_at", "kind", "http_method", "account", "signature", "query",
    "message_uuid", "parent_message_uuid", "part_info", "sequence", "status", "error_code",
    "from_number", "to_number", "type", "units", "total_amount", "mcc", "mnc", "message_time",
    "queued_time", "sent_time", "delivery_report_time", "powerpack_uuid",
)  # fmt: skip
LOG_COLUMNS = (
    "message_uuid", "pulled_at", "account", "parent_message_uuid", "message_time",
    "message_sent_time", "message_updated_time", "message_direction", "message_state",
    "message_type", "from_number", "to_number", "units", "total_rate", "total_amount",
    "carrier_fees", "carrier_fees_rate", "error_code", "destination_country_iso2",
    "destination_network", "mcc", "mnc", "powerpack_id", "tendlc_campaign_id", "untyped_values",
)  # fmt: skip
_QUERY = Path(__file__).parent / "bare_query.sql"


def ours(data_dir: Path) -> None:
    merge(config.load({"DATA_DIR": str(data_dir)}, environment={}))


def bare(data_dir: Path) -> dict[str, Any]:
    with _session(data_dir) as session:
        return _summed(session.sql(_QUERY.read_text()).to_arrow_table().to_pylist())


def scan(data_dir: Path) -> None:
    with _session(data_dir) as session:
        for name, columns in (("report", REPORT_COLUMNS), ("log", LOG_COLUMNS)):
            read = ", ".join(f"bit_xor(hash({column}))" for column in columns)
            session.sql(
                f"select {read} from read_parquet(getvariable('{name}_files'))"
            ).fetchall()


def pandas(data_dir: Path) -> dict[str, Any]:
    import pandas as pd

    reports = pd.read_parquet(
        data_dir / "reports",
        columns=["message_uuid", "parent_message_uuid", "part_info", "sequence", "status",
                 "received_at", "units", "total_amount", "message_time"],
    )  # fmt: skip
    reports["final"] = reports["status"].isin(FINAL)
    reports["rank"] = reports["status"].map(RANKS)
    reports["sequence"] = pd.to_numeric(reports["sequence"]).fillna(-1)
    order = ["final", "sequence", "rank", "received_at"]
    latest = reports.sort_values(order).drop_duplicates("message_uuid", keep="last")
    latest = latest.assign(
        units=pd.to_numeric(latest["units"]),
        # hundred-thousandths, so that sums are exact
        amount=(pd.to_numeric(latest["total_amount"]) * 100_000).round(),
        parts=pd.to_numeric(latest["part_info"].str.split(" of ").str[1]),
        message_time=pd.to_datetime(latest["message_time"], utc=True),
    )
    log = pd.read_parquet(
        data_dir / "log",
        columns=["message_uuid", "parent_message_uuid", "message_state", "pulled_at", "units",
                 "total_amount", "message_time", "destination_country_iso2"],
    )  # fmt: skip
    log = log.sort_values("pulled_at").drop_duplicates("message_uuid", keep="last")
    log["amount"] = (log["total_amount"].astype(float) * 100_000).round()
    parts = latest.merge(log, on="message_uuid", how="outer", suffixes=("", "_log"))
    ended = parts["message_state"].isin(FINAL)
    parts["state"] = parts["message_state"].where(
        ended, parts["status"].fillna(parts["message_state"])
    )
    parts["amount"] = parts["amount_log"].where(
        ended, parts["amount"].replace(0, float("nan")).fillna(parts["amount_log"]).fillna(0)
    )
    parts["root"] = (
        parts["parent_message_uuid_log"]
        .fillna(parts["parent_message_uuid"])
        .fillna(parts["message_uuid"])
    )
    parts["message_time"] = parts["message_time_log"].fillna(parts["message_time"])
    parts["units"] = parts["units_log"].fillna(parts["units"])
    for name, words in (("failed", FINAL[3:]), ("undelivered", FINAL[2:3]), ("delivered", FINAL[:2])):
        parts[name] = parts["state"].isin(words)
    messages = parts.groupby("root").agg(
        message_time=("message_time", "min"),
        country=("destination_country_iso2", "max"),
        failed=("failed", "any"),
        undelivered=("undelivered", "any"),
        delivered=("delivered", "sum"),
        parts=("parts", "max"),
        seen=("state", "size"),
        units=("units", "sum"),
        amount=("amount", "sum"),
    )
    expected = messages[["parts", "seen"]].max(axis=1)
    messages["delivered"] = (
        (messages["delivered"] >= expected) & ~messages["failed"] & ~messages["undelivered"]
    )
    messages["undelivered"] &= ~messages["failed"]
    messages["day"] = messages["message_time"].dt.date
    counts = messages.groupby(["day", "country"], dropna=False).agg(
        messages=("seen", "size"),
        delivered=("delivered", "sum"),
        undelivered=("undelivered", "sum"),
        failed=("failed", "sum"),
        units=("units", "sum"),
        amount=("amount", "sum"),
    )
    return _with_money(counts.sum().to_dict())


def polars(data_dir: Path) -> dict[str, Any]:
    import polars as pl

    reports = (
        pl.scan_parquet(data_dir / "reports/**/*.parquet")
        .with_columns(
            final=pl.col("status").is_in(FINAL),
            order=pl.col("sequence").cast(pl.Int32).fill_null(-1),
            rank=pl.col("status").replace_strict(RANKS, return_dtype=pl.Int32),
        )
        .sort("final", "order", "rank", "received_at")
        .unique("message_uuid", keep="last", maintain_order=True)
        .select(
            "message_uuid", "parent_message_uuid", "status",
            units=pl.col("units").cast(pl.Int32),
            amount=pl.col("total_amount").cast(pl.Decimal(18, 5)),
            parts=pl.col("part_info").str.split(" of ").list.get(1).cast(pl.Int32),
            message_time=pl.col("message_time").str.to_datetime(time_unit="us", time_zone="UTC"),
        )
    )  # fmt: skip
    log = (
        pl.scan_parquet(data_dir / "log/**/*.parquet")
        .sort("pulled_at")
        .unique("message_uuid", keep="last", maintain_order=True)
        .select(
            "message_uuid", "parent_message_uuid", "message_state", "units", "message_time",
            amount=pl.col("total_amount"), country=pl.col("destination_country_iso2"),
        )
    )  # fmt: skip
    ended = pl.col("message_state").is_in(FINAL)
    reported = pl.when(pl.col("amount") != 0).then(pl.col("amount"))
    parts = reports.join(log, on="message_uuid", how="full", suffix="_log", coalesce=True).select(
        "country",
        "parts",
        root=pl.coalesce("parent_message_uuid_log", "parent_message_uuid", "message_uuid"),
        state=pl.when(ended).then("message_state").otherwise(pl.coalesce("status", "message_state")),
        message_time=pl.coalesce("message_time_log", "message_time"),
        units=pl.coalesce("units_log", "units"),
        amount=pl.when(ended)
        .then("amount_log")
        .otherwise(pl.coalesce(reported, "amount_log", pl.lit(0, pl.Decimal(18, 5)))),
    )
    messages = parts.group_by("root").agg(
        pl.col("message_time").min(),
        pl.col("country").max(),
        failed=pl.col("state").is_in(FINAL[3:]).any(),
        undelivered=(pl.col("state") == "undelivered").any(),
        delivered=pl.col("state").is_in(FINAL[:2]).sum()
        >= pl.max_horizontal(pl.col("parts").max(), pl.len()),
        units=pl.col("units").sum(),
        amount=pl.col("amount").sum(),
    )
    failed, undelivered = pl.col("failed"), pl.col("undelivered")
    counts = (
        messages.group_by(pl.col("message_time").dt.date().alias("day"), "country")
        .agg(
            messages=pl.len(),
            delivered=(pl.col("delivered") & ~failed & ~undelivered).sum(),
            undelivered=(undelivered & ~failed).sum(),
            failed=failed.sum(),
            units=pl.col("units").sum(),
            total_amount=pl.col("amount").sum(),
        )
        .collect()
    )
    return _summed(counts.to_dicts())


VARIANTS: dict[str, Callable[[Path], dict[str, Any] | None]] = {
    "ours": ours, "bare": bare, "scan": scan, "pandas": pandas, "polars": polars,
}  # fmt: skip


def _session(data_dir: Path) -> duckdb.DuckDBPyConnection:
    session = duckdb.connect()
    session.execute("set TimeZone = 'UTC'")
    session.execute("set enable_progress_bar = false")
    for name, folder in (("report_files", "reports"), ("log_files", "log")):
        files = [str(path) for path in day_files.live_files(data_dir / folder)]
        session.execute(f"set variable {name} = $files", {"files": files})
    return session


def _summed(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {name: sum(row[name] for row in rows) for name in COUNTED}


def _with_money(sums: dict[str, Any]) -> dict[str, Any]:
    whole = {name: int(value) for name, value in sums.items()}
    return whole | {"total_amount": Decimal(whole.pop("amount")) / 100_000}


def main() -> None:
    variant, data_dir = sys.argv[1:]
    counted = VARIANTS[variant](Path(data_dir))
    if counted:
        print(json.dumps({name: str(counted[name]) for name in COUNTED}))


if __name__ == "__main__":
    main()
