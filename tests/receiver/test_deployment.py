"""What we ship to run the receiver for good: nothing in it names what does not exist."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from receiver import config
from receiver.metrics import Metrics
from tests.processes import ROOT, command

SHIPPED = ROOT / "receiver" / "deployment"
INSTALLED = "/opt/plivo-delivery-reports"
UNITS = sorted(path.name for path in SHIPPED.iterdir() if path.suffix in (".service", ".timer"))


def needs(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"needs {program}")
    return found


def commands() -> list[tuple[str, list[str]]]:
    """Every command of ours that a shipped file carries out, without the interpreter."""
    found: list[tuple[str, list[str]]] = []
    for path in sorted(SHIPPED.iterdir()):
        text = path.read_text()
        typed = re.findall(r"-m ((?:receiver|reconcile)\b[^#`&|\n]*)", text)
        found += [(path.name, shlex.split(words.partition(" – ")[0])) for words in typed]
        listed = re.findall(r'"-m", ("(?:receiver|reconcile)"[^\]]*)\]', text)
        found += [(path.name, json.loads(f"[{words}]")) for words in listed]
    return found


@pytest.mark.parametrize(("name", "words"), commands())
def test_every_command_in_a_shipped_file_exists(name: str, words: list[str]) -> None:
    """With its flags: `--help` behind them reads them all first."""
    module, *arguments = [word.rstrip(".,;") for word in words]
    done = command(module, *arguments, "--help", settings={})
    assert done.returncode == 0, (name, done.stderr)


def test_alerts_ask_for_figures_that_the_receiver_gives() -> None:
    """A rule on a figure that nobody counts would never fire."""
    metrics = Metrics()
    metrics.accepted.labels("delivery_report")
    metrics.refused.labels("signature")
    given = set(re.findall(r"^(receiver_\w+)", metrics.text().decode(), re.MULTILINE))
    asked = set(re.findall(r"\b(receiver_\w+)\b", (SHIPPED / "alerts.yml").read_text()))
    assert len(asked) > 5
    assert asked <= given


def test_alerts_name_reasons_and_kinds_that_exist() -> None:
    """As the routes count them."""
    text = (SHIPPED / "alerts.yml").read_text()
    source = (ROOT / "receiver" / "webhook.py").read_text()
    for label in ("reason", "kind"):
        for value in set(re.findall(rf'{label}="(\w+)"', text)):
            assert f'"{value}"' in source, value


def test_settings_in_shipped_files_are_settings() -> None:
    """By their names; what belongs to others is listed."""
    others = {"MAILTO", "PYTHONUNBUFFERED", "PIP_NO_CACHE_DIR", "PIP_DISABLE_PIP_VERSION_CHECK"}
    for path in SHIPPED.iterdir():
        named = set(re.findall(r"\b([A-Z][A-Z]+(?:_[A-Z]+)*)=\S", path.read_text()))
        assert named <= {*config.names(), *others}, path.name


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_understands_the_units(unit: str, tmp_path: Path) -> None:
    """Every line: what systemd does not know it would silently leave out."""
    verify = needs("systemd-analyze")
    for path in SHIPPED.glob("plivo-*.*"):
        text = path.read_text().replace(f"{INSTALLED}/.venv/bin/python", sys.executable)
        (tmp_path / path.name).write_text(text.replace(INSTALLED, str(tmp_path)))
    done = subprocess.run(
        [verify, "verify", "--man=no", str(tmp_path / unit)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    said = [line for line in done.stderr.splitlines() if str(tmp_path) in line or unit in line]
    assert said == []


@pytest.mark.parametrize(
    ("program", "arguments"),
    [
        ("promtool", ["check", "rules", "alerts.yml"]),
        ("caddy", ["validate", "--adapter", "caddyfile", "--config", "Caddyfile"]),
        ("hadolint", ["Containerfile"]),
    ],
)
def test_its_own_program_understands_a_file(program: str, arguments: list[str]) -> None:
    """Where that program is installed."""
    done = subprocess.run(
        [needs(program), *arguments], cwd=SHIPPED, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_container_copies_what_there_is() -> None:
    """And runs as somebody without rights, by commands that get its signals."""
    text = (SHIPPED / "Containerfile").read_text()
    for line in re.findall(r"^COPY (.+)$", text, re.MULTILINE):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), source
    assert re.search(r"^USER (?!root|0)\S+$", text, re.MULTILINE)
    assert re.search(r'^CMD \["python", "-m", "receiver", "serve"', text, re.MULTILINE)
