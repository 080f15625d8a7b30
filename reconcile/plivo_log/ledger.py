"""[I/O] `log/_windows.jsonl`: a line is there only once the rows of its window are durable.

One JSON object a line, appended only. A last line that a crash tore is ignored by readers and cut
off by the next append: its window counts as not read. Anywhere else a broken line is an error,
since guessing would turn messages that were never asked for into missing ones.
"""

import json
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from receiver.day_files import FileProblem, make_folder, sync_folder
from reconcile.plivo_log.coverage import HOWS, Window

NAME = "_windows.jsonl"


class LedgerProblem(FileProblem):
    """A line of the ledger cannot be understood; the message names it and the next step."""


def read(log_folder: Path, *, account: str | None = None) -> list[Window]:
    """In the order of writing; with an account only its own, and those that name none."""
    try:
        lines = (log_folder / NAME).read_bytes().rstrip().split(b"\n")
    except FileNotFoundError:
        return []
    windows = []
    for number, line in enumerate(lines, start=1):
        try:
            windows.append(_parse(line))
        except (ValueError, RecursionError) as broken:
            if number == len(lines):
                break
            if line.strip():
                raise LedgerProblem(
                    f"{log_folder / NAME}, line {number} is not a window ({broken}). Delete that "
                    "line; its window will be read again."
                ) from broken
    return [w for w in windows if account is None or w.account in (None, account)]


def append(log_folder: Path, windows: Iterable[Window]) -> None:
    """Durable when this returns. The caller holds the lock of the data folder."""
    text = "".join(f"{_line(window)}\n" for window in windows).encode()
    make_folder(log_folder)
    path = log_folder / NAME
    is_new = not path.exists()
    with os.fdopen(os.open(path, os.O_CREAT | os.O_RDWR, 0o600), "r+b") as file:
        kept, ending = _sound(file.read())
        file.seek(kept)
        file.truncate()
        file.write(ending + text)
        file.flush()
        os.fsync(file.fileno())
    if is_new:
        sync_folder(log_folder)


def _sound(content: bytes) -> tuple[int, bytes]:
    """How much of the ledger stays, and what has to follow it before the next line."""
    kept = content.rstrip()
    begin = kept.rfind(b"\n") + 1
    try:
        _parse(kept[begin:])
    except ValueError:
        return begin, b""
    return len(kept), b"\n"


def _line(window: Window) -> str:
    return json.dumps(
        {
            "from": _written(window.from_at),
            "until": _written(window.until_at),
            "read_at": _written(window.read_at),
            "how": window.how,
            "rows": window.rows,
            "account": window.account,
        }
    )


def _parse(line: bytes) -> Window:
    """Raises ValueError, as every failure of decoding is one."""
    fields = json.loads(line)
    if not isinstance(fields, dict):
        raise ValueError("no JSON object")  # noqa: TRY004  broken text, not a bug
    how, rows, account = fields.get("how"), fields.get("rows", 0), fields.get("account")
    if how not in HOWS:
        raise ValueError(f"how is {how!r}, not one of {', '.join(HOWS)}")
    if type(rows) is not int or not isinstance(account, str | None):
        raise ValueError("rows or account are of the wrong type")
    from_at, until_at = _moment(fields, "from"), _moment(fields, "until")
    if from_at > until_at:
        raise ValueError("it ends before it begins")
    return Window(from_at, until_at, _moment(fields, "read_at"), how, rows, account)


def _moment(fields: dict[str, Any], name: str) -> datetime:
    value = fields.get(name)
    if not isinstance(value, str):
        raise ValueError(f"{name} is missing")  # noqa: TRY004  broken text, not a bug
    at = datetime.fromisoformat(value)
    try:
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except OverflowError as broken:
        raise ValueError(f"{name} is out of range") from broken


def _written(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
