"""[I/O] One at a time: flocks in `state/`, held by the process and gone with it."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from receiver.day_files import make_folder
from receiver.journal_file import try_lock


class Busy(Exception):
    """Another process is at it; try again later."""


@contextmanager
def holding(path: Path, *, wait_seconds: float, what: str) -> Iterator[None]:
    """Hold the lock, waiting for it at most this long. Raises Busy."""
    make_folder(path.parent)
    give_up_at = time.monotonic() + wait_seconds
    while (descriptor := try_lock(path)) is None:
        if time.monotonic() >= give_up_at:
            raise Busy(f"another {what} holds {path}; try again when it is done")
        time.sleep(0.05)
    try:
        yield
    finally:
        os.close(descriptor)
