"""[I/O] What the receiver counts, as Prometheus reads it. No number, no secret ever is a label."""

import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest


class Metrics:
    """One registry per receiver, so that several can live in one process."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        self._watched: tuple[Path, Path] | None = None
        self.accepted = Counter(
            "receiver_accepted", "Callbacks stored and answered 200", ["kind"], registry=registry
        )
        self.refused = Counter(
            "receiver_refused", "Requests refused, by reason", ["reason"], registry=registry
        )
        self.in_flight = Gauge(
            "receiver_in_flight", "Callbacks being answered right now", registry=registry
        )
        self.seconds_to_durable = Histogram(
            "receiver_seconds_to_durable",
            "From hand-over to the commit on disk",
            buckets=(0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5),
            registry=registry,
        )
        self.batch_rows = Histogram(
            "receiver_commit_rows",
            "Callbacks committed together",
            buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512),
            registry=registry,
        )
        self.not_quarantined = Counter(
            "receiver_not_quarantined",
            "Refused requests that were only counted: the quarantine is full or cannot be written",
            registry=registry,
        )
        self.sealed = Counter(
            "receiver_sealed_reports", "Reports written to Parquet", registry=registry
        )
        self.seal_failures = Counter(
            "receiver_seal_failures", "Sealings that failed and will be tried again",
            registry=registry,
        )  # fmt: skip
        self.last_seal = Gauge(
            "receiver_last_seal_timestamp_seconds", "When the last sealing ended", registry=registry
        )
        self._journal_rows = Gauge(
            "receiver_journal_rows", "Reports not yet in Parquet", registry=registry
        )
        self._oldest_seconds = Gauge(
            "receiver_journal_oldest_seconds", "Age of the oldest of them", registry=registry
        )
        self._disk_free = Gauge(
            "receiver_disk_free_bytes", "Free space of the data folder", registry=registry
        )

    def watch(self, data_dir: Path, journal: Path) -> None:
        """Look at these when asked for the figures."""
        self._watched = (data_dir, journal)

    def text(self) -> bytes:
        if self._watched is not None:
            self._look(*self._watched)
        return generate_latest(self._registry)

    def _look(self, data_dir: Path, journal: Path) -> None:
        try:
            self._disk_free.set(shutil.disk_usage(data_dir).free)
            with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as connection:
                rows, oldest = connection.execute(
                    "select coalesce(max(number) - min(number) + 1, 0), "
                    "(select received_at from callbacks order by number limit 1) from callbacks"
                ).fetchone()
        except (OSError, sqlite3.Error):
            # /readyz tells what is wrong; a figure that cannot be read is not a number.
            rows, oldest = float("nan"), None
        self._journal_rows.set(rows)
        self._oldest_seconds.set(time.time() - oldest / 1e6 if oldest else 0)
