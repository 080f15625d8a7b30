"""What a doctor says: a line for each check, whatever happens to it."""

import json
from collections.abc import Iterator

import pytest

from receiver import diagnosis
from receiver.diagnosis import Level, Line

OK = Line("disk", "ok", "52.8 GB are free")
WARNING = Line("clock", "warning", "ours is 9 s ahead of Plivo's", "timedatectl set-ntp true")
BROKEN = Line("receiver", "broken", "none is alive", "python -m receiver serve")


@pytest.mark.parametrize(("lines", "code"), [([], 0), ([OK, WARNING], 0), ([OK, BROKEN], 1)])
def test_only_what_is_broken_is_a_finding(lines: list[Line], code: int) -> None:
    assert diagnosis.exit_code(lines) == code
    assert json.loads(diagnosis.as_json(lines))["sound"] is (code == 0)


def test_a_check_that_fails_is_a_line_and_the_others_are_still_told() -> None:
    def failing() -> Iterator[Line]:
        yield OK
        raise ZeroDivisionError

    def mute() -> Iterator[Line]:
        raise OSError(28, "No space left on device")
        yield OK

    lines = diagnosis.examined([("a", failing), ("b", mute), ("c", lambda: [WARNING])])
    assert [(line.check, line.level) for line in lines] == [
        ("a", "broken"), ("b", "broken"), ("clock", "warning"),
    ]  # fmt: skip
    assert "ZeroDivisionError" in lines[0].said
    assert "No space left" in lines[1].said


def test_no_secret_is_told_whatever_fails() -> None:
    def failing() -> Iterator[Line]:
        raise ValueError("https://sms.example.org/delivery_report/geheim-im-pfad")
        yield OK

    (line,) = diagnosis.examined([("a", failing)], secrets=["geheim-im-pfad", ""])
    assert line.said == "could not be checked: https://sms.example.org/delivery_report/***"


def test_a_person_reads_it_in_80_columns_and_sees_what_mends_it() -> None:
    long = Line("public address", "broken", "word " * 60, "python -m receiver setup " * 9)
    text = diagnosis.as_text([OK, WARNING, long])
    assert max(map(len, text.splitlines())) <= 80
    assert "→ timedatectl set-ntp true" in text
    assert text.endswith("1 ok · 1 warning · 1 broken\n")


def test_an_address_is_never_torn() -> None:
    url = "https://" + "a" * 90 + ".example.org"
    assert url in diagnosis.as_text([Line("a", "ok", f"to {url} it leads")])


@pytest.mark.parametrize("level", ["ok", "warning", "broken"])
def test_a_program_reads_the_same(level: Level) -> None:
    line = Line("a", level, "said", "mend")
    assert json.loads(diagnosis.as_json([line]))["lines"] == [
        {"check": "a", "level": level, "said": "said", "mend": "mend"}
    ]
