"""[pure] What is to be forgotten, and how a command is told."""

import argparse
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from receiver.callback import report_fields

_SHORTEST_NUMBER = 3  # short codes have three digits at least
_NUMBERS = ("from_number", "to_number")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unwanted:
    """Reports from or to this number, in whatever form it is written, or received before then."""

    number: str | None = None
    before: datetime | None = None

    def rows(self, table: pa.Table, clock: str = "received_at") -> pa.ChunkedArray:
        """Which of the rows are meant; `clock` is the column that tells how old one is."""
        if self.before is not None:
            older = pc.less(table[clock], pa.scalar(self.before))
            return pc.fill_null(older, fill_value=False)
        found = [
            pc.equal(pc.replace_substring_regex(table[name], "[^0-9A-Za-z]", ""), self._plain)
            for name in _NUMBERS
        ]
        return pc.fill_null(pc.or_kleene(*found), fill_value=False)

    def is_meant(self, received_at: datetime, parameters: bytes) -> bool:
        """The same of a request that was refused."""
        if self.before is not None:
            return received_at < self.before
        fields = report_fields(parameters)
        return any(_plain(fields.get(name, "")) == self._plain for name in _NUMBERS)

    @property
    def _plain(self) -> str:
        return _plain(self.number or "")


def add_options(command: argparse.ArgumentParser, *, what: str) -> None:
    meant = command.add_mutually_exclusive_group(required=True)
    meant.add_argument("--number", type=_number, metavar="+1…", help=f"{what} from or to it")
    meant.add_argument("--older-than", type=_age, metavar="400d", help=f"{what} before that")


def asked(options: argparse.Namespace) -> Unwanted:
    """An age counts back from the clock on the wall."""
    before = datetime.now(UTC) - options.older_than if options.older_than else None
    return Unwanted(number=options.number, before=before)


def _number(text: str) -> str:
    if len(_plain(text)) < _SHORTEST_NUMBER:
        raise argparse.ArgumentTypeError(f"'{text}' is no number; write it whole: +14155550100")
    return text


def _age(text: str) -> timedelta:
    match = re.fullmatch(r"([1-9][0-9]{0,4})([dw])", text)
    if not match:
        raise argparse.ArgumentTypeError(f"'{text}' is no age; write 400d or 52w")
    return timedelta(days=int(match[1]) * (7 if match[2] == "w" else 1))


def _plain(number: str) -> str:
    return re.sub("[^0-9A-Za-z]", "", number)
