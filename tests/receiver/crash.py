"""The crash test: kill the receiver again and again, and count what it had said 200 to.

    python -m tests.receiver.crash --rounds 1000 [--seed S]

Each round starts a receiver on the same folder – some of them two, some a supervisor with two
processes, some beside a `seal` of its own –, posts signed reports over several connections, and
kills what runs: at any moment, or at a named step on a report's way to disk. Days pass between
rounds, so that finished ones are compacted. A reader polls all the while. At the end every
acknowledged report must be there, once.
"""

import argparse
import contextlib
import http.client
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from urllib.parse import urlencode

from tests import processes
from tests.processes import ROOT, Process, children
from tests.receiver.faulty import STEPS
from tests.receiver.polling import PollingReader
from tests.receiver.sending import FORM, PATH, SETTINGS, ask, connect, signed
from tests.receiver.serving import log_of, seal, start, stored

CONNECTIONS = 4
ROUNDS_A_DAY = 6
SUPERVISED_EVERY = 8
GRACE_SECONDS = 3.0
MOST_SECONDS = 0.4  # until a receiver is killed
MOST_SECONDS_TO_A_STEP = 0.8


@dataclass
class Books:
    """What was posted, what was answered 200, and how the processes ended."""

    posted: set[str] = field(default_factory=set)
    acked: set[str] = field(default_factory=set)
    refused: Counter[int] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Result:
    rounds: int
    books: Books
    stored: Counter[str]
    doubled_for_a_reader: set[str]
    vanished_for_a_reader: set[str]
    unreadable: list[str]
    seconds: float

    @property
    def lost(self) -> set[str]:
        return self.books.acked - self.stored.keys()

    @property
    def doubled(self) -> set[str]:
        twice = {uuid for uuid, times in self.stored.items() if times > 1}
        return twice | self.doubled_for_a_reader

    @property
    def in_doubt(self) -> set[str]:
        """Stored, though whoever sent it got no answer: it would send again."""
        return self.stored.keys() - self.books.acked

    @property
    def invented(self) -> set[str]:
        return self.stored.keys() - self.books.posted

    @property
    def fine(self) -> bool:
        return not (
            self.lost
            or self.doubled
            or self.unreadable
            or self.vanished_for_a_reader
            or self.invented
            or self.books.refused
            or any(end.startswith("stopped badly") for end in self.books.ends)
        )

    def table(self) -> str:
        figures = {
            "rounds": self.rounds,
            "posted": len(self.books.posted),
            "acked": len(self.books.acked),
            "stored": len(self.stored),
            "in doubt (posted, no answer, stored)": len(self.in_doubt),
            "lost": len(self.lost),
            "doubled": len(self.doubled),
            "unreadable": len(self.unreadable),
            "gone for a reader": len(self.vanished_for_a_reader),
            "never posted": len(self.invented),
            **{f"answered {status}": times for status, times in self.books.refused.items()},
            "seconds": round(self.seconds),
        }
        lines = [f"{name:<38}{figure:>9}" for name, figure in figures.items()]
        lines += [f"  {end:<36}{times:>9}" for end, times in sorted(self.books.ends.items())]
        return "\n".join(lines)


def crash(data_dir: Path, *, rounds: int, seed: int) -> Result:
    """Play the rounds, then seal and count."""
    began = time.monotonic()
    books = Books()
    with PollingReader(data_dir) as reader:
        for number in range(rounds):
            random = Random(f"{seed}/{number}")
            play = _play_supervised if number % SUPERVISED_EVERY == 1 else _play
            play(data_dir, number, random, books)
        seal(data_dir)
    return Result(
        rounds=rounds,
        books=books,
        stored=Counter(row["message_uuid"] for row in stored(data_dir)),
        doubled_for_a_reader=reader.doubled,
        vanished_for_a_reader=reader.vanished,
        unreadable=reader.unreadable,
        seconds=time.monotonic() - began,
    )


def _play(data_dir: Path, number: int, random: Random, books: Books) -> None:
    ahead = ["--days-ahead", str(number // ROUNDS_A_DAY), "--grace", str(GRACE_SECONDS)]
    receivers = []
    for _ in range(2 if random.random() < 0.1 else 1):
        fault = random.choice(STEPS) if random.random() < 0.6 else None
        times = random.randint(2, 60) if fault == "batch committed" else random.randint(1, 2)
        die = ["--die-at", f"{fault}:{times}"] if fault else []
        try:
            receivers.append((_started(data_dir, [*ahead, *die], random), fault))
        except RuntimeError:
            books.ends[f"died at: {fault}, before it listened"] += 1
    sealer = _seal_beside(data_dir) if random.random() < 0.05 else None
    _post_until_killed(receivers, number, random, books)
    if sealer is not None:
        sealer.kill()
        sealer.wait()


def _play_supervised(data_dir: Path, number: int, random: Random, books: Books) -> None:
    """Two processes on one port: one is killed, then all, the supervisor first or last."""
    receiver = start(
        data_dir, RECEIVER_PROCESSES="2", SEAL_SECONDS=f"{random.uniform(0.02, 1):.3f}"
    )
    posters = _posting([receiver.url], number, books, lines=2 * CONNECTIONS)
    time.sleep(random.uniform(0.01, MOST_SECONDS))
    os.kill(random.choice(children(receiver.process.pid)), signal.SIGKILL)
    time.sleep(random.uniform(0.01, MOST_SECONDS))
    victims = [receiver.process.pid, *children(receiver.process.pid)]
    for victim in victims if random.random() < 0.5 else reversed(victims):
        with contextlib.suppress(ProcessLookupError):  # those without a supervisor end themselves
            os.kill(victim, signal.SIGKILL)
    receiver.kill()
    for poster in posters:
        poster.join()
    books.ends["killed: one of two processes, then all"] += 1


def _started(data_dir: Path, arguments: list[str], random: Random) -> Process:
    return start(
        data_dir, *arguments, "--", module="tests.receiver.faulty",
        SEAL_SECONDS=f"{random.uniform(0.02, 0.15):.3f}",
    )  # fmt: skip


def _seal_beside(data_dir: Path) -> subprocess.Popen[bytes]:
    settings = {**SETTINGS, "DATA_DIR": str(data_dir)}
    with log_of(data_dir).open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "receiver", "seal"], cwd=ROOT, stdout=log, stderr=log,
            env=processes.environment(settings),
        )  # fmt: skip


def _post_until_killed(
    receivers: list[tuple[Process, str | None]], number: int, random: Random, books: Books
) -> None:
    urls = [receiver.url for receiver, _ in receivers]
    posters = _posting(urls, number, books, lines=CONNECTIONS)
    began = time.monotonic()
    for receiver, fault in receivers:
        most = MOST_SECONDS_TO_A_STEP if fault else random.uniform(0.01, MOST_SECONDS)
        _end(receiver, fault, began + most, random, books)
    for poster in posters:
        poster.join()


def _posting(urls: list[str], number: int, books: Books, *, lines: int) -> list[threading.Thread]:
    posters = [
        threading.Thread(target=_post_on, args=(url, f"{number}-{which}-{line}", books))
        for which, url in enumerate(urls)
        for line in range(lines)
    ]
    for poster in posters:
        poster.start()
    return posters


def _end(receiver: Process, fault: str | None, until: float, random: Random, books: Books) -> None:
    try:
        receiver.process.wait(max(0.0, until - time.monotonic()))
    except subprocess.TimeoutExpired:
        if random.random() < 0.1:
            code = receiver.stop()
            end = "stopped by SIGTERM" if code in (0, -9) else f"stopped badly: {code}"
        else:
            end = "killed at any moment"
            receiver.kill()
    else:
        end = f"died at: {fault}"
        receiver.kill()
    books.ends[end] += 1


def _post_on(url: str, prefix: str, books: Books) -> None:
    """One report after the other on one connection, until nobody answers any more."""
    connection = connect(url, timeout=20)
    for number in range(1_000_000):
        uuid = f"{prefix}-{number}"
        body = urlencode({"MessageUUID": uuid, "Status": "sent", "To": "14155550100"}).encode()
        books.posted.add(uuid)
        try:
            headers = {"Content-Type": FORM, **signed(PATH, body)}
            answer = ask(connection, "POST", PATH, body, headers)
        except (OSError, http.client.HTTPException):
            break
        if answer.status == 200:
            books.acked.add(uuid)
        elif answer.status != 503:  # shutting down is a fair answer, nothing else is
            books.refused[answer.status] += 1
    connection.close()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.receiver.crash", description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = crash(Path(folder) / "data", rounds=options.rounds, seed=options.seed)
        said = log_of(Path(folder) / "data").read_text(encoding="utf-8", errors="replace")
    print(result.table())
    if not result.fine:
        print(
            *sorted(result.lost)[:5], *sorted(result.doubled)[:5], *result.unreadable[:5], sep="\n"
        )
        print(*[line for line in said.splitlines() if "INFO" not in line][-40:], sep="\n")
    return 0 if result.fine else 1


if __name__ == "__main__":
    sys.exit(main())
