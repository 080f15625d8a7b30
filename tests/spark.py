"""Spark for tests: one session a process, on this machine or on the cluster that is named."""

import os
import shutil
from importlib.util import find_spec

import pytest

from reconcile.engines import spark_session
from tests.processes import GUARD, ROOT

MASTER = os.environ.get("SPARK_MASTER") or "local[2]"

# Tests plan much and compute little: compiling what runs once costs more than it gains. A cluster
# runs as clusters do.
_C1 = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
_SHORT_LIVED = {
    "spark.driver.extraJavaOptions": f"{_C1} {spark_session.LOG}",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.shuffle.partitions": "3",
}
_ON_A_CLUSTER = {
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.executor.memory": "1g",
    "spark.sql.shuffle.partitions": "6",
    "spark.driver.extraJavaOptions": f"{_C1} {spark_session.LOG}",
    "spark.executor.extraJavaOptions": _C1,
    "spark.executorEnv.PYTHONPATH": os.pathsep.join(map(str, (GUARD, ROOT))),
}


def need() -> None:
    """Skip the test where Spark cannot run; fail it where it is said that it must."""
    there = {"Java": shutil.which("java"), "pyspark": find_spec("pyspark")}
    missing = [name for name, found in there.items() if found is None]
    if missing and os.environ.get("SPARK_TESTS") == "required":
        pytest.fail(f"Spark cannot run without {' and '.join(missing)}")
    if missing:
        pytest.skip(f"Spark needs {' and '.join(missing)}")
    on_a_cluster = not MASTER.startswith("local")
    spark_session.start(MASTER, _ON_A_CLUSTER if on_a_cluster else _SHORT_LIVED)
