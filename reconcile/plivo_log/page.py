"""[pure] The text of an answer → a page of rows, each with its JSON exactly as received.

What is not a page (HTML, half a document, an error under status 200, a row without its key)
is BrokenPage, never the end of the log.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from reconcile.plivo_log.log_row import DECODER, LogRow, read_row

PAGE_ROWS = 20  # Plivo gives no more

_SPACE = re.compile(r"[ \t\r\n]*")


class BrokenPage(ValueError):
    """The answer is not a page of the log; the message says in what way, without its content."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page begins: at a cursor or at an offset, never both; neither is the beginning."""

    cursor: str | None = None
    offset: int | None = None


START = Position()


@dataclass(frozen=True, slots=True)
class Page:
    """`next` is None at the end of the log only."""

    rows: tuple[LogRow, ...]
    next: Position | None


def read_page(text: str, asked: Position) -> Page:
    """The page that was asked at that position. Raises BrokenPage."""
    spans = {}
    members: dict[str, Any] = {}
    for name, value, begin in _members(text):
        members[name], spans[name] = value, begin
    if members.get("error"):
        raise BrokenPage("an error under status 200")
    if not isinstance(members.get("objects"), list):
        raise BrokenPage("JSON without objects")
    rows = tuple(_rows(_elements(text, spans["objects"])))
    return Page(rows, _next(members.get("meta"), asked, len(rows)))


def read_single(text: str) -> LogRow:
    """The answer to a request for one message. Raises BrokenPage."""
    members = {name: value for name, value, _ in _members(text)}
    if members.get("error"):
        raise BrokenPage("an error under status 200")
    return next(_rows(iter([text.strip()])))


def said_by_plivo(text: str) -> str:
    """The `error` of an answer, shortened to a line; empty where there is none."""
    try:
        said = {name: value for name, value, _ in _members(text)}.get("error") or ""
    except BrokenPage:
        return ""
    return " ".join(str(said).split())[:200]


def _rows(records: Iterator[str]) -> Iterator[LogRow]:
    for number, record in enumerate(records, start=1):
        try:
            row = read_row(record)
        except ValueError as broken:
            raise BrokenPage(f"row {number}: {broken}") from broken
        if not row.message_uuid:
            # It could not be told from other rows, so leaving it out would lose it silently.
            raise BrokenPage(f"row {number} has no message_uuid")
        yield row


def _next(meta: Any, asked: Position, rows: int) -> Position | None:
    """plivo-python 4.63: next carries a cursor or an offset, as the deployment happens to serve."""
    if meta is None:
        full = rows >= PAGE_ROWS and asked.cursor is None
        return Position(offset=(asked.offset or 0) + rows) if full else None
    following = meta.get("next") if isinstance(meta, dict) else meta
    if following is None or following == "":
        return None
    if not isinstance(following, str):
        raise BrokenPage("meta.next is no text")
    try:
        query = parse_qs(urlsplit(following).query)
    except ValueError as broken:
        raise BrokenPage("meta.next is no address") from broken
    # Under hybrid paging an offset beside a cursor pins the walk to page 1: the cursor alone.
    if cursor := query.get("cursor", [""])[0]:
        return Position(cursor=cursor)
    offset = query.get("offset", [""])[0]
    if not re.fullmatch(r"[0-9]{1,12}", offset):
        raise BrokenPage("meta.next has neither a cursor nor an offset")
    return Position(offset=int(offset))


def _members(text: str) -> Iterator[tuple[str, Any, int]]:
    """Name, value and beginning of the value, for each member of the document."""
    at = _expect(text, 0, "{")
    if text.startswith("}", at):
        at = _skip(text, at + 1)
    else:
        while True:
            name, at = _decode(text, at)
            begin = _expect(text, at, ":")
            value, at = _decode(text, begin)
            yield str(name), value, begin
            if text.startswith("}", at := _skip(text, at)):
                at = _skip(text, at + 1)
                break
            at = _expect(text, at, ",")
    if at != len(text):
        raise BrokenPage("text after the JSON document")


def _elements(text: str, at: int) -> Iterator[str]:
    """The exact text of each element of the array that begins there, which is known to be whole."""
    at = _expect(text, at, "[")
    while not text.startswith("]", at):
        begin = at
        _, at = _decode(text, begin)
        yield text[begin:at]
        at = _skip(text, at)
        if text.startswith(",", at):
            at = _skip(text, at + 1)


def _decode(text: str, at: int) -> tuple[Any, int]:
    try:
        return DECODER.raw_decode(text, at)
    except (ValueError, RecursionError) as broken:
        raise BrokenPage("not JSON, or half of it") from broken


def _expect(text: str, at: int, sign: str) -> int:
    at = _skip(text, at)
    if not text.startswith(sign, at):
        raise BrokenPage("not JSON, or half of it" if text.strip() else "an empty answer")
    return _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at
