"""[I/O] The ways of reconciling a folder that `reconcile_speed` compares, each to be run alone.

    python -m tests.bench.reconcile_variants VARIANT DATA_DIR

    ours     `reconcile.merging.merge`: `messages/` brought up to date with all that is on disk
    bare     `bare_query.sql` in DuckDB: the counts alone, as one would ask for them at a desk
    scan     every column that a merge needs read once, and nothing done with it
    pandas   the bare query's job in pandas
    polars   the same in Polars
    counts   no variant: what `messages/` holds
    profile  no variant: ours, and what the engine says of each statement, as a table
    nothing  no variant: Python and its imports

What counts prints its counts as JSON, named as in the truth of the folder.
"""

import json
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Console
from rich.table import Table

from receiver import config, day_files
from reconcile.merging import merge
from tests.bench import engine_profile
from tests.bench.report_folder import Truth

# What the stages read; the body only of a GET, the record only of rows pulled at one moment.
_REPORT_COLUMNS = (
    "report_id", "received_at", "kind", "http_method", "account", "signature", "query",
    "message_uuid", "parent_message_uuid", "part_info", "sequence", "status", "error_code",
    "from_number", "to_number", "type", "units", "total_amount", "mcc", "mnc", "message_time",
    "queued_time", "sent_time", "delivery_report_time", "powerpack_uuid",
)  # fmt: skip
_LOG_COLUMNS = (
    "message_uuid", "pulled_at", "account", "parent_message_uuid", "message_time",
    "message_sent_time", "message_updated_time", "message_direction", "message_state",
    "message_type", "from_number", "to_number", "units", "total_rate", "total_amount",
    "carrier_fees", "carrier_fees_rate", "error_code", "destination_country_iso2",
    "destination_network", "mcc", "mnc", "powerpack_id", "tendlc_campaign_id", "untyped_values",
)  # fmt: skip
_QUERY = Path(__file__).parent / "bare_query.sql"

Counts = list[dict[str, Any]]


def ours(data_dir: Path) -> None:
    merge(config.load({"DATA_DIR": str(data_dir)}, environment={}))


def bare(data_dir: Path) -> Counts:
    with _session(data_dir) as session:
        rows: Counts = session.sql(_QUERY.read_text()).to_arrow_table().to_pylist()
        return rows


def scan(data_dir: Path) -> None:
    with _session(data_dir) as session:
        for name, columns in (("report", _REPORT_COLUMNS), ("log", _LOG_COLUMNS)):
            # a hash of every value: counts and extremes would be read from the footers
            read = ", ".join(f"bit_xor(hash({column}))" for column in columns)
            session.sql(f"select {read} from read_parquet(getvariable('{name}_files'))").fetchall()


def pandas(data_dir: Path) -> Counts:
    rows: Counts = import_module("tests.bench.reconcile_in_pandas").reconcile(data_dir)
    return [row | {"total_amount": Decimal(row["amount"]) / 100_000} for row in rows]


def polars(data_dir: Path) -> Counts:
    rows: Counts = import_module("tests.bench.reconcile_in_polars").reconcile(data_dir)
    return rows


def counts(data_dir: Path) -> Counts:
    outcomes = ", ".join(
        f"count(*) filter (where outcome = '{outcome}') as {outcome}"
        for outcome in ("delivered", "undelivered", "failed", "unconfirmed", "pending")
    )
    with duckdb.connect() as session:
        rows: Counts = (
            session.sql(
                f"select count(*) as messages, {outcomes}, sum(parts_seen) as parts, "
                "sum(reports) as reports, sum(units) as units, sum(total_amount) as total_amount, "
                "count(*) filter (where never_reported) as never_reported "
                f"from '{data_dir}/messages/*/*.parquet'"
            )
            .to_arrow_table()
            .to_pylist()
        )
        return rows


def profile(data_dir: Path) -> None:
    began_at = time.monotonic()
    with engine_profile.watched() as account:
        ours(data_dir)
    whole = time.monotonic() - began_at
    table = Table(title=f"a merge of {whole:.1f} s; operators in seconds over all threads")
    for title in ("step", "times", "seconds", "share", "operators"):
        table.add_column(title, justify="left" if title in ("step", "operators") else "right")
    steps = list(account.steps.values())
    rest = whole - sum(step.seconds for step in steps)
    for step in (*steps, engine_profile.Step("all else", 1, rest)):
        longest = sorted(step.operators.items(), key=lambda pair: -pair[1])[:4]
        told = ", ".join(f"{kind} {seconds:.2f}" for kind, seconds in longest if seconds >= 0.01)
        share = f"{100 * step.seconds / whole:.0f} %"
        table.add_row(step.name, f"{step.times:,}", f"{step.seconds:.2f}", share, told)
    Console(width=150).print(table)


def nothing(_data_dir: Path) -> None:
    """What starting costs."""


VARIANTS: dict[str, Callable[[Path], Counts | None]] = {
    "ours": ours, "bare": bare, "scan": scan, "pandas": pandas, "polars": polars,
    "counts": counts, "profile": profile, "nothing": nothing,
}  # fmt: skip


def _session(data_dir: Path) -> duckdb.DuckDBPyConnection:
    session = duckdb.connect()
    session.execute("set TimeZone = 'UTC'")
    session.execute("set enable_progress_bar = false")
    for name, folder in (("report_files", "reports"), ("log_files", "log")):
        files = [str(path) for path in day_files.live_files(data_dir / folder)]
        session.execute(f"set variable {name} = $files", {"files": files})
    return session


def main() -> None:
    variant, data_dir = sys.argv[1:]
    rows = VARIANTS[variant](Path(data_dir))
    if rows:
        names = [name for name in Truth.__dataclass_fields__ if name in rows[0]]
        print(json.dumps({name: str(sum(row[name] for row in rows)) for name in names}))


if __name__ == "__main__":
    main()
