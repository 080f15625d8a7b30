"""What only a cluster can show: `make test-spark` starts one."""

import os
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest

from reconcile.engines import spark_session
from reconcile.merging import merge
from tests import spark, spark_cluster
from tests.processes import wait_until
from tests.reconcile import odd_folder
from tests.reconcile.test_spark_equals_duckdb import known, same, written

WORKERS = [int(pid) for pid in os.environ.get("SPARK_WORKERS", "").split(",") if pid]


@pytest.mark.skipif(not WORKERS, reason="needs a cluster: make test-spark")
def test_a_worker_killed_in_the_middle_of_a_merge_changes_nothing(tmp_path: Path) -> None:
    spark.need()
    odd_folder.write(tmp_path / "duckdb", parts=6000, seed=5)
    shutil.copytree(tmp_path / "duckdb", tmp_path / "spark")
    merge(known(tmp_path / "duckdb", "duckdb"))
    tracker = spark_session.session(spark.MASTER).sparkContext.statusTracker()
    before = set(tracker.getJobIdsForGroup())
    merged: list[Any] = []
    work = threading.Thread(
        target=lambda: merged.append(merge(known(tmp_path / "spark", "spark"))), daemon=True
    )
    work.start()

    def busy() -> bool:
        """Some tasks of a stage of several have ended, others have not."""
        stages = (tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds())
        return any(s and 0 < s.numCompletedTasks < s.numTasks for s in stages) and (
            len(set(tracker.getJobIdsForGroup()) - before) > 3
        )

    wait_until(busy, seconds=240)
    spark_cluster.kill(WORKERS[0])
    assert not merged
    work.join(timeout=600)
    assert merged
    same(written(tmp_path / "duckdb"), written(tmp_path / "spark"))
