"""[I/O] The bare query's job in Polars, the obvious way: scan, sort, keep the last, join, group."""

from pathlib import Path
from typing import Any

import polars as pl  # type: ignore[import-not-found, unused-ignore]  # this bench alone has it

_MONEY = pl.Decimal(18, 5)
_DELIVERED = ("delivered", "read")
_FAILED = ("failed", "rejected")
_FINAL = (*_DELIVERED, "undelivered", *_FAILED)
_RANKS = {"queued": 1, "sent": 3} | dict.fromkeys(_FINAL, 4)


def reconcile(data_dir: Path) -> list[dict[str, Any]]:
    """Counts by day and country."""
    reports = _latest_reports(pl.scan_parquet(data_dir / "reports/**/*.parquet"))
    log = _latest_log_rows(pl.scan_parquet(data_dir / "log/**/*.parquet"))
    messages = _messages(_parts(reports, log))
    failed, undelivered = pl.col("failed"), pl.col("undelivered")
    counts = messages.group_by(pl.col("message_time").dt.date().alias("day"), "country").agg(
        messages=pl.len(),
        delivered=(pl.col("delivered") & ~failed & ~undelivered).sum(),
        undelivered=(undelivered & ~failed).sum(),
        failed=failed.sum(),
        units=pl.col("units").sum(),
        total_amount=pl.col("amount").sum(),
    )
    rows: list[dict[str, Any]] = counts.collect().to_dicts()
    return rows


def _latest_reports(reports: pl.LazyFrame) -> pl.LazyFrame:
    return (
        reports.with_columns(
            final=pl.col("status").is_in(_FINAL),
            order=pl.col("sequence").cast(pl.Int32).fill_null(-1),
            rank=pl.col("status").replace_strict(_RANKS, return_dtype=pl.Int32),
        )
        .sort("final", "order", "rank", "received_at")
        .unique("message_uuid", keep="last", maintain_order=True)
        .select(
            "message_uuid",
            "parent_message_uuid",
            "status",
            units=pl.col("units").cast(pl.Int32),
            amount=pl.col("total_amount").cast(_MONEY),
            parts=pl.col("part_info").str.split(" of ").list.get(1).cast(pl.Int32),
            message_time=pl.col("message_time").str.to_datetime(time_unit="us", time_zone="UTC"),
        )
    )


def _latest_log_rows(log: pl.LazyFrame) -> pl.LazyFrame:
    return (
        log.sort("pulled_at")
        .unique("message_uuid", keep="last", maintain_order=True)
        .select(
            "message_uuid",
            "parent_message_uuid",
            "message_state",
            "units",
            "message_time",
            amount=pl.col("total_amount"),
            country=pl.col("destination_country_iso2"),
        )
    )


def _parts(reports: pl.LazyFrame, log: pl.LazyFrame) -> pl.LazyFrame:
    both = reports.join(log, on="message_uuid", how="full", suffix="_log", coalesce=True)
    ended = pl.col("message_state").is_in(_FINAL)
    reported = pl.when(pl.col("amount") != 0).then(pl.col("amount"))
    known = pl.coalesce(reported, "amount_log", pl.lit(0, _MONEY))
    return both.select(
        "country",
        "parts",
        root=pl.coalesce("parent_message_uuid_log", "parent_message_uuid", "message_uuid"),
        state=pl.when(ended)
        .then(pl.col("message_state"))
        .otherwise(pl.coalesce("status", "message_state")),
        message_time=pl.coalesce("message_time_log", "message_time"),
        units=pl.coalesce("units_log", "units"),
        amount=pl.when(ended).then(pl.col("amount_log")).otherwise(known),
    )


def _messages(parts: pl.LazyFrame) -> pl.LazyFrame:
    expected = pl.max_horizontal(pl.col("parts").max(), pl.len())
    return parts.group_by("root").agg(
        pl.col("message_time").min(),
        pl.col("country").max(),
        failed=pl.col("state").is_in(_FAILED).any(),
        undelivered=(pl.col("state") == "undelivered").any(),
        delivered=pl.col("state").is_in(_DELIVERED).sum() >= expected,
        units=pl.col("units").sum(),
        amount=pl.col("amount").sum(),
    )
