"""[I/O] `reports/_alive.jsonl`: when the receiver could store reports, so that gaps are known.

One JSON object a line, appended only: {"from", "until", "receiver"}, ISO-8601 UTC; in that time
this receiver stored what came. Plivo tries for about seven minutes; where no receiver was alive
for longer, reports were lost for good, and only the message log still knows.
"""

import json
import logging
import os
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from receiver.day_files import make_folder
from receiver.journal_file import JournalError

log = logging.getLogger("receiver")

NAME = "_alive.jsonl"
BEAT_SECONDS = 120.0
# Retries come 60, 120 and 240 s after the failure before them.
PLIVO_RETRIES = timedelta(minutes=7)


@dataclass(frozen=True, slots=True, order=True)
class Gap:
    """A time in which reports may have been lost, half-open, UTC."""

    from_at: datetime
    until_at: datetime


class Heartbeat:
    """Says now and then that this receiver was alive since it last said so."""

    def __init__(self, reports: Path, receiver: str, now: datetime) -> None:
        self._path = reports / NAME
        self._receiver = receiver
        self._since = now

    def beat(self, now: datetime) -> None:
        """The time since the last beat was well. Raises OSError; then it counts as a gap."""
        self._since = min(self._since, now)  # the clock may be set back
        line = {
            "from": self._since.isoformat(),
            "until": now.isoformat(),
            "receiver": self._receiver,
        }
        make_folder(self._path.parent)
        descriptor = os.open(self._path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, json.dumps(line).encode() + b"\n")
        finally:
            os.close(descriptor)
        self._since = now

    def was_ill(self, now: datetime) -> None:
        """The time up to now was not well; the next beat counts from here."""
        self._since = now


class Pulse:
    """Beats as long as this receiver can make something durable (`probe` returns)."""

    def __init__(self, reports: Path, receiver: str, probe: Callable[[], None]) -> None:
        self._probe = probe
        self._heartbeat = Heartbeat(reports, receiver, datetime.now(UTC))

    def beat_until(self, ended: threading.Event) -> None:
        self.beat()
        while not ended.wait(BEAT_SECONDS):
            self.beat()

    def beat(self) -> None:
        try:
            self._probe()
            self._heartbeat.beat(datetime.now(UTC))
        except (JournalError, OSError) as problem:
            log.error("not alive to Plivo: %s", problem)
            self._heartbeat.was_ill(datetime.now(UTC))


def gaps(reports: Path, *, until: datetime) -> list[Gap]:
    """Times longer than Plivo's retries with no receiver alive, from the first beat up to `until`.

    Empty where nothing was ever written down: then nothing is known.
    """
    known = _spans(reports / NAME)
    alive = sorted(
        (from_at, min(until_at, until)) for from_at, until_at in known if from_at < until
    )
    found = []
    last = alive[0][0] if alive else until
    for from_at, until_at in [*alive, (until, until)]:
        if from_at - last > PLIVO_RETRIES:
            found.append(Gap(last, from_at))
        last = max(last, until_at)
    return found


def _spans(path: Path) -> Iterable[tuple[datetime, datetime]]:
    """What can be read of it; a line that a crash tore only makes a gap longer."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        try:
            said = json.loads(line)
            span = datetime.fromisoformat(said["from"]), datetime.fromisoformat(said["until"])
        except (ValueError, KeyError, TypeError):
            continue
        if all(moment.tzinfo for moment in span):
            yield span[0].astimezone(UTC), span[1].astimezone(UTC)
