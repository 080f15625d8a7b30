"""The arrows of the architecture, kept by walking the imports."""

import ast
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOERS = {"socket", "sqlite3", "subprocess", "requests", "duckdb", "fcntl", "threading", "os"}


def modules(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def imports(path: Path) -> set[str]:
    """The whole names that a module imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def tops(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imports(path)}


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", modules("receiver"), ids=named)
def test_the_receiver_knows_nothing_of_the_reconciler(path: Path) -> None:
    assert not tops(path) & {"reconcile", "tests", "duckdb", "pandas"}


@pytest.mark.parametrize("path", modules("reconcile"), ids=named)
def test_the_reconciler_knows_of_the_receiver_only_its_files_and_settings(path: Path) -> None:
    allowed = ("receiver.columns", "receiver.config", "receiver.setting_values",
               "receiver.day_files", "receiver.journal", "receiver.sealing",
               "receiver.compaction", "receiver.alive", "receiver.archive", "receiver.forgetting",
               "receiver.unwanted", "receiver.diagnosis", "receiver.account.sdk")  # fmt: skip
    taken = {name for name in imports(path) if name.startswith("receiver.")}
    assert all(name.startswith(allowed) for name in taken), taken
    assert "tests" not in tops(path)


@pytest.mark.parametrize("path", modules("tests/simulator"), ids=named)
def test_the_simulator_imports_nothing_of_what_it_checks(path: Path) -> None:
    assert not tops(path) & {"receiver", "reconcile"}


@pytest.mark.parametrize("path", modules("receiver", "reconcile"), ids=named)
def test_a_module_says_whether_it_is_pure_and_keeps_its_word(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    if path.name == "__init__.py" and not docstring.startswith("["):
        return
    if path.name == "steps.py" or docstring.startswith("[pure]"):
        assert not tops(path) & DOERS, "a pure module does no I/O"
    else:
        assert docstring.startswith("[I/O]") or path.name == "generate.py", docstring[:40]


@pytest.mark.parametrize("path", modules("receiver", "reconcile"), ids=named)
def test_only_the_settings_read_the_environment(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if path.name not in ("config.py", "terminal.py"):  # a terminal's width is no setting
        assert "os.environ" not in text
        assert "getenv" not in text


@pytest.mark.parametrize("path", modules("receiver", "reconcile"), ids=named)
def test_only_day_files_renames(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if path.name != "day_files.py":
        assert ".rename(" not in text
        assert "os.replace" not in text


def test_rendering_does_no_arithmetic_on_rates() -> None:
    for path in modules("reconcile/rendering"):
        assert not tops(path) & {"math", "statistics", "numpy"}, path


def test_the_top_level_holds_what_it_should() -> None:
    ours = {"receiver", "reconcile", "notebooks", "data", "tests", "Makefile", "README.md",
            "pyproject.toml", "constraints.txt", "CHANGELOG.md", ".ci", ".gitignore"}  # fmt: skip
    tracked = {line.split("/")[0] for line in _git_files()}
    assert tracked <= ours, tracked - ours


def _git_files() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    return listed.stdout.split()
