"""[I/O] The engine that the settings name."""

from pathlib import Path

from receiver.config import Settings
from reconcile.engines.duckdb_engine import DuckDBEngine
from reconcile.engines.engine import Engine
from reconcile.engines.spark_engine import SparkEngine

# Of the limit, what Python holds, what tables hold on their way out of the engine, and what the
# engine takes beyond its own.
_PYTHON_MB, _TABLES_MB, _BEYOND = 350, 150, 0.2


def engine_of(settings: Settings, *, spill: Path | None = None) -> Engine:
    """A session of it. Raises SettingError where what it needs is not installed.

    With a place to spill to, that nobody else uses, the one in this process keeps to MEMORY_LIMIT.
    """
    if settings.engine == "spark":
        return SparkEngine(settings.spark_master)
    if spill is None:
        return DuckDBEngine()
    return DuckDBEngine(_share(settings) - _TABLES_MB, spill)


def in_this_process(settings: Settings, spill: Path) -> DuckDBEngine:
    """A session that keeps to MEMORY_LIMIT; what does not fit goes there.

    All but `slices` has the memory of tables, too: of other answers, ask only for small ones.
    """
    return DuckDBEngine(_share(settings), spill, for_slices_mb=_TABLES_MB)


def _share(settings: Settings) -> int:
    return int(settings.memory_limit * (1 - _BEYOND)) - _PYTHON_MB
