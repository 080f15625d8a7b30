"""Pure: one page of the log: the filters, the window, and where the next page begins."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from tests.simulator.log_rows import campaign_of
from tests.simulator.message_log import LogEntry, LogKey, MessageLog, log_state_at
from tests.simulator.messages import LogState
from tests.simulator.settings import Paging
from tests.simulator.times import iso, parse_filter_time, parse_iso

PAGE_ROWS = 20
RETENTION = timedelta(days=90)
DEFAULT_WINDOW = timedelta(hours=24)
_TIME_FILTERS = ("", "__gt", "__gte", "__lt", "__lte")
_TICK = timedelta(microseconds=1)

# What each filter is compared with; digits are compared without a leading plus.
_FILTERS: dict[str, Callable[[LogEntry, LogState], str | None]] = {
    "message_direction": lambda entry, _: entry.message.direction,
    "message_state": lambda _, state: state.word,
    "message_type": lambda *_: "sms",
    "error_code": lambda _, state: state.error_code,
    "subaccount": lambda entry, _: entry.message.auth_id,
    "from_number": lambda entry, _: entry.message.src,
    "to_number": lambda entry, _: entry.message.dst,
    "powerpack_id": lambda entry, _: entry.message.order.powerpack,
    "destination_country_iso2": lambda entry, _: (
        entry.message.route.country if entry.message.route else None
    ),
    "tendlc_campaign_id": lambda entry, _: campaign_of(entry.message),
    "tendlc_registration_status": lambda entry, _: (
        "registered" if campaign_of(entry.message) else "unregistered"
    ),
}


class BadFilterError(ValueError):
    """A parameter that the API answers with 400."""


@dataclass(frozen=True)
class PageRequest:
    """A request for a page: closed window, filters, and where in it to begin."""

    since: datetime
    until: datetime
    filters: tuple[tuple[str, str], ...]
    limit: int
    offset: int
    before: LogKey | None


@dataclass(frozen=True)
class Page:
    """At most `limit` rows, newest first; `more`: an older row matches too."""

    rows: tuple[tuple[LogEntry, LogState], ...]
    more: bool


def parse_request(query: Mapping[str, str], now: datetime, paging: Paging) -> PageRequest:
    """Parameters nobody knows are ignored, as Plivo seems to do."""
    since, until = _window(query, now)
    cursor = query.get("cursor") if paging != "offset" else None
    offset = _number(query, "offset", 0)
    if paging == "cursor":
        offset = 0
    if cursor and "offset" in query:
        # plivo-python 4.63: under hybrid an offset beside a cursor pins the walk to page 1;
        # under cursor it is ignored.
        cursor, offset = (None, 0) if paging == "hybrid" else (cursor, 0)
    return PageRequest(
        since=since,
        until=until,
        filters=tuple((name, query[name].lstrip("+")) for name in _FILTERS if query.get(name)),
        limit=max(1, min(_number(query, "limit", PAGE_ROWS), PAGE_ROWS)),
        offset=offset,
        before=_decode(cursor) if cursor else None,
    )


def read_page(log: MessageLog, request: PageRequest, now: datetime) -> Page:
    """A row is where it is now: one that shows late shifts those behind it."""
    rows: list[tuple[LogEntry, LogState]] = []
    skipped = 0
    for entry in log.newest_first(request.since, request.until, before=request.before):
        state = log_state_at(entry.part, now)
        if state is None or entry.message.message_time > now:
            continue
        if not all(selects(name, value, entry, state) for name, value in request.filters):
            continue
        if skipped < request.offset:
            skipped += 1
        elif len(rows) == request.limit:
            return Page(tuple(rows), more=True)
        else:
            rows.append((entry, state))
    return Page(tuple(rows), more=False)


def selects(name: str, value: str, entry: LogEntry, state: LogState) -> bool:
    """Whether the filter of this name lets the row pass."""
    return _FILTERS[name](entry, state) == value


def next_query(
    query: Mapping[str, str], request: PageRequest, page: Page, paging: Paging, *, keep: bool
) -> str:
    """The query of meta.next: with the filters it was asked with, or bare."""
    position: dict[str, str] = {"limit": str(request.limit)}
    if paging == "offset":
        position["offset"] = str(request.offset + request.limit)
    else:
        position["cursor"] = _encode(page.rows[-1][0].key)
    asked = {k: v for k, v in query.items() if k not in ("limit", "offset", "cursor")}
    return urlencode((asked if keep else {}) | position)


def _window(query: Mapping[str, str], now: datetime) -> tuple[datetime, datetime]:
    given: dict[str, datetime] = {}
    for suffix in _TIME_FILTERS:
        written = query.get("message_time" + suffix)
        if written:
            try:
                given[suffix] = parse_filter_time(written)
            except ValueError as error:
                raise BadFilterError(f"message_time{suffix}: {error}") from error
    since, until = now - RETENTION, now + _TICK
    if not given:
        return now - DEFAULT_WINDOW, until
    for suffix, at in given.items():
        if suffix in ("", "__gte"):
            since = max(since, at)
        elif suffix == "__gt":
            since = max(since, at + _TICK)
        if suffix in ("", "__lte"):
            until = min(until, at + _TICK)
        elif suffix == "__lt":
            until = min(until, at)
    return since, until


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    written = query.get(name)
    if not written:
        return default
    if not written.isdigit():
        raise BadFilterError(f"{name} should be a number")
    return int(written)


def _encode(key: LogKey) -> str:
    written = json.dumps([iso(key.message_time), key.order, key.part])
    return urlsafe_b64encode(written.encode()).decode().rstrip("=")


def _decode(cursor: str) -> LogKey:
    try:
        written = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        at, index, part = json.loads(written)
        return LogKey(parse_iso(at), int(index), int(part))
    except (ValueError, TypeError) as error:
        raise BadFilterError("cursor is not one of ours") from error
