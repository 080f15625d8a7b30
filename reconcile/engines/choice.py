"""[I/O] The engine that the settings name."""

from receiver.config import Settings
from reconcile.engines.duckdb_engine import DuckDBEngine
from reconcile.engines.engine import Engine
from reconcile.engines.spark_engine import SparkEngine


def engine_of(settings: Settings) -> Engine:
    """A session of it. Raises SettingError where what it needs is not installed."""
    if settings.engine == "spark":
        return SparkEngine(settings.spark_master)
    return DuckDBEngine()
