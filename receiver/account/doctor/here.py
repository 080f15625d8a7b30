"""[I/O] This machine: settings, the data folder, the disk, whether a receiver lives."""

import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from urllib.parse import urlsplit

from receiver import alive, day_files, journal_file, serve
from receiver.config import SettingError, Settings
from receiver.diagnosis import Check, Line

_SLOW_SECONDS = 0.5  # a callback waits so long for its answer
_FREE_WARNING, _FREE_BROKEN = 1e9, 100e6  # bytes; the first as in deployment/alerts.yml
_UNSEALED = timedelta(minutes=10)
_ALIVE = timedelta(hours=24)  # so far back it is looked when no receiver was there
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def checks(settings: Settings) -> list[Check]:
    return [
        ("settings", partial(_settings, settings)),
        ("data folder", partial(_durable, settings)),
        ("journal", partial(_journals, settings)),
        ("disk", partial(_disk, settings)),
        ("receiver", partial(_alive, settings)),
    ]


def _settings(settings: Settings) -> Iterator[Line]:
    try:
        serve.check_settings(settings, unsigned=False)
    except SettingError as wrong:
        missing = not settings.public_url and settings.tokens
        mend = "python -m receiver setup finds the address" if missing else "set it in .env"
        yield Line("settings", "broken", str(wrong), mend)
        return
    public = urlsplit(settings.public_url or "")
    found = []
    if public.scheme == "http" and public.hostname not in _LOOPBACK:
        said = "PUBLIC_URL is http: whoever is on the way reads the reports and can forge some"
        found.append(Line("settings", "warning", said, "PUBLIC_URL=https://… behind TLS"))
    if settings.receiver_path_secret is None:
        said = "no RECEIVER_PATH_SECRET: a V2 signature leaves the body open to whoever saw one"
        mend = "set RECEIVER_PATH_SECRET, restart, python -m receiver setup, send with the new url"
        found.append(Line("settings", "warning", said, mend))
    yield from found or [Line("settings", "ok", "what serve needs is set")]


def _durable(settings: Settings) -> Iterator[Line]:
    """By a real write: beside, synced, renamed, the folder synced, and away again."""
    folder = settings.data_dir
    if not folder.exists():
        said = f"{folder} is not there yet"
        yield Line("data folder", "warning", said, "python -m receiver serve makes it")
        return
    began = time.perf_counter()
    try:
        day_files.write_bytes(folder / "_doctor", b"a probe of doctor's; may be deleted\n")
        took = time.perf_counter() - began
        day_files.remove(folder / "_doctor")
    except OSError as problem:
        said = f"nothing can be made durable: {problem}"
        yield Line("data folder", "broken", said, "look at the disk, and at who owns DATA_DIR")
        return
    said = f"a write to {folder} was durable after {took * 1000:.0f} ms"
    slow = "every report waits so long; a faster disk, or DATA_DIR on a local one"
    yield (
        Line("data folder", "warning", said, slow)
        if took > _SLOW_SECONDS
        else Line("data folder", "ok", said)
    )


def _journals(settings: Settings) -> Iterator[Line]:
    rows, oldest = 0, None
    for path in journal_file.journals(settings.data_dir / "journal"):
        try:
            with journal_file.opened(path) as connection:
                held, first = connection.execute(
                    "select count(*), min(received_at) from callbacks"
                ).fetchone()
        except (journal_file.JournalError, OSError) as problem:
            yield Line("journal", "broken", str(problem), "as it says; nothing else is touched")
            continue
        rows += held
        oldest = min(filter(None, (oldest, first)), default=None)
    since = journal_file.from_micros(oldest) if oldest else None
    said = f"{rows:,} reports wait to be written to Parquet"
    if since and datetime.now(UTC) - since > max(_UNSEALED, _patience(settings)):
        said += f", the oldest since {since:%Y-%m-%d %H:%M} UTC"
        yield Line("journal", "warning", said, "python -m receiver seal, which says what is wrong")
    else:
        yield Line("journal", "ok", said)


def _patience(settings: Settings) -> timedelta:
    return 3 * timedelta(seconds=settings.seal_seconds)


def _disk(settings: Settings) -> Iterator[Line]:
    folder = (
        settings.data_dir if settings.data_dir.exists() else settings.data_dir.absolute().parent
    )
    free = shutil.disk_usage(folder).free
    said = f"{free / 1e9:,.1f} GB are free"
    mend = "make room on the disk of DATA_DIR; when it is full every report is refused"
    if free < _FREE_WARNING:
        yield Line("disk", "broken" if free < _FREE_BROKEN else "warning", said, mend)
    else:
        yield Line("disk", "ok", said)


def _alive(settings: Settings) -> Iterator[Line]:
    now = datetime.now(UTC)
    reports = settings.data_dir / "reports"
    if not (reports / alive.NAME).exists():
        said = "no receiver has ever run on this data folder"
        yield Line("receiver", "broken", said, "python -m receiver serve")
        return
    recent = [gap for gap in alive.gaps(reports, until=now) if gap.until_at > now - _ALIVE]
    if recent and recent[-1].until_at == now:
        said = f"none has been alive since {recent[-1].from_at:%Y-%m-%d %H:%M} UTC"
        yield Line("receiver", "broken", said, "python -m receiver serve")
    elif recent:
        minutes = sum((gap.until_at - gap.from_at).total_seconds() for gap in recent) / 60
        said = f"alive now, but for {minutes:,.0f} minutes none was, which ended in the last 24 h"
        mend = "python -m reconcile run reads from the log what was missed"
        yield Line("receiver", "warning", said, mend)
    else:
        yield Line("receiver", "ok", "alive, and was so without a break for 24 h or from its start")
