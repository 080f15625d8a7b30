"""[I/O] The engine that the settings name."""

from pathlib import Path

from receiver.config import Settings
from reconcile.engines.duckdb_engine import DuckDBEngine
from reconcile.engines.engine import Engine
from reconcile.engines.spark_engine import SparkEngine

# Of the limit, what Python and Arrow hold beside the engine, and what it takes beyond its own.
_OURS_MB, _BEYOND = 500, 0.2


def engine_of(settings: Settings, *, spill: Path | None = None) -> Engine:
    """A session of it. Raises SettingError where what it needs is not installed.

    With a place to spill to, that nobody else uses, the one in this process keeps to MEMORY_LIMIT.
    """
    if settings.engine == "spark":
        return SparkEngine(settings.spark_master)
    return DuckDBEngine() if spill is None else in_this_process(settings, spill)


def in_this_process(settings: Settings, spill: Path) -> DuckDBEngine:
    """A session that keeps to MEMORY_LIMIT; what does not fit goes there."""
    return DuckDBEngine(int(settings.memory_limit * (1 - _BEYOND)) - _OURS_MB, spill)
