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
    """Now, or when the same task began that was never finished. `task`: its arguments as given."""
    try:
        known = json.loads((state / _NAME).read_bytes())
        if known["task"] == task and (at := datetime.fromisoformat(known["started_at"])) <= now:
            return at
    except (OSError, ValueError, KeyError, TypeError):
        pass
    make_folder(state)
    (state / _NAME).write_text(json.dumps({"task": task, "started_at": now.isoformat()}))
    return now


def finish(state: Path) -> None:
    (state / _NAME).unlink(missing_ok=True)
