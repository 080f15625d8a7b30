"""What is known of a day's parts, from the files that say something of it."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from receiver import config
from reconcile.merging import merge
from reconcile.plivo_log.coverage import Span
from reconcile.plivo_log.known_parts import Known, KnownParts
from tests.builders import clock, log_row, report, write_folder

MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
DAY = timedelta(days=1)
THE_DAY = Span(MIDNIGHT, MIDNIGHT + DAY)
NOON = MIDNIGHT + DAY / 2
ACCOUNT = "MAXXXXXXXXXXXXXXXXXX"


def known(folder: Path, **settings: str) -> Known:
    loaded = config.load({"DATA_DIR": str(folder)} | settings, environment={})
    with KnownParts(loaded, ACCOUNT) as parts:
        return parts.of(THE_DAY)


def said(uuid: str, at: datetime, **more: Any) -> dict[str, Any]:
    """A report that came at once, unless `more` says otherwise."""
    given: dict[str, Any] = {"message_time": clock(at), "received_at": at, "account": ACCOUNT}
    return report(uuid, "sent") | given | more


def test_files_that_say_nothing_of_the_day_are_not_even_opened(tmp_path: Path) -> None:
    """As far as a merge found that out; of other files nobody knows."""
    write_folder(tmp_path, reports=[said("m1", NOON), said("m2", NOON - 20 * DAY)])
    merge(config.load({"DATA_DIR": str(tmp_path)}, environment={}))
    write_folder(tmp_path, reports=[said("m3", NOON)])
    (other,) = (tmp_path / "reports" / "date=2026-02-10").iterdir()
    mark = other.stat()
    other.write_bytes(b"-" * mark.st_size)
    os.utime(other, ns=(mark.st_atime_ns, mark.st_mtime_ns))
    assert {part.message_uuid for part in known(tmp_path).parts} == {"m1", "m3"}


@pytest.mark.parametrize("is_merged", [True, False])
def test_an_end_that_is_told_weeks_later_is_known(tmp_path: Path, *, is_merged: bool) -> None:
    late = NOON + 30 * DAY
    write_folder(tmp_path, reports=[
        said("m1", NOON), said("m1", NOON, received_at=late, status="delivered"),
    ])  # fmt: skip
    if is_merged:
        merge(config.load({"DATA_DIR": str(tmp_path)}, environment={}))
    (part,) = known(tmp_path).parts
    assert part.final


def test_parts_of_the_hours_around_are_known_for_the_choice_of_borders(tmp_path: Path) -> None:
    edge, beyond = timedelta(minutes=30), timedelta(hours=3)
    write_folder(
        tmp_path,
        reports=[said("m1", MIDNIGHT - edge), said("m2", MIDNIGHT - beyond)],
        log=[log_row("m3", message_time=THE_DAY.until_at + edge, account=ACCOUNT),
             log_row("m4", message_time=THE_DAY.until_at + beyond, account=ACCOUNT)],
    )  # fmt: skip
    found = known(tmp_path)
    assert [uuid for uuid in ("m1", "m2", "m3", "m4") if found.held.holds(uuid)] == ["m1", "m3"]
    assert not found.parts


@pytest.mark.parametrize("text", [
    "2026-03-02 12:00:00", "2026-03-02T12:00:00.5Z", "2026-03-01 22:30:00-13:30",
    "2026-03-03 01:00:00.000001+13:00",
])  # fmt: skip
def test_a_time_is_understood_however_it_is_written(tmp_path: Path, text: str) -> None:
    write_folder(tmp_path, reports=[said("m1", NOON, message_time=text)])
    assert [part.message_uuid for part in known(tmp_path).parts] == ["m1"]


def test_times_of_callbacks_in_another_zone_are_of_the_day_in_utc(tmp_path: Path) -> None:
    early = MIDNIGHT + timedelta(hours=2)
    rows = [said("m1", early, message_time="2026-03-01 16:00:00"),
            said("m2", NOON - DAY, message_time="2026-03-01 02:00:00")]  # fmt: skip
    write_folder(tmp_path, reports=rows)
    found = known(tmp_path, CALLBACK_TIME_ZONE="Pacific/Honolulu")
    assert [part.message_uuid for part in found.parts] == ["m1"]


def test_who_says_no_time_is_doubtful_when_it_came(tmp_path: Path) -> None:
    rows = [said(uuid, at, message_time=None) for uuid, at in (("m1", NOON), ("m2", NOON - DAY))]
    write_folder(tmp_path, reports=rows)
    assert len(known(tmp_path).doubtful) == 1


def test_a_day_is_looked_at_as_it_lies_there_when_it_is_asked_for(tmp_path: Path) -> None:
    """The receiver compacts while a long pull goes on."""
    write_folder(tmp_path, reports=[said("m1", NOON), said("m2", NOON - DAY)])
    loaded = config.load({"DATA_DIR": str(tmp_path)}, environment={})
    with KnownParts(loaded, ACCOUNT) as parts:
        parts.of(Span(MIDNIGHT - DAY, MIDNIGHT))
        (file,) = (tmp_path / "reports" / "date=2026-03-02").iterdir()
        file.rename(file.with_name("part-compacted.parquet"))
        assert [part.message_uuid for part in parts.of(THE_DAY).parts] == ["m1"]


def test_who_says_only_when_it_was_queued_is_doubtful_on_that_day(tmp_path: Path) -> None:
    late = said("m1", NOON + 2 * DAY, message_time=None, queued_time=clock(NOON))
    write_folder(tmp_path, reports=[late])
    assert len(known(tmp_path).doubtful) == 1
