"""The whole way in under a minute: a pretend Plivo, the receiver, the reconciler, the report.

    python -m tests.demo [--messages 3000] [--data-dir data/demo]

Needs no account and asks nothing. Two real processes on loopback – the pretend Plivo and the
receiver –, messages sent through the plivo SDK, signed reports over HTTP, the message log pulled
through the SDK. A week of pretended time passes in seconds.
"""

import argparse
import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep
from unittest import mock

import plivo
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from tests import processes
from tests.simulator import Account, Order, orders

PUBLIC_URL = "https://sms.example.org"
SECRET = "demo-path-secret"
WEEK = timedelta(days=7)
SENDING_SECONDS = 15.0
ACCOUNT = Account()
FAULTS = {
    "lost": 0.01, "doubled": 0.01, "late": 0.01, "reordered": 0.01, "no_receipt": 0.02,
    "final_change": 0.002, "page_error": 0.02,
}  # fmt: skip

say = Console(stderr=True, highlight=False)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.demo", description=__doc__)
    parser.add_argument("--messages", type=int, default=3000)
    parser.add_argument("--data-dir", type=Path, default=Path("data/demo"))
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    began = monotonic()
    truth = play(options.data_dir.resolve(), messages=options.messages, seed=options.seed)
    folder = _shown(options.data_dir)
    settings = {"DATA_DIR": str(folder), "COLUMNS": str(Console().width)}
    report = processes.command("reconcile", "report", settings=settings)
    print(report.stdout, end="")
    page = folder / "delivery-report.html"
    drawn = processes.command(
        "reconcile", "report", "--format", "html", "--output", str(page), settings=settings
    )
    if drawn.returncode:
        raise SystemExit(f"the demo failed: {drawn.stderr}")
    _say_what_was_made(folder, truth, monotonic() - began)
    return report.returncode


def play(
    data_dir: Path, *, messages: int, seed: int = 7, seconds: float = SENDING_SECONDS
) -> list[dict[str, object]]:
    """Send, receive and reconcile into the folder; what the pretend Plivo knows to be true."""
    if data_dir.exists():
        shutil.rmtree(data_dir)
    data_dir.mkdir(parents=True)
    start = datetime.now(UTC).replace(microsecond=0) - WEEK - timedelta(days=1)
    speed = WEEK.total_seconds() / seconds
    with _receiver_and_plivo(data_dir, start, speed, seed) as (settings, simulator_url):
        _send(orders(seed, messages, start, start + WEEK, tags=("otp", "news")),
              messages, simulator_url, start, speed)  # fmt: skip
        with say.status("waiting for the last delivery reports"):
            processes.get(f"{simulator_url}/simulator/settle", data=b"")
        with say.status("reading the message log, merging"):
            done = processes.command(
                "reconcile", "run", "--since", start.isoformat(), settings=settings
            )
        if done.returncode:
            raise SystemExit(f"the demo failed: {done.stderr}")
        say.print(done.stdout.splitlines()[0])
        lines = processes.get(f"{simulator_url}/simulator/truth").splitlines()
    return [json.loads(line) for line in lines]


@contextmanager
def _receiver_and_plivo(
    data_dir: Path, start: datetime, speed: float, seed: int
) -> Iterator[tuple[Mapping[str, str], str]]:
    settings = {
        "DATA_DIR": str(data_dir),
        "PLIVO_AUTH_ID": ACCOUNT.main.auth_id,
        "PLIVO_AUTH_TOKEN": ACCOUNT.main.auth_token,
        "PUBLIC_URL": PUBLIC_URL,
        "RECEIVER_PORT": "0",
        "RECEIVER_PATH_SECRET": SECRET,
        "LOG_REQUESTS_PER_MINUTE": "100000",  # pretended minutes are short
    }
    log = data_dir / "demo.log"
    with processes.running(["receiver", "serve"], settings, log) as receiver:
        simulated = [
            "tests.simulator", "--port", "0", "--seed", str(seed), "--start", start.isoformat(),
            "--speed", str(speed), "--until", (start + WEEK).isoformat(),
            "--forward", f"{PUBLIC_URL}={receiver.url}", "--legacy-rate", "0.1",
            "--part-info", "mixed", "--list-requests-per-minute", "0",
            "--faults", json.dumps(FAULTS),
        ]  # fmt: skip
        with processes.running(simulated, {}, log) as simulator:
            say.print(f"receiver on {receiver.url}, the pretend Plivo on {simulator.url}")
            yield {**settings, "PLIVO_API_URL": simulator.url}, simulator.url


def _send(
    planned: Iterator[Order], messages: int, simulator_url: str, start: datetime, speed: float
) -> None:
    """Through the plivo SDK, at the pace of the pretended week."""
    with mock.patch.object(
        plivo.rest.client, "PLIVO_API_BASE_URI", f"{simulator_url}/v1/Account"
    ):  # the SDK has no setting for it
        _send_all(planned, messages, _PretendedClock(simulator_url, start, speed))


class _PretendedClock:
    """What time it is in the pretended week; it stands still while posts wait for the receiver."""

    def __init__(self, simulator_url: str, start: datetime, speed: float) -> None:
        self._url = f"{simulator_url}/simulator/status"
        self._speed = speed
        self._now, self._asked_at = start, -1.0
        self._end = start + WEEK

    def wait_until(self, moment: datetime) -> None:
        while self._estimate() < min(moment, self._end):
            sleep(0.002)

    def _estimate(self) -> datetime:
        if monotonic() - self._asked_at > 0.05:
            self._now = datetime.fromisoformat(json.loads(processes.get(self._url))["now"])
            self._asked_at = monotonic()
        passed = timedelta(seconds=(monotonic() - self._asked_at) * self._speed)
        return min(self._now + passed, self._end)


def _send_all(planned: Iterator[Order], messages: int, clock: _PretendedClock) -> None:
    client = plivo.RestClient(ACCOUNT.main.auth_id, ACCOUNT.main.auth_token)
    began = monotonic()
    columns = (TextColumn("sending"), BarColumn(), MofNCompleteColumn(), TextColumn("messages"))
    with Progress(*columns, console=say, transient=True) as progress:
        for order in progress.track(planned, total=messages):
            if order.at is not None:
                clock.wait_until(order.at)
            tag = f"?tag={order.tag}" if order.tag else ""
            client.messages.create(
                src=order.src, dst=order.dst, text=order.text, powerpack_uuid=order.powerpack,
                url=f"{PUBLIC_URL}/delivery_report/{SECRET}{tag}",
            )  # fmt: skip
    say.print(f"sent {messages:,} messages through the plivo SDK in {monotonic() - began:.0f} s")


def _say_what_was_made(folder: Path, truth: list[dict[str, object]], seconds: float) -> None:
    fates = [fate(message) for message in truth]
    say.print(
        f"\nThe pretend Plivo's own books: {len(truth):,} messages, {fates.count('delivered'):,} "
        f"delivered, {fates.count('undelivered'):,} undelivered, {fates.count('failed'):,} failed."
    )
    say.print(
        f"The same as a page: {folder}/delivery-report.html\n"
        f"Files: {folder}/reports, {folder}/log, {folder}/messages ({seconds:.0f} s in all). "
        f"Look closer:\n  DATA_DIR={folder} make report BY=country,carrier"
    )


def fate(message: dict[str, object]) -> str | None:
    """What became of a message, as a person would say it, from its parts' true ends."""
    parts = message["parts"]
    assert isinstance(parts, list)
    words = {part["fate"] for part in parts}
    if words & {"failed", "rejected"}:
        return "failed"
    if "undelivered" in words:
        return "undelivered"
    return "delivered" if words == {"delivered"} else None


def _shown(folder: Path) -> Path:
    return (
        folder.relative_to(Path.cwd())
        if folder.is_absolute() and folder.is_relative_to(Path.cwd())
        else folder
    )


if __name__ == "__main__":
    sys.exit(main())
