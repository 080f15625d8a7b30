"""[I/O] What the receiver counts, as Prometheus reads it."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest


class Metrics:
    """One registry per receiver, so that several can live in one process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.accepted = Counter(
            "receiver_accepted", "Callbacks stored and answered 200", ["kind"],
            registry=self._registry,
        )  # fmt: skip
        self.refused = Counter(
            "receiver_refused", "Requests refused", ["reason"], registry=self._registry
        )
        self.seconds_to_durable = Histogram(
            "receiver_seconds_to_durable", "From hand-over to the commit on disk",
            buckets=(0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5),
            registry=self._registry,
        )  # fmt: skip
        self.not_quarantined = Counter(
            "receiver_not_quarantined",
            "Refused requests that were only counted: the quarantine is full or cannot be written",
            registry=self._registry,
        )
        self.sealed = Counter(
            "receiver_sealed_reports", "Reports written to Parquet", registry=self._registry
        )
        self.last_seal = Gauge(
            "receiver_last_seal_timestamp_seconds", "When the last sealing ended",
            registry=self._registry,
        )  # fmt: skip

    def text(self) -> bytes:
        return generate_latest(self._registry)
