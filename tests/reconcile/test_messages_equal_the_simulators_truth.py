"""A whole world played out: what `messages/` says of it against what its maker knows.

What must be found is reasoned from the truth alone: what happened to a part, which of its reports
were posted, what its log row says. The log was read completely after everything had settled.
"""

import itertools
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

import reconcile
from receiver.callback import Callback, as_text, report_fields
from receiver.columns import REPORTS
from reconcile.columns import LOG
from reconcile.plivo_log.log_row import read_row
from tests.builders import write_pieces
from tests.reconcile.reckoning import Stages
from tests.simulator import (
    Faults,
    MessageTruth,
    PartTruth,
    ReportTruth,
    Settings,
    Simulation,
    orders,
    replies,
)  # fmt: skip
from tests.simulator.log_rows import log_row
from tests.simulator.message_log import log_state_at

Row = dict[str, Any]

URL = "https://hooks.example/delivery_report"
INBOUND_URL = "https://hooks.example/message"
FINAL = ("failed", "rejected", "undelivered", "delivered")
RANKS = {"queued": 1, "sent": 3, **dict.fromkeys(FINAL, 4)}
PLACES = ("failed", "rejected", "undelivered", "unknown", "queued", "sent", "delivered")
WORST_FIRST = ("status_differs", "report_missing", "log_behind", "open", "agree")
LONG_AFTER = timedelta(days=30)

WORLDS = {
    "nothing goes wrong": Settings(),
    "old and new eras": Settings(legacy_rate=0.5, part_info="mixed"),
    "everything goes wrong": Settings(
        legacy_rate=0.4,
        part_info="mixed",
        faults=Faults(
            lost=0.15, doubled=0.15, late=0.1, reordered=0.15, no_receipt=0.1, status_conflict=0.1,
            final_change=0.1, unknown_word=0.1, log_behind=0.1, late_row=0.1, redacted=0.3,
            no_sequence=0.2,
        ),
    ),
    "callbacks of 2017": Settings(
        callbacks_2017_rate=0.6,
        legacy_rate=0.3,
        faults=Faults(lost=0.2, doubled=0.2, reordered=0.2, status_conflict=0.1, log_behind=0.1),
    ),
    "rows name neither network nor time zone of ours": Settings(
        rows_have_mcc=False, part_info="units", faults=Faults(lost=0.3, redacted=0.5)
    ),
}  # fmt: skip


@dataclass
class Played:
    """Everything that was received and logged, and the truth about it."""

    reports: list[Row] = field(default_factory=list)
    log: list[Row] = field(default_factory=list)
    truth: list[MessageTruth] = field(default_factory=list)
    now: datetime = datetime.min.replace(tzinfo=UTC)


def play(settings: Settings, *, seed: int, messages: int) -> Played:
    """Two days of traffic out and in; POST and GET by turns."""
    played = Played()
    numbers = itertools.count(1)

    def deliver(url: str, method: str, headers: Mapping[str, str], payload: str) -> int:
        behind = urlsplit(url).query
        by_get = "&".join(filter(None, (behind, payload)))
        callback = Callback(
            received_at=sim.now,
            kind="message" if url.startswith(INBOUND_URL) else "delivery_report",
            http_method=method,
            body=b"" if method == "GET" else payload.encode(),
            query=(by_get if method == "GET" else behind).encode(),
        )
        played.reports.append(_received(callback, next(numbers)))
        return 200

    sim = Simulation(replace(settings, seed=seed), deliver=deliver)
    end = sim.now + timedelta(days=2)
    planned = list(orders(seed, messages, sim.now, end, long_rate=0.3))
    sim.generate(iter(planned[::2]), URL)
    sim.generate(iter(planned[1::2]), URL, "GET")
    sim.generate_inbound(replies(seed, messages // 10, sim.now, end), INBOUND_URL)
    sim.settle()
    played.truth, played.now = sim.truth(), sim.now
    played.log = list(_rows(sim))
    return played


def _received(callback: Callback, number: int) -> Row:
    """The row that the receiver would keep of it."""
    row: Row = dict.fromkeys(REPORTS.names)
    row |= report_fields(callback.parameters)
    return row | {
        "report_id": f"{number:09d}",
        "received_at": callback.received_at,
        "kind": callback.kind,
        "http_method": callback.http_method,
        "signature": callback.signature,
        "body": as_text(callback.parameters),
        "query": as_text(callback.own_query) or None,
    }


def _rows(sim: Simulation) -> Iterator[Row]:
    """The message log as it reads in the end."""
    zone = ZoneInfo(sim.settings.account.time_zone)
    for message in sim.messages:
        for part in message.parts:
            state = log_state_at(part, sim.now)
            assert state is not None
            told = log_row(
                message, part, state, zone, with_mcc=sim.settings.rows_have_mcc,
                with_parent=sim.settings.legacy_rows_name_parent,
            )  # fmt: skip
            read = read_row(json.dumps(told))
            assert not read.untyped
            yield {
                **dict.fromkeys(LOG.names), **read.columns, "message_uuid": read.message_uuid,
                "record": read.record, "pulled_at": sim.now, "account": read.account,
            }  # fmt: skip


# -- what must be found, part by part ------------------------------------------------------------


def moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


@dataclass(frozen=True)
class Told:
    """A part, as reports and log together can tell it."""

    of: MessageTruth
    part: PartTruth

    @property
    def reports(self) -> list[ReportTruth]:
        """Those that arrived, in the order in which they were generated."""
        return [report for report in self.part.reports if report.posted_at]

    @property
    def logged(self) -> str:
        assert self.part.log_row is not None
        return self.part.log_row.state

    @property
    def reported(self) -> str | None:
        """The last final word that was reported, else the last word."""
        if self.of.callbacks_of_2017:  # neither Sequence nor clock: rank, then the last to come
            by_rank = [(rank(r.status), max(r.posted_at), r.status) for r in self.reports]
            return max(by_rank)[2] if by_rank else None
        ends = [report.status for report in self.reports if report.status in FINAL]
        if ends or not self.reports:
            return ends[-1] if ends else None
        if self.of.without_sequence:
            return max(self.reports, key=lambda r: rank(r.status)).status
        return self.reports[-1].status

    @property
    def state(self) -> str:
        """The truth wherever either side tells it; else what there is."""
        fate, ends = self.part.fate, {r.status for r in self.reports} & set(FINAL)
        if fate is not None and (self.logged == fate or fate in ends):
            return fate
        if self.logged in FINAL:
            return self.logged
        if ends:
            return str(self.reported)
        # a report's word is newer only by rank: sent is what the log says in the end
        assert self.logged == "sent"
        return "sent"

    @property
    def error_code(self) -> str | None:
        if self.state not in ("failed", "rejected", "undelivered"):
            return None
        said = [r.error_code for r in self.reports if r.status == self.state and r.error_code]
        log = self.part.log_row
        if log is not None and self.logged == self.state and log.error_code:
            return log.error_code
        return said[-1] if said else None

    @property
    def final_at(self) -> datetime | None:
        if self.state not in FINAL:
            return None
        times = [r.delivery_report_time for r in self.reports if r.status == self.state]
        first = min((time for time in times if time), default=None)
        if first is None and self.logged == self.state:
            first = self.part.log_row.updated_at if self.part.log_row else None
        return moment(first)

    @property
    def total_amount(self) -> Decimal:
        """The log is never behind the reports here, except that those of 2017 have four places."""
        assert self.part.log_row is not None
        logged = Decimal(self.part.log_row.total_amount)
        charged = any(Decimal(r.total_amount) for r in self.reports)
        if self.of.callbacks_of_2017 and self.logged not in FINAL:
            ends = [r for r in self.reports if r.status in FINAL]
            if charged or ends:
                return logged.quantize(Decimal("0.0001"))
        return logged

    @property
    def match(self) -> str:
        reported = self.reported in FINAL
        if self.logged in FINAL:
            if not reported:
                return "report_missing"
            return "agree" if self.reported == self.logged else "status_differs"
        return "log_behind" if reported else "open"

    @property
    def copies(self) -> int:
        return sum(len(report.posted_at) - 1 for report in self.reports)

    @property
    def out_of_order(self) -> int:
        """Of copies the first; by Sequence, else by rank."""
        bare = self.of.callbacks_of_2017 or self.of.without_sequence

        def height(report: ReportTruth) -> int:
            return rank(report.status) if bare else report.sequence

        came = sorted(self.reports, key=lambda report: min(report.posted_at))
        return sum(
            any(height(earlier) > height(report) for earlier in came[:number])
            for number, report in enumerate(came)
        )

    @property
    def state_changes(self) -> int:
        ends = [report.status for report in self.reports if report.status in FINAL]
        return sum(one != other for one, other in itertools.pairwise(ends))

    @property
    def place(self) -> tuple[int, str]:
        """By i, which only reports tell, then UUID: parts have one time."""
        known = bool(self.reports) and self.of.era == "legacy"
        return self.part.part if known else 999, self.part.message_uuid


def rank(word: str) -> int:
    return RANKS.get(word, 2)


def expected(message: MessageTruth, settings: Settings) -> Row:
    """The row of `messages/`."""
    parts = sorted((Told(message, part) for part in message.parts), key=lambda told: told.place)
    states = [part.state for part in parts]
    state = min(states, key=PLACES.index)
    ends = [part.final_at for part in parts]
    known_ends = [at for at in ends if at is not None]
    any_report = any(part.reports for part in parts)
    whole = (any_report and not message.redacted_in_reports) or not message.redacted_in_log
    times = any_report and not message.callbacks_of_2017
    network = _network_is_told(message, parts, settings)
    return {
        "message_uuid": message.message_uuid,
        "direction": "outbound",
        "state": state,
        "outcome": _outcome(states),
        "error_code": next(part.error_code for part in parts if part.state == state),
        "mixed": len({word for word in states if word in FINAL}) > 1,
        "units": message.units,
        "parts_seen": len(parts),
        "parts_expected": len(parts),
        "total_amount": sum((part.total_amount for part in parts), Decimal(0)),
        "carrier_fees": None if message.era == "legacy" else sum(
            (Decimal(part.carrier_fees) for p in parts if (part := p.part.log_row)), Decimal(0)
        ),
        "from_number": message.from_number,
        "to_number": message.to_number if whole else message.to_number[:-3] + "***",
        "country": message.country,
        "mcc": message.mcc if network else None,
        "mnc": message.mnc if network else None,
        "campaign": message.campaign,
        "tag": message.tag if any_report else None,
        "powerpack_uuid": _powerpack(message, parts),
        "message_time": moment(message.message_time),
        "queued_at": min(
            (at for p in parts if times and p.reports and (at := moment(p.part.queued_at))),
            default=None,
        ),
        "sent_at": min((at for p in parts if (at := moment(p.part.sent_at))), default=None),
        "final_at": max(known_ends) if len(known_ends) == len(ends) else None,
        "match": min((part.match for part in parts), key=WORST_FIRST.index),
        "log_state": min((part.logged for part in parts), key=PLACES.index),
        "reports": sum(len(report.posted_at) for part in parts for report in part.reports),
        "duplicate_reports": sum(part.copies for part in parts),
        "out_of_order_reports": sum(part.out_of_order for part in parts),
        "state_changes": sum(part.state_changes for part in parts),
        "final_parts": sum(word in FINAL for word in states),
        "guessed_time": False,
        "never_reported": not any_report,
        "untyped_values": 0,
        "account": message.account,
    }  # fmt: skip


def expected_inbound(message: MessageTruth) -> Row:
    """The log's state says how our own server behaved."""
    log = message.parts[0].log_row
    nothing = dict.fromkeys(("outcome", "match", "final_at", "error_code"))
    return {"direction": "inbound", "state": log and log.state, "units": message.units, **nothing}


def _outcome(states: list[str]) -> str:
    """As of long after: what is open stays so."""
    for word, outcome in (("failed", "failed"), ("rejected", "failed"),
                          ("undelivered", "undelivered")):  # fmt: skip
        if word in states:
            return outcome
    return "delivered" if set(states) == {"delivered"} else "unconfirmed"


def _network_is_told(message: MessageTruth, parts: list[Told], settings: Settings) -> bool:
    """By a report that is not of the queue, or by today's rows where they still name it."""
    by_report = any(report.status != "queued" for part in parts for report in part.reports)
    return by_report or (message.era == "today" and settings.rows_have_mcc)


def _powerpack(message: MessageTruth, parts: list[Told]) -> str | None:
    """Old rows and old callbacks do not name it."""
    told = any(part.reports for part in parts) and not message.callbacks_of_2017
    return message.powerpack_uuid if told or message.era == "today" else None


# -- the comparison ------------------------------------------------------------------------------


def check(stages: Stages, played: Played, settings: Settings) -> None:
    found = {
        row["message_uuid"]: row
        for row in stages.messages(played.reports, played.log, as_of=played.now + LONG_AFTER)
    }
    assert set(found) == {message.message_uuid for message in played.truth}
    for message in played.truth:
        row = found[message.message_uuid]
        if message.direction == "inbound":
            told = expected_inbound(message)
        else:
            told = expected(message, settings)
        differing = {name: (row[name], value) for name, value in told.items() if row[name] != value}
        assert not differing, f"{message.message_uuid} (found, true): {differing}"


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("seed", [1, 2])
def test_every_message_is_found_as_it_happened(stages: Stages, world: str, seed: int) -> None:
    check(stages, play(WORLDS[world], seed=seed, messages=150), WORLDS[world])


@pytest.mark.slow
@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("seed", range(100, 150))
def test_every_message_of_many_worlds_is_found_as_it_happened(
    stages: Stages, world: str, seed: int
) -> None:
    check(stages, play(WORLDS[world], seed=seed, messages=120), WORLDS[world])


def test_where_nothing_goes_wrong_everybody_knows_the_truth(stages: Stages) -> None:
    played = play(WORLDS["old and new eras"], seed=3, messages=200)
    found = stages.messages(played.reports, played.log, as_of=played.now + LONG_AFTER)
    outbound = [row for row in found if row["direction"] == "outbound"]
    assert {row["match"] for row in outbound} <= {"agree", "open"}
    fates = {m.message_uuid: {part.fate for part in m.parts} for m in played.truth}
    for row in outbound:
        if len(fates[row["message_uuid"]]) == 1:
            (fate,) = fates[row["message_uuid"]]
            assert row["state"] == (fate or "sent")


@pytest.mark.parametrize("world", ["old and new eras", "everything goes wrong"])
def test_the_rates_are_those_of_the_truth(tmp_path: Path, world: str) -> None:
    settings = WORLDS[world]
    played = play(settings, seed=5, messages=250)
    write_pieces(tmp_path, "reports", played.reports, 3)
    write_pieces(tmp_path, "log", played.log, 2)
    frame = reconcile.rates(data_dir=tmp_path, by=["day", "country"], as_of=played.now + LONG_AFTER)
    told = [expected(m, settings) for m in played.truth if m.direction == "outbound"]
    counted = Counter((str(m["message_time"].date()), m["country"], m["outcome"]) for m in told)
    assert frame["submitted"].sum() == len(told)
    for row in frame.to_dict("records"):
        key = (str(row["day"]), None if pd.isna(row["country"]) else row["country"])
        words = ("failed", "delivered", "undelivered", "unconfirmed")
        assert [row[word] for word in words] == [counted[*key, word] for word in words]
        known = row["delivered"] + row["undelivered"]
        assert row["handed_over"] == known + row["unconfirmed"]
        assert row["open"] == 0
        assert known == 0 or row["confirmed_rate"] == row["delivered"] / known
    spent = sum((m["total_amount"] for m in told), Decimal(0))
    assert sum(frame["total_amount"], Decimal(0)) == spent
