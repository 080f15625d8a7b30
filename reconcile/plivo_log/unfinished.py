"""[I/O] When the pull that is going on began, so that one that was stopped reads nothing twice.

The ledger knows what was read; only whether a window was read by *this* pull or by one before needs
the moment it began. It changes no number: deleted, the pull begins anew.
"""

import json
from datetime import datetime
from pathlib import Path

from receiver.day_files import make_folder

_NAME = "pull.json"


def begin(state: Path, task: str, now: datetime) -> datetime:
    """Now, or when the same task began that was never finished.

    `task`: what was asked for, as it was given; limits are no part of it, nor is an age resolved.
    """
    began_at = going_on(state, task, now)
    if began_at is None:
        make_folder(state)
        (state / _NAME).write_text(json.dumps({"task": task, "started_at": now.isoformat()}))
    return began_at or now


def going_on(state: Path, task: str, now: datetime) -> datetime | None:
    """When this task began, if it was never finished."""
    try:
        known = json.loads((state / _NAME).read_bytes())
        at = datetime.fromisoformat(known["started_at"])
        return at if known["task"] == task and at <= now else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def finish(state: Path) -> None:
    (state / _NAME).unlink(missing_ok=True)
