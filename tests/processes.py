"""Real processes for tests and the demo: started, waited for, and never left running."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from receiver import config

ROOT = Path(__file__).parent.parent
GUARD = ROOT / "tests" / "guard"


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """The environment with exactly these settings of ours: neither the user's nor `.env`'s.

    Whoever starts with it cannot leave the machine.
    """
    ours = dict.fromkeys(config.names(), "")
    path = os.pathsep.join(map(str, (GUARD, ROOT)))
    return {**os.environ, **ours, "PYTHONUNBUFFERED": "1", "PYTHONPATH": path, **given}


class Process:
    """A server of ours on a free port; `url` is what it said."""

    def __init__(self, arguments: list[str], settings: Mapping[str, str], log: Path) -> None:
        self._log = log.open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=ROOT,
            env=environment(settings),
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            start_new_session=True,  # a Ctrl-C in the terminal is ours to pass on
        )
        self.log = log
        self.url = self._wait_for_url()

    def _wait_for_url(self) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if found := re.search(r"listening on (http://\S+)", line):
                return found[1]
        self.process.wait()
        said = self.log.read_text(encoding="utf-8", errors="replace")[-2000:]
        raise RuntimeError(f"{self.process.args!r} ended with {self.process.returncode}:\n{said}")

    def kill(self) -> None:
        """SIGKILL: no goodbye."""
        self._end(signal.SIGKILL)

    def stop(self, *, timeout: float = 15) -> int:
        """SIGTERM, and the exit code."""
        return self._end(signal.SIGTERM, timeout)

    def _end(self, number: signal.Signals, timeout: float = 15) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        self._log.close()
        return code


@contextmanager
def running(arguments: list[str], settings: Mapping[str, str], log: Path) -> Iterator[Process]:
    """The process, stopped at the end whatever happens."""
    process = Process(arguments, settings, log)
    try:
        yield process
    finally:
        process.stop()


def command(
    *arguments: str, settings: Mapping[str, str], cwd: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    """Run a command of ours to its end."""
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=cwd,
        env=environment(settings),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def get(url: str, *, data: bytes | None = None) -> str:
    """The body of a GET, or of a POST where there is data."""
    with urllib.request.urlopen(url, data=data, timeout=60) as answer:  # noqa: S310  loopback
        return str(answer.read().decode())


def children(pid: int) -> list[int]:
    """The processes that this one has started and that live."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = entry.read_text().rpartition(")")[2].split()[:2]
        except OSError:  # it has ended meanwhile
            continue
        if int(parent) == pid and state != "Z":
            found.append(int(entry.parent.name))
    return sorted(found)


def wait_until(true: Callable[[], bool], *, seconds: float = 10) -> None:
    """Return once the condition holds; fail where it does not in time."""
    give_up_at = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < give_up_at, "waited in vain"
        time.sleep(0.01)
