"""The contract of the engines on a cluster: one master, two workers, all on loopback.

    python -m tests.spark_cluster [pytest's options]

One worker is killed in the middle of a merge. Spark's own scripts start it all; whatever was
started here is ended here.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tests.processes import ROOT, wait_until

MEMORY = "1200m"
WORKERS = 2
SUITE = ("tests/reconcile/test_spark_equals_duckdb.py", "tests/reconcile/test_spark_cluster.py")


@dataclass(frozen=True)
class Cluster:
    """Its address, and the process groups of its workers."""

    master: str
    workers: list[int]


@contextmanager
def running(place: Path) -> Iterator[Cluster]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    master = f"spark://127.0.0.1:{port}"
    started: list[subprocess.Popen[bytes]] = []
    try:
        started.append(_daemon(place / "master.log", "master.Master", "--port", str(port)))
        _wait_for(place / "master.log", "Starting Spark master at")
        for number in range(WORKERS):
            log = place / f"worker-{number}.log"
            started.append(
                _daemon(log, "worker.Worker", "--cores", "1", "--memory", MEMORY,
                        "--work-dir", str(place / f"work-{number}"), master)
            )  # fmt: skip
        for number in range(WORKERS):
            _wait_for(place / f"worker-{number}.log", "Successfully registered with master")
        yield Cluster(master, [process.pid for process in started[1:]])
    finally:
        for process in started:
            kill(process.pid)
            process.wait()


def kill(group: int) -> None:
    """A daemon and the executors that it started: no goodbye."""
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return  # it was killed before


def environment() -> dict[str, str]:
    return {**os.environ, "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_DAEMON_MEMORY": "256m",
            "PYSPARK_PYTHON": sys.executable}  # fmt: skip


def _daemon(log: Path, name: str, *arguments: str) -> subprocess.Popen[bytes]:
    spark = find_spec("pyspark")
    assert spark is not None
    assert spark.origin is not None
    script = Path(spark.origin).parent / "bin" / "spark-class"
    with log.open("wb") as out:
        return subprocess.Popen(
            [str(script), f"org.apache.spark.deploy.{name}", "--host", "127.0.0.1",
             "--webui-port", "0", *arguments],
            env=environment(), stdout=out, stderr=out, start_new_session=True,
        )  # fmt: skip


def _wait_for(log: Path, words: str) -> None:
    wait_until(lambda: words in log.read_text(errors="replace"), seconds=120)


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="spark-") as place, running(Path(place)) as cluster:
        told = {"SPARK_MASTER": cluster.master, "SPARK_TESTS": "required",
                "SPARK_WORKERS": ",".join(map(str, cluster.workers))}  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *SUITE, *sys.argv[1:]],
            cwd=ROOT, env=environment() | told, check=False,
        )  # fmt: skip
        return done.returncode


if __name__ == "__main__":
    sys.exit(main())
