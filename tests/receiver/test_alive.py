"""When the receiver could store reports, and the times in which they may have been lost."""

import json
import resource
import shutil
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import reconcile
from receiver.alive import NAME, Gap, Heartbeat, Pulse, gaps
from receiver.journal_file import NotDurable, journals
from tests import builders
from tests.builders import at, report
from tests.processes import wait_until
from tests.receiver.sending import post, send
from tests.receiver.serving import messages_of, serving

EVENING = at("23:00:00")


def alive(folder: Path, *spans: tuple[str, str] | str, receiver: str = "a") -> Path:
    """Write these spans, and text as it is, behind what is there; the folder of reports."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / NAME).open("a", encoding="utf-8") as file:
        for span in spans:
            file.write(span if isinstance(span, str) else _line(*span, receiver=receiver))
    return folder


def _line(from_at: str, until_at: str, *, receiver: str) -> str:
    span = {"from": at(from_at).isoformat(), "until": at(until_at).isoformat()}
    return json.dumps({**span, "receiver": receiver}) + "\n"


def gap(from_at: str, until_at: str) -> Gap:
    return Gap(at(from_at), at(until_at))


@pytest.mark.parametrize(
    ("stopped", "started", "lost"),
    [
        ("10:00:00", "10:06:59", False), ("10:00:00", "10:07:00", False),
        ("10:00:00", "10:07:01", True), ("10:00:00", "18:00:00", True),
    ],
)  # fmt: skip
def test_only_a_stop_longer_than_plivo_tries_is_a_gap(
    tmp_path: Path, stopped: str, started: str, lost: bool
) -> None:
    """Seven minutes: retries after 60, 120 and 240 seconds."""
    reports = alive(tmp_path, ("09:00:00", stopped), (started, "23:00:00"))
    assert gaps(reports, until=EVENING) == ([gap(stopped, started)] if lost else [])


def test_two_receivers_cover_each_other(tmp_path: Path) -> None:
    """As long as one of them was there, whoever wrote first."""
    alive(tmp_path, ("12:00:00", "23:00:00"), ("09:00:00", "10:00:00"))
    assert gaps(tmp_path, until=EVENING) == [gap("10:00:00", "12:00:00")]
    alive(tmp_path, ("09:30:00", "12:05:00"), receiver="b")
    assert gaps(tmp_path, until=EVENING) == []


def test_a_short_life_within_a_long_one_ends_nothing(tmp_path: Path) -> None:
    """The one that lived longest counts, not the one that began last."""
    alive(tmp_path, ("09:00:00", "22:58:00"), ("10:00:00", "10:01:00"))
    assert gaps(tmp_path, until=EVENING) == []


def test_many_beats_in_a_row_are_one_life(tmp_path: Path) -> None:
    """Also where a beat came late by less than seven minutes."""
    beats = [(f"{h:02}:{m:02}:00", f"{h:02}:{m:02}:01") for h in range(23) for m in range(0, 60, 6)]
    assert gaps(alive(tmp_path, *beats), until=at("22:59:00")) == []


def test_a_gap_that_still_runs_ends_at_the_time_asked_for(tmp_path: Path) -> None:
    """Nobody knows yet how long it will be."""
    reports = alive(tmp_path, ("09:00:00", "10:00:00"))
    assert gaps(reports, until=at("10:06:00")) == []
    assert gaps(reports, until=EVENING) == [gap("10:00:00", "23:00:00")]


@pytest.mark.parametrize("until", ["10:30:00", "10:07:01"])
def test_a_gap_is_never_longer_than_the_time_asked_for(tmp_path: Path, until: str) -> None:
    """Also where by now the receiver is back."""
    reports = alive(tmp_path, ("09:00:00", "10:00:00"), ("11:00:00", "23:00:00"))
    assert gaps(reports, until=at(until)) == [gap("10:00:00", until)]


def test_what_lies_after_the_time_asked_for_is_no_gap(tmp_path: Path) -> None:
    """The receiver began, stopped and went on later."""
    reports = alive(tmp_path, ("10:00:00", "11:00:00"), ("12:00:00", "13:00:00"))
    assert gaps(reports, until=at("09:00:00")) == []
    assert gaps(reports, until=at("10:30:00")) == []
    assert gaps(reports, until=at("11:05:00")) == []


@pytest.mark.parametrize("content", [None, "", "\n\n", "{", "[]\n", "no JSON at all\n"])
def test_where_nothing_was_written_down_nothing_is_known(
    tmp_path: Path, content: str | None
) -> None:
    """No gaps, rather than one from the beginning of time."""
    if content is not None:
        alive(tmp_path, content)
    assert gaps(tmp_path, until=EVENING) == []
    assert gaps(tmp_path / "not there", until=EVENING) == []


@pytest.mark.parametrize(
    "torn",
    [
        '{"from": "2026-03-01T10:00:00+00:00", "unt', "\x00" * 40 + "\n", "null\n", "3\n",
        '{"from": 1, "until": 2}\n', '{"from": "yesterday", "until": "today"}\n', "[[[[\n",
        '{"from": "2026-03-01T10:00:00", "until": "2026-03-01T22:00:00"}\n', '"\ud83d"\n',
        '{"until": "2026-03-01T22:00:00+00:00"}\n', "\u2028\n",
    ],
)  # fmt: skip
def test_a_torn_line_only_makes_a_gap_longer(tmp_path: Path, torn: str) -> None:
    """What can be read still counts."""
    alive(tmp_path, ("09:00:00", "10:00:00"))
    with (tmp_path / NAME).open("ab") as file:
        file.write(torn.encode("utf-8", "surrogatepass"))
    alive(tmp_path, "\n", ("12:00:00", "23:00:00"))
    assert gaps(tmp_path, until=EVENING) == [gap("10:00:00", "12:00:00")]


def test_a_line_that_a_crash_tore_spoils_at_most_the_next_one(tmp_path: Path) -> None:
    """The next receiver writes behind it; its second beat says what the first would have."""
    alive(tmp_path, ("09:00:00", "10:00:00"), '{"from": "2026-03-01T10:0')
    heartbeat = Heartbeat(tmp_path, "b", at("10:05:00"))
    for moment in ("10:05:00", "10:07:00", "10:09:00"):
        heartbeat.beat(at(moment))
    assert gaps(tmp_path, until=at("10:10:00")) == []


@given(st.binary(max_size=300))
def test_no_content_of_the_file_is_an_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    """Whatever a disk has made of it."""
    folder = tmp_path_factory.mktemp("alive")
    (folder / NAME).write_bytes(content)
    assert gaps(folder, until=EVENING) == []


@given(st.lists(st.tuples(st.integers(0, 1999), st.integers(1, 900)), min_size=1, max_size=12))
def test_gaps_are_the_seconds_that_no_span_covers(
    tmp_path_factory: pytest.TempPathFactory, spans: list[tuple[int, int]]
) -> None:
    """Counted one by one; runs of up to seven minutes do not count."""
    folder = tmp_path_factory.mktemp("alive")
    alive_in = [False] * 3000
    with (folder / NAME).open("w") as file:
        for begun, length in spans:
            alive_in[begun : begun + length] = [True] * length
            line = {"from": _second(begun), "until": _second(begun + length)}
            file.write(json.dumps({end: moment.isoformat() for end, moment in line.items()}) + "\n")
    first = alive_in.index(True)
    expected, silent_since = [], first
    for second in range(first, 2001):
        if second == 2000 or alive_in[second]:
            if second - silent_since > 420:
                expected.append(Gap(_second(silent_since), _second(second)))
            silent_since = second + 1
    assert gaps(folder, until=_second(2000)) == expected


def _second(number: int) -> datetime:
    return at("00:00:00") + timedelta(seconds=number)


@pytest.mark.parametrize("back", [timedelta(minutes=3), timedelta(hours=5)])
def test_a_clock_set_back_makes_no_gap(tmp_path: Path, back: timedelta) -> None:
    """The same minutes are lived through twice."""
    heartbeat = Heartbeat(tmp_path, "a", at("10:00:00"))
    for minute in range(0, 20, 2):
        heartbeat.beat(at("10:00:00") + timedelta(minutes=minute))
    moment = at("10:18:00") - back
    for minute in range(0, 30, 2):
        heartbeat.beat(moment + timedelta(minutes=minute))
    assert gaps(tmp_path, until=moment + timedelta(minutes=30)) == []
    for line in (tmp_path / NAME).read_text().splitlines():
        assert json.loads(line)["from"] <= json.loads(line)["until"]


def test_an_illness_is_a_gap_from_the_last_good_beat(tmp_path: Path) -> None:
    """While nothing could be stored nothing was; what came is lost."""
    heartbeat = Heartbeat(tmp_path, "a", at("10:00:00"))
    heartbeat.beat(at("10:02:00"))
    for minute in range(4, 20, 2):
        heartbeat.was_ill(at("10:00:00") + timedelta(minutes=minute))
    heartbeat.beat(at("10:20:00"))
    assert gaps(tmp_path, until=at("10:20:00")) == [gap("10:02:00", "10:18:00")]


def test_a_receiver_that_can_store_nothing_writes_no_beat(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It says so in its log instead, and goes on when it can."""
    well = threading.Event()

    def probe() -> None:
        if not well.is_set():
            raise NotDurable("the disk is full")

    pulse = Pulse(tmp_path, "a", probe)
    pulse.beat()
    assert not (tmp_path / NAME).exists()
    assert "not alive to Plivo: the disk is full" in caplog.text
    well.set()
    pulse.beat()
    assert len(_beats(tmp_path)) == 1


def _beats(reports: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (reports / NAME).read_text().splitlines()]


def test_a_receiver_writes_down_its_life_from_start_to_end(tmp_path: Path) -> None:
    """Times are UTC, and the life of this one lies within the test's own."""
    began = datetime.now(UTC)
    with serving(tmp_path / "data") as receiver:
        assert post(receiver.url, MessageUUID="m1").status == 200
        reports = tmp_path / "data" / "reports"
        wait_until((reports / NAME).exists)
    beats = _beats(reports)
    (journal,) = journals(tmp_path / "data" / "journal")
    assert {beat["receiver"] for beat in beats} == {journal.stem}
    moments = [datetime.fromisoformat(beat[end]) for beat in beats for end in ("from", "until")]
    assert sorted(moments) == moments
    assert began <= moments[0]
    assert moments[-1] <= datetime.now(UTC)
    assert {moment.utcoffset() for moment in moments} == {timedelta()}
    assert (reports / NAME).stat().st_mode & 0o077 == 0


def test_every_process_of_a_supervisor_writes_beats_of_its_own(tmp_path: Path) -> None:
    """Lines of two processes in one file, none torn."""
    with serving(tmp_path / "data", RECEIVER_PROCESSES="2") as receiver:
        assert send(receiver.url, "GET", "/readyz").status == 200
    owners = {path.stem for path in journals(tmp_path / "data" / "journal")}
    assert len(owners) == 2
    assert {beat["receiver"] for beat in _beats(tmp_path / "data" / "reports")} == owners


def test_a_receiver_on_a_full_disk_writes_no_beat(tmp_path: Path) -> None:
    """Its last one is from before."""
    with serving(tmp_path / "data") as receiver:
        reports = tmp_path / "data" / "reports"
        wait_until((reports / NAME).exists)
        before = (reports / NAME).read_bytes()
        resource.prlimit(receiver.process.pid, resource.RLIMIT_FSIZE, (1, -1))
        assert send(receiver.url, "GET", "/readyz").status == 503
        receiver.stop()
    assert (reports / NAME).read_bytes() == before


def test_a_receiver_whose_journal_alone_is_in_trouble_writes_no_beat(tmp_path: Path) -> None:
    """Though the heartbeat's own file could be written."""
    with serving(tmp_path / "data") as receiver:
        reports = tmp_path / "data" / "reports"
        wait_until((reports / NAME).exists)
        before = (reports / NAME).read_bytes()
        (journal,) = journals(tmp_path / "data" / "journal")
        shutil.copy(journal, tmp_path / "copy")
        (tmp_path / "copy").replace(journal)
        assert send(receiver.url, "GET", "/readyz").status == 503
        receiver.stop()
    assert (reports / NAME).read_bytes() == before
    assert "not alive to Plivo" in messages_of(receiver)


def test_the_audit_names_the_outages(tmp_path: Path) -> None:
    """With their length; in UTC."""
    data_dir = _with_reports(tmp_path, "09:30:00", "13:00:00")
    alive(data_dir / "reports", ("09:00:00", "10:00:00"), ("12:30:00", "13:00:00"))
    audit = reconcile.audit(data_dir=data_dir, as_of=at("13:05:00"))
    assert audit["outages"] == [
        {"from": "2026-03-01T10:00:00Z", "until": "2026-03-01T12:30:00Z", "seconds": 9000.0}
    ]


@pytest.mark.parametrize(
    ("since", "until", "named"),
    [
        (None, None, True),
        ("2026-03-01T11:00:00", None, True), (None, "2026-03-01T11:00:00", True),
        ("2026-03-01T12:30:00", None, False), (None, "2026-03-01T10:00:00", False),
        ("2026-03-02", None, False), ("2026-02-01", "2026-03-01", False),
    ],
)  # fmt: skip
def test_the_audit_names_only_outages_within_the_time_asked_for(
    tmp_path: Path, since: str | None, until: str | None, named: bool
) -> None:
    """An outage that reaches into it counts, one that touches it does not."""
    data_dir = _with_reports(tmp_path, "09:30:00", "13:00:00")
    alive(data_dir / "reports", ("09:00:00", "10:00:00"), ("12:30:00", "13:00:00"))
    audit = reconcile.audit(since, until, data_dir=data_dir, as_of=at("13:05:00"))
    assert len(audit["outages"]) == named


def test_an_outage_that_still_runs_ends_at_as_of(tmp_path: Path) -> None:
    """The receiver has been down since ten."""
    data_dir = _with_reports(tmp_path, "09:30:00")
    alive(data_dir / "reports", ("09:00:00", "10:00:00"))
    audit = reconcile.audit(data_dir=data_dir, as_of=at("10:30:00"))
    assert [outage["seconds"] for outage in audit["outages"]] == [1800.0]


def test_without_a_heartbeat_the_audit_names_no_outage(tmp_path: Path) -> None:
    """A folder of an older receiver, or of files alone."""
    assert reconcile.audit(data_dir=_with_reports(tmp_path, "09:30:00"))["outages"] == []


def _with_reports(tmp_path: Path, *received: str) -> Path:
    rows = [report(f"m-{moment}", received_at=at(moment)) for moment in received]
    return builders.write_folder(tmp_path / "data", reports=rows)
