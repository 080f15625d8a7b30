"""Callbacks of a test's own making, put into a journal without a web server."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from receiver import sealing
from receiver.callback import Callback
from receiver.journal import Journal
from tests.receiver.serving import stored

BEFORE_MIDNIGHT = datetime(2026, 2, 28, 23, 59, 59, 999_999, tzinfo=UTC)


def callback(body: bytes = b"", *, at: datetime = BEFORE_MIDNIGHT, **given: Any) -> Callback:
    """One that says this; a keyword names a field."""
    whole = {"kind": "delivery_report", "http_method": "POST", "query": b"", **given}
    return Callback(received_at=at, body=body, **whole)


def named(*uuids: str, at: datetime = BEFORE_MIDNIGHT) -> list[Callback]:
    return [callback(f"MessageUUID={uuid}".encode(), at=at) for uuid in uuids]


def put(data_dir: Path, *callbacks: Callback) -> Path:
    """Acknowledge them; the journal that holds them, closed."""
    with Journal(data_dir / "journal") as journal:
        for one in callbacks:
            journal.append(one)
        return journal.path


def store(data_dir: Path, *callbacks: Callback) -> list[dict[str, Any]]:
    """Acknowledge and seal them; all rows that a reader sees then."""
    put(data_dir, *callbacks)
    sealing.seal_all(data_dir)
    return stored(data_dir)
