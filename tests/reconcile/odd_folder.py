"""A folder that holds everything odd at once, drawn with a seed: for engines to agree on."""

import json
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from receiver.columns import REPORTS
from tests.builders import clock, log_row, report, window, write_folder, write_pieces
from tests.reconcile.nasty import MIDNIGHT, MOMENTS, NUMBERS, ODD_WORDS, WORDS

Row = dict[str, Any]

_TIMES = (
    "yesterday", "", "2026-02-30 00:00:00", "2026-03-02 24:00:00", "2026-03-02 12:00:60",
    "2026-03-02T00:00:05Z", "2026-03-02 00:00:05+05:30", "2026-03-02 00:00:05-23:00",
    "2026-03-02 00:00:05+05:75", "2026-03-02 00:00:05\n", "2026-03-02 1:2:3:45",
    "1582-10-10 00:00:00", "2026-10-25 02:30:00", "2026-03-29 02:30:00", "2026-03-02 00:00:05.1",
    " 2026-03-02 00:00:05 ", "\u00a02026-03-02 00:00:05\u3000", "20260302000005", "2026-03-02",
)  # fmt: skip
_SEQUENCES = ("1", "2", "3", "3", "10", "02", "", "x", "-1", "2\n", "\u0663", "9" * 18, "9" * 19)
_UNITS = ("1", "2", "3", "", "three", "1.5", "99999", "100000", "1\n", " 2 ", "\u00a02")
_AMOUNTS = (
    "0.00000", "0", "0.0025", "0.00250", "1.23456", "", "free", "1.", "1.234560000", "1.234567",
    "-0.5", "1e3", "000000001.5", "1234567890", ".5", "1,5", "0.0025\n",
)  # fmt: skip
_CODES = (None, "", "0", "000", "30", "030", "200", " 80 ", "8\u06600", "x")
_PARTS = ("1 of 1", "1 of 2", "2 of 2", "1 of 3", "", "1/2", "0 of 0", "3 of 2", " 1 of 2 ",
          "1 of 2\n", "12345 of 2")  # fmt: skip
_MCCS = (None, "", "310", "234", "405", "901", "999", "1x", " 310", "310\n")
_MNCS = (None, "", "15", "015", "803", "1", "001", "zz", "1\n", "1.5", "\u0661")
_TAGS = (
    None, "", "tag=otp", "a=b&tag=na%20me", "tag=", "tag=x&tag=y", "tag=a+b", "tag=%zz", "tag=100%",
    "tag=%C3%A9", "tag=%FF", "tag=%E2%82", "tag=%EF%BF%BD", "tag=%f0%9f%98%80", "xtag=no", "Tag=no",
    "a=\r&tag=r", "a=\n&tag=n", "a=\u2028&tag=u", "tag=%00x", "tag=a'b", "tag=\u00e9", "tag=%2B",
)  # fmt: skip
_NUMBERS = (*NUMBERS, "\u00e9t\u00e9", "+\u0664\u0669", "447400***456", "O'Neil", 'a"b', "a\\b",
            "\U0001f600\U0001f600", "+1 (415) 555-0100", "12345", "4915123456789", "+")  # fmt: skip
_ROUTES = (None, "", "DE", "de", "US", "\u00c5X")
_NETWORKS = (None, "", "Telekom", "Telef\u00f3nica", "\u00a0", "T'Mobile", "\\")


def write(folder: Path, *, parts: int, seed: int) -> Path:
    """A data folder of so many parts, most of messages of their own."""
    draw = Random(seed)
    reports, log = [], []
    for number in range(parts):
        uuid = f"p{number:04d}" if draw.random() < 0.98 else f" p\u00e9{number} "
        reports += [_report(draw, uuid, number) for _ in range(draw.choice((0, 1, 1, 2, 3, 5)))]
        if reports and draw.random() < 0.3:
            copy = {"report_id": f"copy{number}", "received_at": draw.choice(MOMENTS)}
            reports.append(reports[-1] | copy)
        log += [_log_row(draw, uuid.strip(), number, n) for n in range(draw.choice((0, 1, 1, 2)))]
    reports.append(report(None, report_id="nameless"))
    write_pieces(folder, "reports", reports, 3)
    write_pieces(folder, "log", log, 3)
    _foreign(folder / "reports" / "date=2026-03-01")
    windows = [window("00:00:00", "23:00:00"), window("22:00:00", "23:30:00", "counted", "MA1"),
               window("2026-03-02T00:00:00", "2026-03-02T01:00:00", "imported")]  # fmt: skip
    return write_folder(folder, windows=windows)


def _report(draw: Random, uuid: str, number: int) -> Row:
    def time() -> str:
        return draw.choice(_TIMES) if draw.random() < 0.2 else clock(_moment(draw))

    def rarely(value: str, odd: tuple[str | None, ...]) -> str | None:
        return draw.choice(odd) if draw.random() < 0.4 else value

    old = draw.random() < 0.3  # of the time when each part had its own UUID
    tag = draw.choice(_TAGS)
    return report(
        uuid,
        draw.choice((*WORDS, *WORDS, *ODD_WORDS, None, "", " sent ")),
        report_id=f"r{draw.randrange(10**9):09d}",
        received_at=_moment(draw),
        kind="message" if draw.random() < 0.05 else "delivery_report",
        http_method=draw.choice(("POST", "GET")),
        signature=draw.choice(("v3", "v2", "none")),
        account=draw.choice((None, "MA1", "SA1")),
        body=tag or "",
        query=tag,
        parent_message_uuid=f"p{number // 3 * 3:04d}" if old else draw.choice((None, "", " ")),
        part_info=draw.choice(_PARTS),
        sequence=rarely("1", _SEQUENCES),
        error_code=draw.choice(_CODES),
        from_number=draw.choice(_NUMBERS),
        to_number=draw.choice(_NUMBERS),
        type=draw.choice((None, "sms", " mms ")),
        units=rarely("1", _UNITS),
        total_amount=rarely("0.00250", _AMOUNTS),
        mcc=draw.choice(_MCCS),
        mnc=draw.choice(_MNCS),
        message_time=time(),
        queued_time=time(),
        sent_time=time(),
        delivery_report_time=time(),
        powerpack_uuid=draw.choice((None, "", "pp1")),
    )


def _log_row(draw: Random, uuid: str, number: int, place: int) -> Row:
    row = log_row(
        uuid,
        draw.choice((*WORDS, *ODD_WORDS, None, "")),
        pulled_at=_moment(draw) + timedelta(microseconds=10 * place),
        message_direction=draw.choice(("outbound", "outbound", "Outbound", "inbound", None)),
        parent_message_uuid=draw.choice((None, None, "", f"p{number // 2 * 2:04d}")),
        message_time=_moment(draw),
        message_sent_time=draw.choice((None, _moment(draw))),
        message_updated_time=draw.choice((None, _moment(draw))),
        from_number=draw.choice(_NUMBERS),
        to_number=draw.choice(_NUMBERS),
        units=draw.choice((None, 1, 2)),
        total_amount=draw.choice((None, Decimal("0.00000"), Decimal("0.01000"))),
        carrier_fees=draw.choice((None, Decimal("0.00300"))),
        error_code=draw.choice(_CODES),
        destination_country_iso2=draw.choice(_ROUTES),
        destination_network=draw.choice(_NETWORKS),
        mcc=draw.choice(_MCCS),
        mnc=draw.choice(_MNCS),
        account=draw.choice((None, "MA1")),
        untyped_values=draw.choice((None, 0, 2)),
    )
    if draw.random() < 0.2:
        odd = draw.choice(({"units": "many"}, {"units": None}, {"units": ""}, {"units": [1]}))
        row |= {"units": None, "record": draw.choice((json.dumps(odd), "{", "", "[]", "null"))}
    return row


def _moment(draw: Random) -> datetime:
    if draw.random() < 0.4:
        return draw.choice(MOMENTS)
    return MIDNIGHT + timedelta(seconds=draw.uniform(-40_000, 40_000))


def _foreign(place: Path) -> None:
    """Of another writer: columns missing, others typed differently."""
    rows = [report(f"f{n}", "delivered", report_id=f"f{n}", received_at=MIDNIGHT) for n in range(3)]
    narrow = ["report_id", "received_at", "kind", "message_uuid", "status", "message_time"]
    table = pa.Table.from_pylist(rows, schema=REPORTS).select(narrow)
    kinds = {"received_at": pa.timestamp("ms"), "kind": pa.dictionary(pa.int32(), pa.string()),
             "status": pa.large_string(), "message_time": pa.null()}  # fmt: skip
    table = table.drop_columns("message_time").append_column("message_time", pa.nulls(3))
    wanted = pa.schema([(f.name, kinds.get(f.name, f.type)) for f in table.schema])
    pq.write_table(table.cast(wanted), place / "foreign.parquet")
