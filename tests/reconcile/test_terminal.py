"""The rate report in a terminal: one story in any width, plain where nobody looks."""

import io
import re
from datetime import timedelta
from pathlib import Path

import pytest

from reconcile.rendering import markdown, signs, standing_out, terminal
from reconcile.rendering.sparkline import bar, scale, sparkline
from reconcile.rendering.terminal import Told
from tests import overviews
from tests.builders import NOON, log_row, report, window, write_folder
from tests.processes import command

WORST = 'carrier="it\'s",country=NG'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four days: Germany fine throughout, Nigeria worse every day; one message to France."""
    log = [
        log_row(
            f"{country}{day}-{n}",
            "delivered" if n >= lost * day else "undelivered",
            destination_country_iso2=country,
            message_time=NOON + timedelta(days=day),
        )
        for country, lost in (("DE", 0), ("NG", 3))
        for day in range(4)
        for n in range(12)
    ]
    log.append(log_row("FR", destination_country_iso2="FR"))
    folder = tmp_path_factory.mktemp("terminal")
    return write_folder(folder, log=log, windows=[window()])


def said(folder: Path, *arguments: str, **settings: str) -> str:
    done = command("reconcile", *arguments, settings={"DATA_DIR": str(folder), **settings})
    assert done.returncode == 0, done.stderr
    return done.stdout


def shown(told: Told, width: int) -> str:
    out = io.StringIO()
    terminal.render(terminal.console(file=out, width=width), told)
    return out.getvalue()


def titles(text: str) -> list[str]:
    return [t.strip() for t in re.findall(r"^[A-Z][^\n(,·:]+", text, re.MULTILINE)]


@pytest.mark.parametrize("width", [80, 110, 120, 150, 200])
def test_the_story_is_the_same_in_any_width_and_fits(folder: Path, width: int) -> None:
    *lines, _where = said(folder, "report", COLUMNS=str(width)).splitlines()
    assert max(map(len, lines)) <= width
    assert titles("\n".join(lines)) == [
        "Delivery rates", "By day", "By country", "Why messages fail",
        "The same messages by other formulas", "Time to receipt and cost", "Collection audit",
    ]  # fmt: skip
    assert "…" not in "".join(lines), "nothing is cut off"


def test_a_sparkline_shows_how_each_country_went(folder: Path) -> None:
    text = said(folder, "report", "--by", "country")
    assert "last 4 days, ▁ 25.0% █ 100.0%" in text
    assert re.search(r"DE +48 .* ████ *$", text, re.MULTILINE)
    assert re.search(r"NG +48 .* █▆▃▁ *$", text, re.MULTILINE)
    assert re.search(r"FR +1 .*% *$", text, re.MULTILINE), "one message makes no course"


def test_volume_is_drawn_where_there_is_room(folder: Path) -> None:
    assert re.search(
        r"2026-03-01 +25 .* █{24} *$", said(folder, "report", COLUMNS="200"), re.MULTILINE
    )
    assert "volume" not in said(folder, "report", COLUMNS="80")


@pytest.mark.parametrize("by", ["day", "country,hour", "none"])
def test_what_is_by_time_already_has_no_sparkline(folder: Path, by: str) -> None:
    assert "by day" not in said(folder, "report", "--by", by)


def test_bars_go_from_the_lowest_to_the_highest_of_all() -> None:
    courses: list[list[float | None]] = [[0.5, None, 1.0], [0.75]]
    among = scale(courses)
    assert among == (0.5, 1.0)
    assert [sparkline(course, among) for course in courses] == ["▁ █", "▅"]
    assert scale([[None], []]) is None
    assert sparkline([0.9, 0.9], (0.9, 0.9)) == "▁▁"
    assert bar(0, 10) == ""
    assert bar(1, 10_000) == "█"


def test_a_stream_without_unicode_gets_signs_of_the_same_width(folder: Path) -> None:
    told = said(folder, "report", COLUMNS="80")
    done = command("reconcile", "report", settings={
        "DATA_DIR": str(folder), "COLUMNS": "80", "PYTHONIOENCODING": "ascii"})  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "\\u" not in done.stdout
    assert len(done.stdout.splitlines()) == len(told.splitlines())
    assert "#*-_" in done.stdout, "the course of Nigeria"


def test_letters_that_a_stream_lacks_become_escapes_which_lose_nothing() -> None:
    with pytest.raises(UnicodeEncodeError) as problem:
        "a – b İ".encode("ascii")
    assert signs.lookalikes(problem.value) == ("-", 3)
    with pytest.raises(UnicodeEncodeError) as problem:
        "İ".encode("ascii")
    assert signs.lookalikes(problem.value) == ("\\u0130", 1)


def test_no_colour_where_none_is_wanted(folder: Path) -> None:
    assert "\x1b" not in said(folder, "report")
    forced = said(folder, "report", FORCE_COLOR="1", NO_COLOR="1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", forced), "bold may stay, colour may not"


@pytest.mark.parametrize("width", [80, 200])
def test_what_stands_out_comes_before_any_table(width: int) -> None:
    whole = overviews.traffic()
    assert whole.findings
    text = shown(Told(report=whole.report, overview=whole), width)
    first = whole.findings[0]
    assert text.index("What stands out") < text.index("Why messages fail")
    assert first.title in " ".join(text.split())
    commands = [line.strip() for line in text.splitlines() if line.lstrip().startswith("python")]
    assert commands[0] == standing_out.command(first), "whole, to be copied"


def test_a_change_beyond_chance_is_said_as_such_and_others_are_not() -> None:
    change = overviews.traffic().change
    assert change is not None
    line = standing_out.change_line(change)
    assert ("beyond chance" in line) == change.clear
    assert line in " ".join(shown(_with(change), 200).split())


def _with(change: object) -> Told:
    whole = overviews.overview({"delivered": 9, "undelivered": 1}, change=change)
    return Told(report=whole.report, overview=whole)


def test_a_command_to_copy_is_quoted_for_the_shell() -> None:
    finding = overviews.traffic().findings[0]
    quoted = type(finding)(
        kind="slow", title="t", detail="d", advice="a", since=None, until=None,
        messages_lost=None, where=WORST,
    )  # fmt: skip
    assert standing_out.command(quoted) == (
        "python -m reconcile messages --where 'carrier=\"it'\"'\"'s\",country=NG'"
    )
    assert standing_out.facts(quoted) == ""


def test_a_ticket_begins_with_what_stands_out() -> None:
    whole = overviews.traffic()
    text = markdown.as_markdown(whole.report, whole).decode()
    assert f"- **{markdown.escaped(whole.findings[0].title)}**" in text
    assert text.index("- **") < text.index("| sent |")


def test_one_is_said_as_one(tmp_path: Path) -> None:
    write_folder(tmp_path, reports=[report("m1"), report("m1")], log=[log_row("m1")],
                 windows=[window()])  # fmt: skip
    assert re.search(r"^ +1  message: agree *$", said(tmp_path, "report"), re.MULTILINE)
    assert "1  report that came more than once" in said(tmp_path, "report")
    assert said(tmp_path, "messages").endswith("1 message\n")
    assert said(tmp_path, "merge").startswith("1 message; 0 days written")


@pytest.mark.parametrize("form", ["table", "md"])
def test_no_name_moves_the_cursor_of_a_terminal(tmp_path: Path, form: str) -> None:
    """Escape sequences and marks of direction are written out; a long name leaves numbers room."""
    names = ["\x1b[2J\x1b]0;owned\x07", "\x9b31m", "right\u202eleft", "x" * 3_000]
    log = [log_row(f"m{n}", from_number=name) for n, name in enumerate(names)]
    data_dir = write_folder(tmp_path, log=log, windows=[window()])
    text = said(data_dir, "report", "--by", "from_number", "--format", form, COLUMNS="80")
    assert not [c for c in text if not c.isprintable() and c != "\n"]
    assert "2J" in text
    if form == "table":
        assert len(re.findall(r"100\.0%", text)) >= len(names)


def test_no_width_is_the_usual_one(folder: Path) -> None:
    """As some shells set COLUMNS to 0 where they know no terminal."""
    assert said(folder, "report", COLUMNS="0") == said(folder, "report", COLUMNS="100")
