"""[I/O] Which journal is whose: a lock beside each says so, for as long as its process lives."""

import logging
import os
from pathlib import Path

from receiver import day_files, journal_file
from receiver.journal_file import NotDurable

log = logging.getLogger("receiver")


def take_or_create(folder: Path) -> tuple[Path, int]:
    """A journal that no living process owns, else a new one.

    Not one that is older than files made from it, as after a restore: it would give the same
    numbers again. What it holds is still sealed.
    """
    for path in journal_file.journals(folder):
        lock = journal_file.try_lock(path.with_suffix(".owner"))
        if lock is None:
            continue
        with journal_file.opened(path) as connection:
            reached = journal_file.reached(connection)
        if day_files.highest_number(folder.parent / "reports", source=path.stem) <= reached:
            return path, lock
        log.warning("%s is older than its files; a new journal takes its place", path)
        os.close(lock)
    path = journal_file.create(folder)
    lock = journal_file.try_lock(path.with_suffix(".owner"))
    if lock is None:
        raise NotDurable(f"{path} was taken while it was made; start again")
    return path, lock


def renewed(path: Path, held: int) -> int:
    """The lock that we hold on a journal, where its file is still there; else a new one.

    Raises NotDurable.
    """
    owner = path.with_suffix(".owner")
    if owner.exists() and os.path.samestat(owner.stat(), os.fstat(held)):
        return held
    lock = journal_file.try_lock(owner)
    if lock is None:
        raise NotDurable(f"{path} was removed, and another process is making it anew")
    return lock
