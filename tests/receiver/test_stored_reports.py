"""What stands in `reports/` is what came over the wire, as the contract's columns say."""

import http.client
import signal
import stat
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, unquote_to_bytes

import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from receiver import day_files, sealing
from receiver.callback import as_text, decode_form
from receiver.columns import PARAMETERS, REPORTS
from tests.processes import Process
from tests.receiver.making import BEFORE_MIDNIGHT, callback, store
from tests.receiver.sending import (
    AUTH_ID,
    FORM,
    PATH,
    SECRET,
    ask,
    connect,
    post,
    send,
    signed,
)
from tests.receiver.serving import seal, serving, start, stored, stored_uuids

COLUMNS = [
    "report_id", "received_at", "kind", "http_method", "account", "signature", "body", "query",
    "message_uuid", "parent_message_uuid", "part_info", "sequence", "status", "error_code",
    "from_number", "to_number", "type", "units", "total_rate", "total_amount", "mcc", "mnc",
    "message_time", "queued_time", "sent_time", "delivery_report_time", "powerpack_uuid",
    "requester_ip", "text",
]  # fmt: skip
# A real one of 2021, numbers replaced.
CAPTURED = (
    b"From=18445550100&MessageTime=2021-04-16+18%3A39%3A29.088198&MessageUUID=13bd7acc-9ee3-11eb"
    b"&ParentMessageUUID=13bd7acc-9ee3-11eb&PartInfo=1+of+1&PowerpackUUID=&QueuedTime="
    b"2021-04-16+18%3A39%3A29.089793&Sequence=1&Status=queued&To=14045550100&TotalAmount=0.00000"
    b"&TotalRate=0.00000&Units=1"
)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stored") / "data"


@pytest.fixture(scope="module")
def receiver(data_dir: Path) -> Iterator[Process]:
    with serving(data_dir, SEAL_SECONDS="3600") as process:
        yield process


def test_the_columns_are_those_of_the_contract(tmp_path: Path) -> None:
    """Names, order and types; readers build on them."""
    store(tmp_path, callback(CAPTURED))
    (path,) = day_files.live_files(tmp_path / "reports")
    schema = pq.read_schema(path)
    assert schema.names == COLUMNS == REPORTS.names
    types = {name: str(schema.field(name).type) for name in COLUMNS}
    assert types.pop("received_at") == "timestamp[us, tz=UTC]"
    assert set(types.values()) == {"string"}


def test_a_captured_report_is_stored_word_for_word(tmp_path: Path) -> None:
    """The body exactly, each parameter in its column, what is empty as null."""
    (row,) = store(tmp_path, callback(CAPTURED, account=AUTH_ID, signature="v3"))
    assert row["body"].encode() == CAPTURED
    sent = dict(parse_qsl(CAPTURED.decode(), keep_blank_values=True))
    for parameter, column in PARAMETERS.items():
        assert row[column] == (sent.get(parameter) or None), column
    assert (row["account"], row["signature"], row["kind"]) == (AUTH_ID, "v3", "delivery_report")
    assert (row["received_at"], row["http_method"]) == (BEFORE_MIDNIGHT, "POST")


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize("kind", ["delivery_report", "message"])
def test_what_came_over_http_is_what_is_stored(
    receiver: Process, data_dir: Path, method: str, kind: str
) -> None:
    """A POST's own query has a column of its own; a GET's query is its body."""
    path = f"/{kind}/{SECRET}"
    own, parameters = "tag=otp%20x&tag=b", f"MessageUUID={kind}-{method}&Text=Gr%C3%BC%C3%9Fe+1"
    target = f"{path}?{own}&{parameters}" if method == "GET" else f"{path}?{own}"
    body = parameters.encode() if method == "POST" else b""
    before = datetime.now(UTC)
    assert (
        send(receiver.url, method, target, body, signed(target, body, method=method)).status == 200
    )
    after = datetime.now(UTC)
    sealing.seal_all(data_dir)
    (row,) = [row for row in stored(data_dir) if row["message_uuid"] == f"{kind}-{method}"]
    assert row["query"] == (own if method == "POST" else None)
    assert row["body"] == (parameters if method == "POST" else f"{own}&{parameters}")
    assert (row["text"], row["kind"], row["http_method"]) == ("Grüße 1", kind, method)
    assert (row["account"], row["signature"]) == (AUTH_ID, "v3")
    assert before <= row["received_at"] <= after


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"Status=sent&Status=delivered", "delivered"),
        (b"Status=sent&Status=", None),
        (b"Status=&Status=sent", "sent"),
        (b"Status", None),
        (b"Status=%20", " "),
        (b"Status=a%00b", "a\0b"),
        (b"status=sent", None),
        (b"Status=sent%", "sent%"),
        (b"St%61tus=sent", "sent"),
        (b"Status=a;b=c", "a;b=c"),
        (b"Status=\xff", "\ufffd"),
        (b"Status=%C3%28", "\ufffd("),
        (b"Status=%F0%9F%8E%89", "\N{PARTY POPPER}"),
        (b"Status=%ED%A0%80", "\ufffd\ufffd\ufffd"),
        (b"Status=a=b=c", "a=b=c"),
        (b"Status=1%2B1+1", "1+1 1"),
    ],
)
def test_a_parameter_reads_in_its_column(tmp_path: Path, body: bytes, expected: str | None) -> None:
    """Of a repeated key the last, empty is null, what is no UTF-8 is U+FFFD."""
    (row,) = store(tmp_path, callback(body))
    assert row["status"] == expected


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        (b"Text=\xff\xfe", "Text=%FF%FE"),
        (b"Text=\xc3\xbc\xff", "Text=ü%FF"),
        (b"Text=%FF", "Text=%FF"),
        (b"\xed\xa0\x80", "%ED%A0%80"),
        (b"a\x00b\r\n", "a\x00b\r\n"),
        (b"", ""),
    ],
)
def test_bytes_that_are_no_utf8_are_kept_percent_encoded(
    tmp_path: Path, body: bytes, kept: str
) -> None:
    """All others stand in `body` as they came."""
    (row,) = store(tmp_path, callback(body, query=body))
    assert row["body"] == kept
    assert row["query"] == (kept or None)


@given(st.binary(max_size=200))
def test_nothing_of_any_body_is_lost_in_its_text(body: bytes) -> None:
    """Decoding what is stored gives the parameters that were sent."""
    assert decode_form(as_text(body).encode()) == decode_form(body)
    if b"%" not in body:
        assert unquote_to_bytes(as_text(body)) == body


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.binary(max_size=60), min_size=1, max_size=4))
def test_any_signed_bytes_are_taken_and_kept(
    receiver: Process, data_dir: Path, bodies: list[bytes]
) -> None:
    """200, and the stored text decodes to what was sent."""
    sealing.seal_all(data_dir)
    before = set(day_files.live_files(data_dir / "reports"))
    connection = connect(receiver.url)
    for body in bodies:
        headers = {"Content-Type": FORM, **signed(PATH, body, families="v2")}
        assert ask(connection, "POST", PATH, body, headers).status == 200
    connection.close()
    sealing.seal_all(data_dir)
    (new,) = set(day_files.live_files(data_dir / "reports")) - before
    kept = day_files.read(new)["body"].to_pylist()
    assert [decode_form(text.encode()) for text in kept] == list(map(decode_form, bodies))


def test_the_partition_is_the_utc_day_of_reception(tmp_path: Path) -> None:
    """Reports of one sealing that lie on both sides of midnight become two files."""
    after = BEFORE_MIDNIGHT + timedelta(microseconds=1)
    store(tmp_path, callback(b"MessageUUID=a"), callback(b"MessageUUID=b", at=after))
    files = day_files.live_files(tmp_path / "reports")
    assert [path.parent.name for path in files] == ["date=2026-02-28", "date=2026-03-01"]
    assert len({path.name for path in files}) == 1
    for path, uuid in zip(files, ("a", "b"), strict=True):
        assert pq.ParquetFile(path).read(["message_uuid"])["message_uuid"].to_pylist() == [uuid]


def test_a_file_is_named_after_its_journal_and_its_numbers(tmp_path: Path) -> None:
    """And a report after its journal and its number."""
    rows = store(tmp_path, *(callback(b"MessageUUID=%d" % n) for n in range(3)))
    (journal,) = (tmp_path / "journal").glob("*.sqlite")
    (path,) = day_files.live_files(tmp_path / "reports")
    assert path.name == f"{journal.stem}-{1:016d}-{3:016d}.parquet"
    assert [row["report_id"] for row in rows] == [f"{journal.stem}-{n:016d}" for n in (1, 2, 3)]


def test_any_parquet_reader_reads_the_folder_as_one_hive_dataset(tmp_path: Path) -> None:
    """Without a word of ours."""
    after = BEFORE_MIDNIGHT + timedelta(days=1)
    store(tmp_path, callback(b"MessageUUID=a"), callback(b"MessageUUID=b", at=after))
    rows = ds.dataset(tmp_path / "reports", partitioning="hive").to_table().to_pylist()
    found = sorted((row["message_uuid"], str(row["date"])) for row in rows)
    assert found == [("a", "2026-02-28"), ("b", "2026-03-01")]


def test_all_that_is_written_is_for_the_owner_alone(tmp_path: Path) -> None:
    """Phone numbers and texts: files 0600, folders 0700."""
    data_dir = tmp_path / "data"
    with serving(data_dir, SEAL_SECONDS="3600") as receiver:
        assert post(receiver.url, MessageUUID="m1").status == 200
        assert send(receiver.url, "POST", PATH, b"MessageUUID=m2").status == 403
        sealing.seal_all(data_dir)
        assert post(receiver.url, MessageUUID="m3").status == 200
        modes = {path: _mode(path) for path in (data_dir, *data_dir.rglob("*"))}
    modes |= {path: _mode(path) for path in (data_dir, *data_dir.rglob("*"))}
    assert {mode for path, mode in modes.items() if path.suffix == ""} == {0o700}
    wrong = {path.name: oct(mode) for path, mode in modes.items() if path.suffix and mode != 0o600}
    assert {name for name in wrong if not name.startswith("date=")} == set()


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_sealing_from_another_process_while_serving(tmp_path: Path) -> None:
    """Each report once, whoever seals it; the receiver goes on."""
    data_dir = tmp_path / "data"
    with serving(data_dir, SEAL_SECONDS="0.05") as receiver:
        uuids = []
        for number in range(4):
            for which in range(10):
                uuids.append(f"{number}-{which}")
                assert post(receiver.url, MessageUUID=uuids[-1]).status == 200
            seal(data_dir)
            assert stored_uuids(data_dir) == sorted(uuids)
    assert stored_uuids(data_dir) == sorted(uuids)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_makes_durable_seals_and_ends_with_0(
    tmp_path: Path, number: signal.Signals
) -> None:
    """Within 10 s, with requests in flight: what was answered 200 is in `reports/`."""
    data_dir = tmp_path / "data"
    receiver = start(data_dir, SEAL_SECONDS="3600")
    acked: list[str] = []
    enough = threading.Event()
    posters = [
        threading.Thread(target=_post_on, args=(receiver.url, str(n), acked, enough))
        for n in range(4)
    ]
    for poster in posters:
        poster.start()
    assert enough.wait(20)
    receiver.process.send_signal(number)
    assert receiver.process.wait(10) == 0
    for poster in posters:
        poster.join()
    receiver.stop()
    held = stored_uuids(data_dir)
    assert set(acked) <= set(held)
    assert len(held) == len(set(held))
    assert sealing.seal_all(data_dir).reports == 0


def _post_on(url: str, prefix: str, acked: list[str], enough: threading.Event) -> None:
    connection = connect(url)
    try:
        for number in range(100_000):
            body = f"MessageUUID={prefix}-{number}".encode()
            if ask(connection, "POST", PATH, body, signed(PATH, body)).status == 200:
                acked.append(f"{prefix}-{number}")
            if len(acked) > 60:
                enough.set()
    except (OSError, http.client.HTTPException):
        return
