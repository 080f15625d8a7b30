"""A real receiver on a folder of a test's own, and what a reader finds there."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from receiver import day_files
from tests import processes
from tests.processes import Process
from tests.receiver.sending import SETTINGS


def start(data_dir: Path, *arguments: str, module: str = "receiver", **settings: str) -> Process:
    """`serve` on this folder, its messages in `DATA_DIR.log` beside it; keywords are settings."""
    data_dir.parent.mkdir(parents=True, exist_ok=True)
    whole = {**SETTINGS, "DATA_DIR": str(data_dir), **settings}
    return Process([module, *arguments, "serve"], whole, log_of(data_dir))


@contextmanager
def serving(data_dir: Path, **settings: str) -> Iterator[Process]:
    process = start(data_dir, **settings)
    try:
        yield process
    finally:
        process.stop()


def log_of(data_dir: Path) -> Path:
    return data_dir.with_suffix(".log")


def messages_of(process: Process) -> str:
    return process.log.read_text(encoding="utf-8", errors="replace")


def seal(data_dir: Path) -> str:
    """`python -m receiver seal` in a process of its own; what it printed."""
    done = processes.command("receiver", "seal", settings={"DATA_DIR": str(data_dir)})
    assert done.returncode == 0, done.stderr
    return done.stdout


def stored(data_dir: Path) -> list[dict[str, Any]]:
    """Every report that a reader of `reports/` sees."""
    rows: list[dict[str, Any]] = []
    for path in day_files.live_files(data_dir / "reports"):
        rows += day_files.read(path).to_pylist()
    return rows


def stored_uuids(data_dir: Path) -> list[str]:
    return sorted(row["message_uuid"] for row in stored(data_dir))
