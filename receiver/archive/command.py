"""[I/O] `ship`, as both programs have it: options, order of work, what it prints."""

import argparse
import math
import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from receiver import journal_file, sealing, setting_values
from receiver.archive import away, object_store
from receiver.archive.object_store import ObjectStore
from receiver.archive.shipping import Folder, Shipment, Shipped
from receiver.config import SettingError, Settings
from receiver.day_files import FileName

REPORTS = (Folder("reports", "_alive.jsonl"),)
RECONCILED = (Folder("log", "_windows.jsonl"), Folder("messages", derived=True))


def add_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "url", nargs="?", type=_url, metavar="s3://bucket/prefix", help="instead of ARCHIVE_URL"
    )
    command.add_argument(
        "--drop-older-than", type=_age, metavar="30d",
        help="afterwards drop older days here; they are read from there",
    )  # fmt: skip


def ship_reports(settings: Settings, options: argparse.Namespace) -> Shipped:
    """What the receiver has written. Raises ArchiveError, FileProblem, SettingError, OSError."""
    store = _store(settings, options)
    sealing.seal_all(settings.data_dir)

    def drop(shipment: Shipment) -> None:
        """A journal's files only when it is done with them, and neither seals nor compacts."""

        def of_journal(path: Path) -> None:
            with journal_file.opened(path) as connection:
                cleared = sealing.cleared_up_to(connection)
            with away.nobody_reads(settings.data_dir):
                shipment.drop(lambda file: _is_of(file, path.stem, cleared))

        sealing.each_journal(settings.data_dir, of_journal, patience=math.inf)
        own = {path.stem for path in journal_file.journals(settings.data_dir / "journal")}
        with away.nobody_reads(settings.data_dir):
            shipment.drop(lambda file: file.name.partition("-")[0] not in own)

    return _ship(settings, store, options, REPORTS, drop)


def ship_reconciled(
    settings: Settings,
    options: argparse.Namespace,
    alone: Callable[[Path], AbstractContextManager[None]],
) -> Shipped:
    """What the reconciler has written; `alone` keeps others from writing. Raises likewise."""

    def drop(shipment: Shipment) -> None:
        with alone(settings.data_dir), away.nobody_reads(settings.data_dir):
            shipment.drop(lambda _: True)

    return _ship(settings, _store(settings, options), options, RECONCILED, drop)


def told(shipped: Shipped) -> str:
    """One line of what was done."""
    line = (
        f"shipped {shipped.sent:,} files ({shipped.sent_bytes / 1e6:,.1f} MB), "
        f"{shipped.there_already:,} were there already; {shipped.removed_there:,} superseded ones "
        "removed there"
    )
    if shipped.dropped:
        line += f"; dropped {shipped.dropped:,} here ({shipped.dropped_bytes / 1e6:,.1f} MB)"
    return line


def _ship(
    settings: Settings,
    store: ObjectStore,
    options: argparse.Namespace,
    folders: Sequence[Folder],
    drop: Callable[[Shipment], None],
) -> Shipped:
    with away.nobody_ships(settings.data_dir):
        shipment = Shipment(settings.data_dir, store)
        for folder in folders:
            before = None if folder.derived else _drop_before(options)
            shipment.ship(folder, drop_before=before)
        if shipment.done.ready:
            drop(shipment)
    if shipment.done.problems:
        raise shipment.done.problems[0]
    return shipment.done


def _store(settings: Settings, options: argparse.Namespace) -> ObjectStore:
    if not settings.data_dir.is_dir():
        raise SettingError(f"DATA_DIR is {settings.data_dir}, and there is no such folder")
    if options.url is None:
        return object_store.of_settings(settings, needed_for="ship was given no address")
    if options.drop_older_than and settings.archive_url != options.url:
        raise SettingError(
            f"--drop-older-than needs ARCHIVE_URL={options.url} as a setting, so that the other "
            "commands find what was dropped"
        )
    return ObjectStore(options.url, endpoint=settings.archive_endpoint)


def _drop_before(options: argparse.Namespace) -> date | None:
    """Only whole days: the day that far back stays."""
    age = options.drop_older_than
    return datetime.now(UTC).date() - age if age else None


def _is_of(path: Path, source: str, cleared: int) -> bool:
    name = FileName.parse(path.name)
    return name is not None and name.source == source and name.last <= cleared


def _url(text: str) -> str | None:
    try:
        return setting_values.archive_url(text)
    except ValueError as wrong:
        raise argparse.ArgumentTypeError(f"'{text}' is no archive; write {wrong}") from None


def _age(text: str) -> timedelta:
    match = re.fullmatch(r"([1-9][0-9]{0,4})d", text)
    if not match:
        raise argparse.ArgumentTypeError(f"'{text}' is no age; write 30d")
    return timedelta(days=int(match[1]))
