"""What a user is told who asks for Spark and lacks what it needs."""

import sys
from pathlib import Path

import pytest

from tests.builders import report, write_folder
from tests.processes import command


def test_spark_without_java_says_what_to_install(tmp_path: Path) -> None:
    write_folder(tmp_path, reports=[report()], windows=[])
    nowhere = {"PATH": str(Path(sys.executable).parent), "JAVA_HOME": ""}
    done = command("reconcile", "merge", "--engine", "spark", "--data-dir", str(tmp_path),
                   settings=nowhere)  # fmt: skip
    assert done.returncode == 2
    assert "Java 17 or 21" in done.stderr
    assert "apt-get install openjdk-17-jre-headless" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--engine", "pandas"], "duckdb or spark"),
        (["--engine", "spark", "--spark-master", "nowhere"], "spark://host:7077"),
        (["--engine", "spark", "--since", "2026-03-01"], "Spark merges all that is on disk"),
    ],
)
def test_an_engine_that_cannot_be_is_refused(tmp_path: Path, flags: list[str], said: str) -> None:
    done = command("reconcile", "merge", "--data-dir", str(tmp_path), *flags, settings={})
    assert done.returncode == 2
    assert said in done.stderr
