"""Small folders of the worst kind, for hypothesis: what Plivo might send on its worst day."""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from tests.builders import clock, log_row, report, window

Row = dict[str, Any]

MIDNIGHT = datetime.fromisoformat("2026-03-02T00:00:00+00:00")
# Few, so that they meet: before and after midnight, on the borders of windows, near the horizon.
MOMENTS = tuple(
    MIDNIGHT + timedelta(seconds=s)
    for s in (-7200, -3600, -10.5, -0.000001, 0, 0.000001, 5, 60, 3600, 90000)
)
HORIZON = timedelta(hours=72)

WORDS = ("queued", "sent", "failed", "rejected", "undelivered", "delivered", "read")
ODD_WORDS = ("accepted", "enroute", "DELIVERED", "Sent", "received", "deleted")
NUMBERS = ("14155550100", "+14155550100", "14155550***", "447400123456", "ACME", "+4474001***", "")
moments = st.sampled_from(MOMENTS)


def sometimes(values: SearchStrategy[Any], *odd: Any) -> SearchStrategy[Any]:
    """A value, nothing, or something odd."""
    return st.one_of(values, st.none(), st.sampled_from(odd)) if odd else st.none() | values


clocks = sometimes(moments.map(clock), "yesterday", "2026-03-02 00:00:05", "2026-02-30 00:00:00")
words = st.sampled_from(WORDS) | st.sampled_from((*WORDS, *ODD_WORDS)) | st.sampled_from((None, ""))
sequences = sometimes(st.sampled_from(("1", "2", "3", "3", "10", "02")), "x", "", "2nd")
units = sometimes(st.sampled_from(("1", "2", "3", "5")), "", "three")
amounts = sometimes(st.sampled_from(("0.00000", "0", "0.0025", "0.00250", "1.23456")), "", "free")
error_codes = st.sampled_from((None, "", "0", "000", "30", "030", "200", "80"))
part_infos = sometimes(
    st.sampled_from(("1 of 1", "1 of 2", "2 of 2", "1 of 3", "2 of 3", "3 of 3")),
    "", "1/2", "all", "2 of", "0 of 0", "3 of 2",
)  # fmt: skip
mccs = st.sampled_from((None, "", "310", "234", "405", "901", "999", "1x"))
mncs = st.sampled_from((None, "", "15", "015", "803", "1", "001", "zz"))
# Parts p1 … p4 and a root that is no part; parents mostly agree, and sometimes do not.
uuids = ("p1", "p2", "p3", "p4")
parents = st.sampled_from((None, "", "p1", "p1", "p1", "p2", "root"))
queries = st.sampled_from((None, "", "tag=otp", "a=b&tag=na%20me", "tag=", "tag=x&tag=y"))
bodies = st.sampled_from(("", "Status=sent&tag=got", "tag=&Status=sent"))


@st.composite
def reports(draw: DrawFn, uuid: str, *, number: int) -> Row:
    """A report of this part; its id does not follow the time of reception."""
    kind = draw(st.sampled_from(("delivery_report",) * 9 + ("message",)))
    return report(
        uuid,
        None if kind == "message" else draw(words),
        report_id=f"r{draw(st.integers(0, 9))}{number:04d}",
        received_at=draw(moments),
        kind=kind,
        http_method=draw(st.sampled_from(("POST", "GET"))),
        account=draw(st.sampled_from((None, "MA1", "SA1"))),
        body=draw(bodies),
        query=draw(queries),
        parent_message_uuid=draw(parents),
        part_info=draw(part_infos),
        sequence=draw(sequences),
        error_code=draw(error_codes),
        from_number=draw(st.sampled_from(NUMBERS)),
        to_number=draw(st.sampled_from(NUMBERS)),
        type=draw(st.sampled_from((None, "sms", "mms"))),
        units=draw(units),
        total_amount=draw(amounts),
        mcc=draw(mccs),
        mnc=draw(mncs),
        message_time=draw(clocks),
        queued_time=draw(clocks),
        sent_time=draw(clocks),
        delivery_report_time=draw(clocks),
        powerpack_uuid=draw(st.sampled_from((None, "", "pp1", "pp2"))),
    )


@st.composite
def log_rows(draw: DrawFn, uuid: str, *, number: int, direction: str | None) -> Row:
    """A row of this part; the first pulled is not always the oldest."""
    row = log_row(
        uuid,
        draw(words),
        # never pulled twice in one microsecond: the contract does not say which would count
        pulled_at=draw(moments) + timedelta(microseconds=10 * number),
        message_direction=direction,
        parent_message_uuid=draw(st.none() | parents),
        # a row without a time is rare, and one without anything else to date it is none at all
        message_time=draw(moments),
        message_sent_time=draw(st.none() | moments),
        message_updated_time=draw(st.none() | moments),
        message_type=draw(st.sampled_from((None, "sms", "whatsapp"))),
        from_number=draw(st.sampled_from(NUMBERS)),
        to_number=draw(st.sampled_from(NUMBERS)),
        units=draw(st.sampled_from((None, 1, 2, 3))),
        total_amount=draw(st.sampled_from((None, Decimal("0.00000"), Decimal("0.01000")))),
        carrier_fees=draw(st.sampled_from((None, Decimal("0.00000"), Decimal("0.00300")))),
        error_code=draw(error_codes),
        destination_country_iso2=draw(st.sampled_from((None, "", "DE"))),
        destination_network=draw(st.sampled_from((None, "", "Telekom"))),
        mcc=draw(mccs),
        mnc=draw(mncs),
        powerpack_id=draw(st.sampled_from((None, "", "pp3"))),
        tendlc_campaign_id=draw(st.sampled_from((None, "", "CD4WJJD"))),
        account=draw(st.sampled_from((None, "MA1"))),
    )
    if draw(st.integers(0, 9)) == 0:
        row |= {"units": None, "record": json.dumps({"message_uuid": uuid, "units": "many"})}
    return row


@st.composite
def windows(draw: DrawFn) -> list[Row]:
    """None, some, overlapping ones, empty ones."""
    lines = []
    for _ in range(draw(st.integers(0, 3))):
        first, last = sorted((draw(moments), draw(moments)))
        line = window(
            how=draw(st.sampled_from(("listed", "listed", "counted", "imported"))),
            account=draw(st.sampled_from((None, "MA1", "MA1", "MA2", "SA1"))),
        )
        line |= {"from": first.isoformat(), "until": last.isoformat()}
        lines.append(line | {"read_at": draw(moments).isoformat()})
    return lines


@dataclass(frozen=True)
class Folder:
    """What lies on disk, and the moment from which one looks at it."""

    reports: list[Row] = field(default_factory=list)
    log: list[Row] = field(default_factory=list)
    windows: list[Row] = field(default_factory=list)
    as_of: datetime | None = None
    callback_zone: str = "UTC"


@st.composite
def folders(draw: DrawFn) -> Folder:
    """One to four parts, together up to as many messages."""
    found, log = [], []
    number = 0
    for uuid in uuids[: draw(st.integers(1, 4))]:
        direction = draw(st.sampled_from(("outbound",) * 6 + ("inbound", None)))
        for _ in range(draw(st.sampled_from((0, 1, 1, 2, 2, 3, 4, 6)))):
            number += 1
            found.append(draw(reports(uuid, number=number)))
        if found and draw(st.integers(0, 3)) == 0:
            found.append(draw(_copies(found[-1], number=number)))
        for _ in range(draw(st.sampled_from((0, 0, 1, 1, 2, 3)))):
            number += 1
            log.append(draw(log_rows(uuid, number=number, direction=direction)))
    beyond = st.sampled_from([at + HORIZON + timedelta(microseconds=m) for at in MOMENTS
                              for m in (-1, 0, 1)])  # fmt: skip
    # zones without summer time: which of two equal local times is meant, nobody can say
    zones = st.sampled_from(("UTC", "UTC", "UTC", "Asia/Kolkata", "America/Phoenix"))
    return Folder(found, log, draw(windows()), draw(st.none() | beyond), draw(zones))


@st.composite
def _copies(draw: DrawFn, original: Row, *, number: int) -> Row:
    """Posted once more: only the reception differs."""
    return original | {
        "report_id": f"r{draw(st.integers(0, 9))}{number:04d}copy",
        "received_at": draw(moments),
    }
