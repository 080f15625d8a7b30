"""[I/O] When the states of a span were last asked by counting, which leaves no row that would say.

One small file in `state/`. It changes no number: deleted or damaged, they are asked once more.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from receiver.day_files import make_folder
from reconcile.plivo_log.coverage import Span
from reconcile.plivo_log.windows import READ_AGAIN_AFTER

_NAME = "states.json"
_REMEMBERED = READ_AGAIN_AFTER[-1] + timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Asked:
    account: str
    span: Span
    at: datetime


class AskedStates:
    """Of one account; the caller holds the lock of the data folder."""

    def __init__(self, state: Path, account: str) -> None:
        self._path = state / _NAME
        self._account = account
        self._all = _read(self._path)

    def last(self, moment: datetime) -> datetime | None:
        """When the state of a message of this time was asked."""
        return max(
            (
                one.at
                for one in self._all
                if one.account == self._account and one.span.holds(moment)
            ),
            default=None,
        )

    def note(self, span: Span, now: datetime) -> None:
        """What is due no more is forgotten."""
        kept = [one for one in self._all if one.span.until_at > now - _REMEMBERED]
        self._all = [*kept, Asked(self._account, span, now)]
        make_folder(self._path.parent)
        self._path.write_text(json.dumps([_line(one) for one in self._all]))


def _read(path: Path) -> list[Asked]:
    try:
        return [_parse(line) for line in json.loads(path.read_bytes())]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _parse(line: dict[str, str]) -> Asked:
    from_at, until_at, at = (datetime.fromisoformat(line[name]) for name in _TIMES)
    if not (from_at.tzinfo and until_at.tzinfo and at.tzinfo):
        raise ValueError("a time without a zone")
    return Asked(line["account"], Span(from_at, until_at), at)


_TIMES = ("from", "until", "asked_at")


def _line(one: Asked) -> dict[str, str]:
    times = (one.span.from_at, one.span.until_at, one.at)
    return {"account": one.account} | {
        name: at.isoformat() for name, at in zip(_TIMES, times, strict=True)
    }
