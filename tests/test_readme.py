"""The README says what is so: its commands exist, its settings are those in the code."""

import re
import subprocess
from pathlib import Path

import pytest

from receiver import config
from reconcile import formulas
from tests.processes import ROOT, command

README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def settings_table() -> str:
    """The rows that the README should show."""
    rows = []
    for name in config.names():
        default, about = config.describe(name)
        rows.append(f"| `{name}` | {f'`{default}`' if default else ''} | {about} |")
    return "\n".join(rows)


def test_the_settings_table_is_that_of_the_code() -> None:
    assert settings_table() in README, f"the README should hold\n{settings_table()}"


def test_every_make_target_named_exists() -> None:
    named = set(re.findall(r"\bmake ([a-z]+(?:-[a-z]+)*)", README.replace("make all", "")))
    there = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    words = {"durable", "are"}  # prose
    assert named - words <= there


@pytest.mark.parametrize(
    "line",
    sorted(set(re.findall(r"python -m ((?:receiver|reconcile) [a-z]+(?:-[a-z]+)*)", README))),
)
def test_every_command_named_explains_itself(line: str) -> None:
    done = command(*line.split(), "--help", settings={})
    assert done.returncode == 0, done.stderr
    assert "usage:" in done.stdout


def test_every_option_named_exists() -> None:
    row = r"\| `python -m (receiver|reconcile) ([a-z]+(?:-[a-z]+)*)[^`]*` \| (.*) \|"
    for program, name, arguments in re.findall(row, README):
        there = command(program, name, "--help", settings={}).stdout
        for option in re.findall(r"`(--[a-z-]+)", arguments):
            assert option in there, f"{name} {option}"


def test_every_formula_is_written_out() -> None:
    for formula in formulas.HEADLINES.values():
        assert f"| `{formula.name}` | {formula} | {formula.hides} |" in README


def test_every_link_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_make_alone_lists_every_target() -> None:
    shown = subprocess.run(
        ["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for target in ("setup", "demo", "test", "check", "report", "receiver", "reconcile", "notebook"):
        assert re.search(rf"make {target}\s+\S", shown), target


def test_ci_runs_the_tests_as_the_readme_says() -> None:
    script = Path(ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "make test\n" in script
    assert "make demo\n" in script
    assert "make check\n" in script
