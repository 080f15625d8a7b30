"""The ledger outlives crashes and says where it is damaged."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconcile.plivo_log import ledger
from reconcile.plivo_log.coverage import Window
from tests.processes import ROOT

DAY = datetime(2026, 11, 20, tzinfo=UTC)
LINE = b'{"from": "2026-11-19T00:00:00Z", "until": "2026-11-20T00:00:00+00:00", '
LINE += b'"read_at": "2026-11-20T05:30:00.5+05:30", "how": "counted", "rows": 7}\n'


def window(hour: int, account: str | None = "MA1") -> Window:
    begin = DAY + timedelta(hours=hour)
    return Window(begin, begin + timedelta(hours=1), DAY + timedelta(days=1), "listed", 5, account)


def path_of(folder: Path) -> Path:
    return folder / "_windows.jsonl"


def test_what_is_appended_is_read_again_in_order(tmp_path: Path) -> None:
    ledger.append(tmp_path / "log", [window(0), window(1)])
    ledger.append(tmp_path / "log", [window(2)])
    assert ledger.read(tmp_path / "log") == [window(0), window(1), window(2)]


def test_no_ledger_means_nothing_was_read(tmp_path: Path) -> None:
    assert ledger.read(tmp_path / "log") == []


def test_a_line_is_one_json_object_with_times_in_utc(tmp_path: Path) -> None:
    ledger.append(tmp_path, [window(0)])
    assert json.loads(path_of(tmp_path).read_text()) == {
        "from": "2026-11-20T00:00:00Z",
        "until": "2026-11-20T01:00:00Z",
        "read_at": "2026-11-21T00:00:00Z",
        "how": "listed",
        "rows": 5,
        "account": "MA1",
    }


def test_other_ways_to_write_utc_and_lines_without_account_are_understood(tmp_path: Path) -> None:
    path_of(tmp_path).write_bytes(LINE)
    read_at = DAY + timedelta(seconds=0.5)
    assert ledger.read(tmp_path) == [Window(DAY - timedelta(days=1), DAY, read_at, "counted", 7)]


@pytest.mark.parametrize("torn", [LINE[:-20], b"{", b"\x00" * 50, b"nonsense\n"])
def test_a_torn_last_line_is_ignored_and_gone_after_the_next_append(
    tmp_path: Path, torn: bytes
) -> None:
    ledger.append(tmp_path, [window(0)])
    with path_of(tmp_path).open("ab") as file:
        file.write(torn)
    assert ledger.read(tmp_path) == [window(0)]
    ledger.append(tmp_path, [window(1)])
    assert ledger.read(tmp_path) == [window(0), window(1)]


def test_a_last_line_that_lacks_only_its_end_of_line_counts(tmp_path: Path) -> None:
    ledger.append(tmp_path, [window(0), window(1)])
    path_of(tmp_path).write_bytes(path_of(tmp_path).read_bytes().rstrip())
    assert ledger.read(tmp_path) == [window(0), window(1)]
    ledger.append(tmp_path, [window(2)])
    assert ledger.read(tmp_path) == [window(0), window(1), window(2)]


@pytest.mark.parametrize("cut", range(1, len(LINE)))
def test_wherever_a_crash_cuts_the_last_line_the_next_append_is_whole(
    tmp_path: Path, cut: int
) -> None:
    path_of(tmp_path).write_bytes(LINE + LINE[:cut])
    ledger.append(tmp_path, [window(0)])
    windows = ledger.read(tmp_path)
    assert windows[-1] == window(0)
    assert len(windows) in (2, 3)


@pytest.mark.parametrize(
    "broken",
    [
        b"{}", b"[]", b"nonsense", b"\xff", LINE.replace(b"counted", b"guessed").strip(),
        LINE.replace(b": 7", b': "7"').strip(), LINE.replace(b"-20T00", b"-18T00").strip(),
        LINE.replace(b"2026-11-19T00:00:00Z", b"0001-01-01T00:00:00+14:00").strip(),
    ],
)  # fmt: skip
def test_a_broken_line_in_the_middle_is_named(tmp_path: Path, broken: bytes) -> None:
    path_of(tmp_path).write_bytes(LINE + broken + b"\n" + LINE)
    with pytest.raises(ledger.LedgerProblem, match=r"_windows\.jsonl, line 2 .*Delete that line"):
        ledger.read(tmp_path)


def test_windows_of_another_account_were_not_read_for_this_one(tmp_path: Path) -> None:
    ledger.append(tmp_path, [window(0), window(1, "MA2"), window(2, None)])
    assert ledger.read(tmp_path, account="MA1") == [window(0), window(2, None)]


def test_the_example_in_the_documentation_is_what_is_written(tmp_path: Path) -> None:
    text = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^\{.*\}$", text, flags=re.MULTILINE)
    (tmp_path / ledger.NAME).write_text(example + "\n")
    (window,) = ledger.read(tmp_path)
    other = tmp_path / "other"
    ledger.append(other, [window])
    assert (other / ledger.NAME).read_text().splitlines() == [example]
