"""[I/O] Spark, started once in a process; each engine gets a session of its own in it.

On this machine it listens on loopback only and asks nobody for anything.
"""

import atexit
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from receiver import config
from receiver.config import SettingError

_JAVA = (
    "ENGINE=spark needs Java 17 or 21, on the path; install it, such as with "
    "`apt-get install openjdk-17-jre-headless`, or say in JAVA_HOME where it is"
)
NO_PYSPARK = "ENGINE=spark needs pyspark; install it: pip install 'plivo-delivery-reports[spark]'"

# How both engines come to the same: said to every session, whoever started Spark.
_MEANING = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.timestampType": "TIMESTAMP_LTZ",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.int96RebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.filterPushdown": "true",
    "spark.sql.legacy.parquet.nanosAsLong": "true",
}
LOG = f"-Dlog4j2.configurationFile={(Path(__file__).parent / 'log4j2.properties').as_uri()}"
_QUIET = {
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.debug.maxToStringFields": "1000",
    "spark.sql.catalogImplementation": "in-memory",
    "spark.driver.extraJavaOptions": LOG,
}
_HERE = {
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.shuffle.partitions": "16",
}


def session(master: str) -> Any:
    """A new session of this process' Spark, which is started if there is none yet.

    Raises SettingError where Java or pyspark is missing.
    """
    running = _active() or _started(master, {})
    own = running.newSession()
    for name, value in _MEANING.items():
        own.conf.set(name, value)
    return own


def start(master: str, more: Mapping[str, str]) -> None:
    """Start Spark with settings of one's own, before the first session. Raises SettingError."""
    if _active() is None:
        _started(master, more)


def _active() -> Any:
    try:
        from pyspark.sql import SparkSession  # noqa: PLC0415  an extra, and slow to import
    except ModuleNotFoundError as missing:
        raise SettingError(NO_PYSPARK) from missing
    return SparkSession.getActiveSession()


def _started(master: str, more: Mapping[str, str]) -> Any:
    from pyspark.sql import SparkSession  # noqa: PLC0415

    # it means pandas, which is not used here
    warnings.filterwarnings("ignore", "PySpark does not yet fully support", FutureWarning)
    builder: Any = SparkSession.builder.appName("plivo-delivery-reports")
    if config.under_spark_submit():
        # whoever submits has said it all, and Java runs already
        running = _with(builder, _MEANING).getOrCreate()
    else:
        here = _HERE | {"spark.sql.warehouse.dir": tempfile.gettempdir()}
        known = {**_QUIET, **(here if master.startswith("local") else {}), **_MEANING, **more}
        _launch_java({"spark.master": master, **known})
        running = _with(builder.master(master), known).getOrCreate()
        if master.startswith("local"):
            running.sparkContext.pythonExec = sys.executable  # else the first python3 on the path
    atexit.register(running.stop)
    return running


def _with(builder: Any, known: Mapping[str, str]) -> Any:
    for name, value in known.items():
        builder = builder.config(name, value)
    return builder


def _launch_java(known: Mapping[str, str]) -> None:
    """As Spark would, but without its warnings on stderr, which is for people. SettingError."""
    from pyspark import SparkConf, SparkContext, java_gateway  # noqa: PLC0415
    from pyspark.errors import PySparkException  # noqa: PLC0415

    launch: Any = java_gateway.launch_gateway
    if config.java_home() is None and shutil.which("java") is None:
        raise SettingError(_JAVA)
    wanted = SparkConf(loadDefaults=False).setAll(list(known.items()))
    try:
        java = launch(wanted, popen_kwargs={"stderr": subprocess.DEVNULL})
    except PySparkException as problem:
        if problem.getCondition() == "JAVA_GATEWAY_EXITED":
            raise SettingError(f"Java did not start Spark: see `java -version`. {_JAVA}") from None
        raise
    SparkContext._ensure_initialized(gateway=java)  # noqa: SLF001  nothing else takes one
