"""[pure] The reckoning once more, slow and obvious: the second opinion the SQL is held against.

From rows of `reports/` and `log/`, the windows that were read, now and the horizon come the rows of
`messages/`. It shares only the tables of meaning with the code it checks. Where the contract can be
read in two ways, this is how it is read here:

- A state's word is compared in lower case; every text without blanks around it.
- Of several log rows of a part the one pulled last is the latest; then the greater `record`.
- A part has one root: the latest log row's parent, else the one its reports name, else itself.
  Roots are not followed further: the parent of a parent is another message.
- An `imported` window was read, but says nothing about rows that it lacks: no row is `not_pulled`.
- What a message has one of (numbers, country, MCC, type, account, tag ...) is that of its first
  part, by i, time and UUID, that has it; where all numbers are redacted, the least.
- A message's time is guessed where that of any of its parts is; it stands in windows that were read
  where all its parts do; it is inbound where all its parts are.
- A row's clocks are Plivo's as the latest log row has them; those of older rows are forgotten.
- A guess replaces only `log_missing`; in a counted window it changes nothing.
- Leading zeros of an error code are dropped, as in the table of error codes.
- A clock or Sequence that is missing is earlier than any. An i that is not within n is no PartInfo.
- Of copies, for what the audit counts, the first that arrived stands for all.
"""

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache, cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

from reconcile import stages

Row = dict[str, Any]

LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)
FAR_PART = 10**9
RANKS = {"queued": 1, "sent": 3, "failed": 4, "rejected": 4, "undelivered": 4, "delivered": 4,
         "read": 4}  # fmt: skip
UNKNOWN_RANK = 2
FINAL = ("failed", "rejected", "undelivered", "delivered", "read")
WITH_ERROR_CODE = ("failed", "rejected", "undelivered")
PLACES = ("failed", "rejected", "undelivered", "(unknown)", "queued", "sent", "delivered", "read")
WORST_FIRST = ("status_differs", "report_missing", "log_missing", "log_behind", "not_pulled",
               "open", "counted", "agree")  # fmt: skip
BEST_FIRST = ("listed", "counted", "imported")
TIMES = ("message_time", "queued_time", "sent_time", "delivery_report_time")
LOG_NAMES = {"type": "message_type", "powerpack_uuid": "powerpack_id"}


# -- values as text ------------------------------------------------------------------------------


def text(value: str | None) -> str | None:
    return (value or "").strip() or None


def word_of(value: str | None) -> str | None:
    return text((value or "").lower())


def whole(value: str | None) -> int | None:
    found = text(value)
    return int(found) if found and re.fullmatch("-?[0-9]{1,18}", found) else None


def units_of(value: str | None) -> int | None:
    found = text(value)
    return int(found) if found and re.fullmatch("[0-9]{1,5}", found) else None


def amount(value: str | None) -> Decimal | None:
    found = text(value)
    return Decimal(found) if found and re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,5})?", found) else None


def moment(value: str | None) -> datetime | None:
    """As callbacks write it: without a zone."""
    found = text(value)
    if not found or not re.fullmatch(r"[12]\d{3}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d{1,6})?", found):
        return None
    try:
        return datetime.fromisoformat(found).replace(tzinfo=UTC)
    except ValueError:
        return None


def in_utc(report: Row, zone: ZoneInfo) -> Row:
    """The report as if its times had been written in UTC."""
    times = {name: moment(report[name]) for name in TIMES}
    moved = {
        name: time.replace(tzinfo=zone).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
        for name, time in times.items()
        if time
    }
    return report | moved


def number(value: str | None) -> str | None:
    return text((text(value) or "").removeprefix("+"))


def place_in_message(value: str | None) -> tuple[int | None, int | None]:
    """The i and n of PartInfo "i of n", where 1 ≤ i ≤ n."""
    found = re.fullmatch("([0-9]{1,4}) of ([0-9]{1,4})", text(value) or "")
    i, n = (int(found[1]), int(found[2])) if found else (0, 0)
    return (i, n) if 1 <= i <= n else (None, None)


def error(value: str | None) -> str | None:
    """000 and 0 are none; 030 is 30, as the table of error codes has it."""
    return text((text(value) or "").lstrip("0"))


def tag_of(report: Row) -> str | None:
    """Our own label in the callback URL: a POST's query; of a GET all parameters are one."""
    query = report["body"] if report["http_method"] == "GET" else report["query"]
    return text((parse_qs(query or "", keep_blank_values=True).get("tag") or [""])[-1])


# -- states --------------------------------------------------------------------------------------


def final(word: str | None) -> bool:
    return word in FINAL


def rank(word: str | None) -> int:
    return RANKS.get(word, UNKNOWN_RANK) if word else 0


def same(one: str | None, other: str | None) -> bool:
    """Delivered and read, compared, are one."""
    arrived = ("delivered", "read")
    return one == other or (one in arrived and other in arrived)


def by_place(word: str) -> tuple[int, str]:
    place = word if word in PLACES else "(unknown)"
    return PLACES.index(place), word


def first_by_place(words: Iterable[str | None]) -> str | None:
    return min((word for word in words if word), key=by_place, default=None)


def plivo_clock(report: Row) -> datetime | None:
    word = word_of(report["status"])
    if word is None:
        return None
    if word == "queued":
        return moment(report["queued_time"])
    return moment(report["delivery_report_time" if final(word) else "sent_time"])


def winning(report: Row) -> tuple[Any, ...]:
    """The greatest wins."""
    word = word_of(report["status"])
    sequence = whole(report["sequence"])
    return (
        word is not None,
        final(word),
        -1 if sequence is None else sequence,
        rank(word),
        plivo_clock(report) or LONG_AGO,
        report["received_at"],
        report["report_id"],
    )


def copy_key(report: Row) -> tuple[int | None, str | None]:
    return whole(report["sequence"]), word_of(report["status"])


# -- a part --------------------------------------------------------------------------------------


@dataclass
class Part:
    """What one MessageUUID names."""

    uuid: str
    reports: list[Row]
    rows: list[Row]
    read_how: Callable[[datetime, str | None], str | None]

    @cached_property
    def best_first(self) -> list[Row]:
        return sorted(self.reports, key=winning, reverse=True)

    @cached_property
    def row(self) -> Row | None:
        return max(self.rows, key=lambda row: (row["pulled_at"], row["record"]), default=None)

    def reported(self, read: Callable[[Row], Any]) -> Any:
        """From the winning-most report that has it."""
        return next((v for v in map(read, self.best_first) if v is not None), None)

    def logged(self, column: str) -> Any:
        value = self.row[column] if self.row else None
        return text(value) if isinstance(value, str) else value

    @property
    def inbound(self) -> bool:
        said = word_of(self.logged("message_direction"))
        kinds = {report["kind"] for report in self.reports}
        return said == "inbound" if said else kinds == {"message"}

    # root and place

    @property
    def root(self) -> str:
        named = self.reported(lambda report: text(report["parent_message_uuid"]))
        return str(self.logged("parent_message_uuid") or named or self.uuid)

    @cached_property
    def i_of_n(self) -> tuple[int | None, int | None]:
        found = (place_in_message(report["part_info"]) for report in self.best_first)
        return next((both for both in found if both[1] is not None), (None, None))

    @property
    def order(self) -> tuple[int, datetime, str]:
        """By i in PartInfo, then time, then UUID."""
        i = self.i_of_n[0]
        return FAR_PART if i is None else i, self.message_time, self.uuid

    # state

    @property
    def report_state(self) -> str | None:
        return word_of(self.best_first[0]["status"]) if self.reports else None

    @property
    def log_state(self) -> str | None:
        return word_of(self.logged("message_state"))

    @property
    def report_won(self) -> bool:
        """Whether the part's state is the report's and not the log's."""
        report, log = self.report_state, self.log_state
        if final(report) != final(log):
            return final(report)
        if not final(report):
            return rank(report) > rank(log)
        if same(report, log):
            return False
        reported_at = plivo_clock(self.best_first[0])
        logged_at = self.logged("message_updated_time")
        return bool(
            reported_at and logged_at and reported_at > logged_at and not self.clock_shift_minutes
        )

    @property
    def state(self) -> str | None:
        if same(self.report_state, self.log_state) and "read" in (
            self.report_state, self.log_state
        ):  # fmt: skip
            return "read"
        return self.report_state if self.report_won else self.log_state

    # values

    def candidates(self, column: str, read: Callable[[str | None], Any]) -> Iterator[Any]:
        """What each source says, the best first, with the report that says it (None: the log)."""
        logged = self.logged(LOG_NAMES.get(column, column))
        if isinstance(logged, str):
            logged = read(logged)
        if logged is not None and final(self.log_state):
            yield logged, None
        for report in self.best_first:
            if (value := read(report[column])) is not None:
                yield value, report
        if logged is not None:
            yield logged, None

    def value(self, column: str, read: Callable[[str | None], Any] = text) -> Any:
        return next((value for value, _ in self.candidates(column, read)), None)

    @property
    def total_amount(self) -> Decimal | None:
        """A 0 of a report that is not final gives way to any other amount."""

        def gives_way(value: Decimal, report: Row | None) -> bool:
            return report is not None and not final(word_of(report["status"])) and value == 0

        found = sorted(self.candidates("total_amount", amount), key=lambda c: gives_way(*c))
        return found[0][0] if found else None

    def phone(self, column: str) -> str | None:
        """A redacted number gives way to a whole one."""
        found = [value for value, _ in self.candidates(column, number)]
        return min(found, key=lambda value: "***" in value, default=None)

    @property
    def error_code(self) -> str | None:
        if self.state not in WITH_ERROR_CODE:
            return None
        reports = self.reported(lambda report: error(report["error_code"]))
        log = error(self.logged("error_code"))
        mine, other = (reports, log) if self.report_won else (log, reports)
        return mine or (other if same(self.report_state, self.log_state) else None)

    @property
    def account(self) -> str | None:
        """Whose token signed the reports, else whose log it was."""
        found: str | None = self.reported(lambda report: text(report["account"]))
        return found or self.logged("account")

    # times

    @cached_property
    def known_time(self) -> datetime | None:
        found: datetime | None = (
            self.logged("message_time")
            or self.reported(lambda report: moment(report["message_time"]))
            or self.queued_at
        )
        return found

    @property
    def clock_shift_minutes(self) -> int | None:
        """By how many quarters of an hour MessageTime is ahead of the log's, give or take 2 s."""
        reported = self.reported(lambda report: moment(report["message_time"]))
        logged = self.logged("message_time")
        if not reported or not logged:
            return None
        shifts = (15 * quarters for quarters in range(-56, 57))
        near = timedelta(seconds=2)
        return next(
            (m for m in shifts if abs(reported - logged - timedelta(minutes=m)) <= near), None
        )

    @property
    def guessed(self) -> bool:
        return self.known_time is None

    @property
    def message_time(self) -> datetime:
        return self.known_time or min(report["received_at"] for report in self.reports)

    @property
    def queued_at(self) -> datetime | None:
        found: datetime | None = self.reported(lambda report: moment(report["queued_time"]))
        return found

    @property
    def sent_at(self) -> datetime | None:
        found: datetime | None = self.reported(lambda report: moment(report["sent_time"]))
        return found or self.logged("message_sent_time")

    @property
    def final_at(self) -> datetime | None:
        if not final(self.state):
            return None
        told = [
            (-1 if (sequence := whole(report["sequence"])) is None else sequence, at)
            for report in self.reports
            if same(word_of(report["status"]), self.state)
            and (at := moment(report["delivery_report_time"])) is not None
        ]
        if told:
            return min(told)[1]
        found: datetime | None = (
            self.logged("message_updated_time") if same(self.log_state, self.state) else None
        )
        return found

    @property
    def last_sign_at(self) -> datetime | None:
        reported = ("message_time", "queued_time", "sent_time", "delivery_report_time")
        times = [moment(report[name]) for report in self.reports for name in reported]
        logged = ("message_time", "message_sent_time", "message_updated_time")
        times += [self.logged(name) for name in logged]
        known = [at for at in times if at is not None]
        return max(known or [r["received_at"] for r in self.reports], default=None)

    # what the audit counts

    @property
    def duplicates(self) -> int:
        return len(self.reports) - len({copy_key(report) for report in self.reports})

    @cached_property
    def in_arrival_order(self) -> list[Row]:
        """Of copies only the first: the others say nothing new."""
        arrived = sorted(self.reports, key=lambda r: (r["received_at"], r["report_id"]))
        firsts = {copy_key(report): report for report in reversed(arrived)}
        return [report for report in arrived if firsts[copy_key(report)] is report]

    @property
    def out_of_order(self) -> int:
        return sum(
            any(comes_after(earlier, report) for earlier in self.in_arrival_order[:number])
            for number, report in enumerate(self.in_arrival_order)
        )

    @property
    def state_changes(self) -> int:
        ordered = sorted(self.in_arrival_order, key=winning, reverse=True)
        words = [word for report in ordered if final(word := word_of(report["status"]))]
        return sum(not same(one, other) for one, other in pairwise(words))

    @property
    def untyped(self) -> int:
        """Values of reports that are there and not what they should be, and those of the log."""
        readers = {
            "sequence": whole, "units": units_of, "total_amount": amount, "message_time": moment,
            "queued_time": moment, "sent_time": moment, "delivery_report_time": moment,
        }  # fmt: skip
        reports = sum(
            text(report[name]) is not None and read(report[name]) is None
            for report in self.reports
            for name, read in readers.items()
        )
        return reports + (untyped_in_log(self.row) if self.row else 0)

    @property
    def match(self) -> str:
        report, log = self.report_state, self.log_state
        if self.row is None:
            how = self.read_how(self.message_time, self.account)
            if how == "listed":
                return "not_pulled" if self.guessed else "log_missing"
            if how == "counted":
                return "counted" if final(report) else "open"
            return "not_pulled"
        if not final(log):
            return "log_behind" if final(report) else "open"
        if not final(report):
            return "report_missing"
        return "agree" if same(report, log) else "status_differs"


def comes_after(earlier: Row, report: Row) -> bool:
    """Whether `earlier`, which arrived first, should have come after `report`."""
    ours, theirs = whole(report["sequence"]), whole(earlier["sequence"])
    if ours is not None and theirs is not None:
        return theirs > ours
    return rank(word_of(earlier["status"])) > rank(word_of(report["status"]))


def untyped_in_log(row: Row) -> int:
    """As counted by who pulled the row, else what its columns do not show."""
    if row["untyped_values"] is not None:
        return int(row["untyped_values"])
    said = json.loads(row["record"] or "{}")
    return sum(row.get(name, 0) is None for name, value in said.items() if value not in (None, ""))


# -- a message -----------------------------------------------------------------------------------


@dataclass
class Message:
    """All parts with one root, in order."""

    root: str
    parts: list[Part]

    def first(self, values: Iterable[Any]) -> Any:
        return next((value for value in values if value is not None), None)

    def phone(self, column: str) -> str | None:
        found = [p for part in self.parts if (p := part.phone(column)) is not None]
        return self.first(p for p in found if "***" not in p) or min(found, default=None)

    def logged(self, column: str) -> Any:
        return self.first(part.logged(column) for part in self.parts)

    def value(self, column: str) -> Any:
        return self.first(part.value(column) for part in self.parts)

    @property
    def country(self) -> str | None:
        named: str | None = self.logged("destination_country_iso2")
        return (
            named
            or mcc_countries().get(self.value("mcc"))
            or country_of_number(self.phone("to_number"))
        )

    @property
    def carrier(self) -> str | None:
        named: str | None = self.logged("destination_network")
        return named or network(self.value("mcc"), self.value("mnc"))

    @property
    def inbound(self) -> bool:
        return all(part.inbound for part in self.parts)

    @property
    def parts_expected(self) -> int:
        n = max((part.i_of_n[1] or 0 for part in self.parts), default=0)
        only = self.parts[0]
        stands_for_all = (
            len(self.parts) == 1
            and only.root == only.uuid
            and (only.value("units", units_of) or 0) >= n
        )
        return 1 if stands_for_all else max(n, len(self.parts))

    @property
    def all_seen(self) -> bool:
        return len(self.parts) >= self.parts_expected

    @property
    def state(self) -> str | None:
        return first_by_place(part.state for part in self.parts)

    @property
    def last_sign_at(self) -> datetime | None:
        return max((at for part in self.parts if (at := part.last_sign_at)), default=None)

    def outcome(self, as_of: datetime, horizon: timedelta) -> str:
        states = [part.state for part in self.parts]
        if any(state in ("failed", "rejected") for state in states):
            return "failed"
        if "undelivered" in states:
            return "undelivered"
        if self.all_seen and all(same(state, "delivered") for state in states):
            return "delivered"
        youngest = self.last_sign_at
        return "unconfirmed" if youngest and as_of - youngest > horizon else "pending"

    @property
    def error_code(self) -> str | None:
        return next(part.error_code for part in self.parts if part.state == self.state)

    @property
    def mixed(self) -> bool:
        ended = [part.state for part in self.parts if final(part.state)]
        return not all(same(one, other) for one, other in pairwise(ended))

    @property
    def final_at(self) -> datetime | None:
        times = [part.final_at for part in self.parts]
        known = [at for at in times if at is not None]
        return max(known) if self.all_seen and len(known) == len(times) else None

    def row(self, as_of: datetime, horizon: timedelta) -> Row:
        """The row of `messages/`."""
        parts, inbound = self.parts, self.inbound
        ended = [part for part in parts if final(part.state)]
        log_state = first_by_place(part.log_state for part in parts)
        hows = [part.read_how(part.message_time, part.account) for part in parts]
        return {
            "message_uuid": self.root,
            "direction": "inbound" if inbound else "outbound",
            "type": self.value("type"),
            "from_number": self.phone("from_number"),
            "to_number": self.phone("to_number"),
            "country": self.country,
            "mcc": self.value("mcc"),
            "mnc": self.value("mnc"),
            "carrier": self.carrier,
            "powerpack_uuid": self.value("powerpack_uuid"),
            "message_time": min(part.message_time for part in parts),
            "queued_at": min((at for p in parts if (at := p.queued_at)), default=None),
            "sent_at": min((at for p in parts if (at := p.sent_at)), default=None),
            "final_at": None if inbound else self.final_at,
            "state": log_state if inbound else self.state,
            "outcome": None if inbound else self.outcome(as_of, horizon),
            "error_code": None if inbound else self.error_code,
            "parts_seen": len(parts),
            "parts_expected": self.parts_expected,
            "units": total(part.value("units", units_of) for part in parts),
            "total_amount": total(part.total_amount for part in parts),
            "carrier_fees": total(part.logged("carrier_fees") for part in parts),
            "match": None if inbound else min((p.match for p in parts), key=WORST_FIRST.index),
            "report_state": first_by_place(part.report_state for part in parts),
            "log_state": log_state,
            "reports": sum(len(part.reports) for part in parts),
            "duplicate_reports": sum(part.duplicates for part in parts),
            "mixed": not inbound and self.mixed,
            "last_sign_at": self.last_sign_at,
            "final_parts": len(ended),
            "final_parts_reported": sum(final(part.report_state) for part in ended),
            "out_of_order_reports": sum(part.out_of_order for part in parts),
            "state_changes": sum(part.state_changes for part in parts),
            "guessed_time": any(part.guessed for part in parts),
            "never_reported": not any(part.reports for part in parts),
            "account": self.first(part.account for part in parts),
            "campaign": self.logged("tendlc_campaign_id"),
            "tag": self.first(part.reported(tag_of) for part in parts),
            "untyped_values": sum(part.untyped for part in parts),
            "window_read": all(hows),
            "window_how": min(how for how in hows if how) if all(hows) else None,
            "clock_shift_minutes": self.first(part.clock_shift_minutes for part in parts),
        }


def total(values: Iterable[Any]) -> Any:
    known = [value for value in values if value is not None]
    return sum(known[1:], known[0]) if known else None


def messages(
    reports: Sequence[Row] = (),
    log: Sequence[Row] = (),
    windows: Sequence[Row] = (),
    *,
    as_of: datetime | None = None,
    horizon: timedelta = timedelta(hours=72),
    callback_zone: str = "UTC",
) -> list[Row]:
    """The rows of `messages/`, sorted by root."""
    now = as_of or latest_moment(reports, log, windows)
    reports = [in_utc(report, ZoneInfo(callback_zone)) for report in reports]
    uuids = {uuid for row in (*reports, *log) if (uuid := text(row["message_uuid"]))}
    by_root: dict[str, list[Part]] = {}
    for uuid in uuids:
        part = Part(
            uuid,
            [report for report in reports if text(report["message_uuid"]) == uuid],
            [row for row in log if text(row["message_uuid"]) == uuid],
            lambda at, account: read_how(windows, at, account),
        )
        by_root.setdefault(part.root, []).append(part)
    return [
        Message(root, sorted(parts, key=lambda part: part.order)).row(now or LONG_AGO, horizon)
        for root, parts in sorted(by_root.items())
    ]


def latest_moment(
    reports: Sequence[Row], log: Sequence[Row], windows: Sequence[Row]
) -> datetime | None:
    times = [report["received_at"] for report in reports] + [row["pulled_at"] for row in log]
    times += [datetime.fromisoformat(window["read_at"]) for window in windows]
    return max((at for at in times if at is not None), default=None)


def read_how(windows: Iterable[Row], at: datetime, account: str | None) -> str | None:
    """How this moment of the log in which the account's messages stand was read.

    A main account's log holds its subaccounts' messages. Whose a subaccount is, or a message
    without an account, nobody says: then it was read where the log of each that it may be was.
    """
    windows = list(windows)
    holding = [
        line
        for line in windows
        if datetime.fromisoformat(line["from"]) <= at < datetime.fromisoformat(line["until"])
    ]

    def best(of: Callable[[Row], bool]) -> str | None:
        hows = {line["how"] for line in holding if of(line)}
        return next((how for how in BEST_FIRST if how in hows), None)

    others = {line["account"] for line in windows} - {None, account}
    mains = {other for other in others if not other.startswith("SA")}
    others = mains if account is None or account.startswith("SA") else set()
    own = best(lambda line: line["account"] in (None, account))
    elsewhere = [best(lambda line, other=other: line["account"] == other) for other in others]  # type: ignore[misc]
    shared = max(elsewhere, key=BEST_FIRST.index, default=None) if None not in elsewhere else None
    return min((how for how in (own, shared) if how), key=BEST_FIRST.index, default=None)


# -- tables of meaning ---------------------------------------------------------------------------


@cache
def table(name: str) -> list[dict[str, str]]:
    path = Path(stages.__file__).parent / "tables" / f"{name}.csv"
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


@cache
def mcc_countries() -> dict[str, str]:
    return {row["mcc"]: row["country"] for row in table("mcc_countries")}


@cache
def prefixes() -> dict[str, str]:
    return {row["prefix"]: row["country"] for row in table("number_prefixes")}


def country_of_number(phone: str | None) -> str | None:
    """The longest prefix that begins the number; a name is no number."""
    if phone is None or not re.fullmatch(r"[0-9]+\**", phone):
        return None
    starts = (phone[:length] for length in range(7, 0, -1))
    return next((prefixes()[start] for start in starts if start in prefixes()), None)


@cache
def networks() -> dict[tuple[str, str], str]:
    exact = {(row["mcc"], row["mnc"]): row["carrier"] for row in table("networks")}
    loose = {
        (row["mcc"], "number " + row["mnc_number"]): row["carrier"]
        for row in table("networks")
        if row["mnc_number"]
    }
    return exact | loose


def network(mcc: str | None, mnc: str | None) -> str | None:
    """By the exact MCC and MNC, else by the MNC as a number."""
    if mcc is None or mnc is None:
        return None
    loose = f"number {int(mnc)}" if re.fullmatch("[0-9]{1,3}", mnc) else ""
    return networks().get((mcc, mnc)) or networks().get((mcc, loose))
