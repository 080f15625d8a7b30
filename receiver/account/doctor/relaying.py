"""[I/O] What RELAY_URL has not taken yet."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

from receiver import journal_file
from receiver.config import Settings
from receiver.diagnosis import Check, Line
from receiver.relay import outbox

_NAME = "relay"
# Tries are at most 15 minutes apart; what is refused for three days is given up.
_WARNING, _BROKEN = timedelta(minutes=15), timedelta(hours=24)


def checks(settings: Settings) -> list[Check]:
    return [(_NAME, partial(_waiting, settings))]


def _waiting(settings: Settings) -> Iterator[Line]:
    waiting, since = 0, None
    for path in journal_file.journals(settings.data_dir / "journal"):
        with journal_file.opened(path) as connection:
            more, first = outbox.state(connection)
        waiting += more
        since = min(filter(None, (since, first)), default=None)
    if not settings.relay_url:
        said = "RELAY_URL is not set"
        if waiting:
            said += f", and {waiting:,} reports still wait for it"
            yield Line(_NAME, "warning", said, "set RELAY_URL and restart, so that they go out")
        else:
            yield Line(_NAME, "ok", said)
        return
    age = datetime.now(UTC) - since if since else timedelta()
    said = f"{waiting:,} reports wait" + (f", the oldest since {since:%Y-%m-%d %H:%M} UTC"
                                          if since else "")  # fmt: skip
    if age <= _WARNING:
        yield Line(_NAME, "ok", said)
        return
    mend = "look at the handler behind RELAY_URL, and that python -m receiver serve runs"
    yield Line(_NAME, "broken" if age > _BROKEN else "warning", said, mend)
