"""[I/O] What the receiver counts, as Prometheus reads it. No number, no secret ever is a label.

Several processes of one supervisor share a folder of counters (PROMETHEUS_MULTIPROC_DIR, which
prometheus-client itself reads), so that whichever of them is asked answers for all.
"""

import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from receiver import journal_file
from receiver.relay import outbox


class Metrics:
    """One registry per receiver, so that several can live in one process."""

    def __init__(self, *, shared_folder: str | None = None) -> None:
        registry = CollectorRegistry()
        self._shown = registry
        if shared_folder is not None:
            self._shown = CollectorRegistry()
            MultiProcessCollector(self._shown, path=shared_folder)  # type: ignore[no-untyped-call]
        self._data_dir: Path | None = None

        def counter(name: str, about: str, *labels: str) -> Counter:
            return Counter(f"receiver_{name}", about, labels, registry=registry)

        def gauge(name: str, about: str) -> Gauge:
            return Gauge(
                f"receiver_{name}", about, registry=registry, multiprocess_mode="mostrecent"
            )

        def histogram(name: str, about: str, buckets: tuple[float, ...]) -> Histogram:
            return Histogram(f"receiver_{name}", about, buckets=buckets, registry=registry)

        self.accepted = counter("accepted", "Callbacks stored and answered 200", "kind")
        self.refused = counter("refused", "Requests refused, by reason", "reason")
        self.in_flight = Gauge(
            "receiver_in_flight",
            "Callbacks being answered right now",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.seconds_to_durable = histogram(
            "seconds_to_durable",
            "From hand-over to the commit on disk",
            (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5),
        )
        self.batch_rows = histogram(
            "commit_rows", "Callbacks committed together", (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
        )
        self.not_quarantined = counter(
            "not_quarantined",
            "Refused requests that were only counted: the quarantine is full or cannot be written",
        )
        self.relay_tries = counter(
            "relay_tries", "Tries to relay a report, by what came of it", "result"
        )
        self.sealed = counter("sealed_reports", "Reports written to Parquet")
        self.seal_failures = counter(
            "seal_failures", "Sealings that failed and will be tried again"
        )
        self.last_seal = gauge("last_seal_timestamp_seconds", "When the last sealing ended")
        self._journal_rows = gauge("journal_rows", "Reports not yet in Parquet")
        self._oldest_seconds = gauge("journal_oldest_seconds", "Age of the oldest of them")
        self._relay_waiting = gauge("relay_waiting", "Reports that RELAY_URL has not taken yet")
        self._relay_oldest = gauge("relay_oldest_seconds", "Age of the oldest of them")
        self._disk_free = gauge("disk_free_bytes", "Free space of the data folder")

    def watch(self, data_dir: Path) -> None:
        """Look at this folder when asked for the figures."""
        self._data_dir = data_dir

    def text(self) -> bytes:
        if self._data_dir is not None:
            self._look(self._data_dir)
        return generate_latest(self._shown)

    def _look(self, data_dir: Path) -> None:
        rows, oldest = 0, None
        waiting, since = 0, None
        try:
            self._disk_free.set(shutil.disk_usage(data_dir).free)
            for path in journal_file.journals(data_dir / "journal"):
                with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
                    held, first = connection.execute(
                        "select count(*), min(received_at) from callbacks"
                    ).fetchone()
                    more, first_waiting = outbox.state(connection)
                rows += held
                waiting += more
                since = min(filter(None, (since, first_waiting)), default=None)
                oldest = min(filter(None, (oldest, first)), default=None)
        except (OSError, sqlite3.Error):
            self._journal_rows.set(float("nan"))  # /readyz tells what is wrong
            return
        self._journal_rows.set(rows)
        self._oldest_seconds.set(max(time.time() - oldest / 1e6, 0) if oldest else 0)
        self._relay_waiting.set(waiting)
        self._relay_oldest.set(max(time.time() - since.timestamp(), 0) if since else 0)
