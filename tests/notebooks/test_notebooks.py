"""Every notebook runs from the top, on a week of pretended traffic and on less."""

import ast
import importlib.util
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import altair as alt
import nbformat
import pytest
import vl_convert
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from nbclient import NotebookClient
from nbformat import NotebookNode

import reconcile
from receiver import config
from receiver.callback import Callback
from receiver.journal import Journal
from reconcile.charts import notebook
from reconcile.plivo_log.client import connect
from reconcile.plivo_log.pull import pull
from reconcile.plivo_log.windows import plan
from tests import builders, processes
from tests.simulator import Faults, Served, Settings, Simulation, orders

NOTEBOOKS = sorted((processes.ROOT / "notebooks").glob("*.ipynb"))
START = datetime(2026, 3, 2, tzinfo=UTC)
WEEK = timedelta(days=7)
MESSAGES = 400
CHART = notebook.MIME
LEAST_CHARTS = {"01_delivery_rates": 6, "02_where_and_why": 3, "03_can_i_trust_it": 3,
                "04_your_own_question": 1}  # fmt: skip

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


class Played(NamedTuple):
    """A notebook that was run, and the folder that it was run on."""

    name: str
    book: NotebookNode
    data_dir: Path


@pytest.fixture(scope="session")
def traffic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder as receiver and puller leave it behind; in process, at no pace."""
    data_dir = tmp_path_factory.mktemp("traffic")
    faults = Faults(lost=0.03, no_receipt=0.03, doubled=0.02)
    sim = Simulation(Settings(seed=7, start=START, list_requests_per_minute=None, faults=faults))
    with Journal(data_dir / "journal") as journal:

        def receive(url: str, method: str, _headers: Mapping[str, str], payload: str) -> int:
            journal.append(
                Callback(
                    received_at=sim.now,
                    kind="delivery_report",
                    http_method=method,
                    body=payload.encode(),
                    query=urlsplit(url).query.encode(),
                )
            )
            return 200

        sim.deliver = receive
        sim.generate(
            orders(7, MESSAGES, START, START + WEEK), url="https://sms.example.org/delivery_report"
        )
        sim.advance(START + WEEK + timedelta(hours=1))  # so that the last days are provisional
    with Served(sim) as plivo:
        _pull(sim, plivo.url, data_dir)
    return data_dir


def _pull(sim: Simulation, plivo_url: str, data_dir: Path) -> None:
    main = sim.settings.account.main
    settings = config.load(
        environment={
            "DATA_DIR": str(data_dir),
            "PLIVO_API_URL": plivo_url,
            "PLIVO_AUTH_ID": main.auth_id,
            "PLIVO_AUTH_TOKEN": main.auth_token,
            "LOG_REQUESTS_PER_MINUTE": "100000",
        }
    )
    windows = plan(
        since=START, until=START + WEEK, ledger=[], still_open=[], now=sim.now, mode="pull"
    )  # fmt: skip
    with connect(settings) as client:
        assert pull(settings, windows, client=client, now=lambda: sim.now).complete


@pytest.fixture(scope="session", params=NOTEBOOKS, ids=lambda path: path.stem)
def played(request: pytest.FixtureRequest, traffic: Path) -> Played:
    return Played(request.param.stem, run(request.param, traffic), traffic)


def read(path: Path) -> NotebookNode:
    book: NotebookNode = nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)  # type: ignore[no-untyped-call]
    return book


def run(path: Path, data_dir: Path) -> NotebookNode:
    """The notebook with its outputs, in a kernel as Jupyter starts it; fails where a cell does."""
    book = read(path)
    client = NotebookClient(
        book,
        kernel_name="python3",
        timeout=120,
        resources={"metadata": {"path": str(path.parent)}},
    )
    given = {"DATA_DIR": str(data_dir)}
    client.execute(env=processes.environment(given))
    return book


def run_here(path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, list[Any]]:
    """What it prints and what its cells show, without a kernel of its own: much faster."""
    monkeypatch.chdir(path.parent)
    for name, value in processes.environment({"DATA_DIR": str(data_dir)}).items():
        monkeypatch.setenv(name, value)
    shell: Any = InteractiveShell()  # type: ignore[no-untyped-call]
    shown = []
    with capture_output() as captured:
        for cell in read(path).cells:
            if cell.cell_type == "code":
                done = shell.run_cell(cell.source)
                done.raise_error()
                shown.append(done.result)
    return captured.stdout, shown


def outputs(book: NotebookNode) -> list[NotebookNode]:
    return [output for cell in book.cells for output in cell.get("outputs", [])]


def charts(book: NotebookNode) -> Iterator[dict[str, Any]]:
    for output in outputs(book):
        if CHART in output.get("data", {}):
            yield output.data[CHART]


def shown_as(book: NotebookNode, kind: str) -> str:
    return "".join(output.get("data", {}).get(kind, "") for output in outputs(book))


def test_on_traffic_every_cell_runs_without_a_complaint(played: Played) -> None:
    kinds = {(output.output_type, output.get("name")) for output in outputs(played.book)}
    assert kinds <= {("display_data", None), ("execute_result", None), ("stream", "stdout")}


def test_on_traffic_there_are_charts_and_each_holds_data_and_says_what_it_shows(
    played: Played,
) -> None:
    drawn = list(charts(played.book))
    assert len(drawn) >= LEAST_CHARTS[played.name]
    for chart in drawn:
        assert chart["datasets"]
        assert all(chart["datasets"].values()), "a chart without rows"
        assert chart["description"]
        assert "tooltip" in str(chart)
        assert vl_convert.vegalite_to_png(chart), "it can be drawn"


def test_nothing_is_loaded_from_the_internet_to_draw(played: Played) -> None:
    page = shown_as(played.book, "text/html")
    assert "window.vegaEmbed=" in page, "the script that draws is there, once"
    assert page.count("window.vegaEmbed=") == 1
    ours = re.sub(r"<script>if \(!window.vegaEmbed\).*?</script>", "", page, flags=re.DOTALL)
    assert len(ours) < len(page) - 500_000
    assert not re.search(r"<(?:script|link|img)[^>]+(?:src|href)=", ours)
    assert "cdn." not in ours


def test_the_numbers_are_those_of_the_report(played: Played) -> None:
    total = reconcile.rates(by="none", data_dir=played.data_dir).iloc[0]
    assert total["submitted"] == MESSAGES
    if played.name == "01_delivery_rates":
        by_fate = next(c for c in charts(played.book) if "stacked by" in c["description"])
        rows = [row for rows in by_fate["datasets"].values() for row in rows if "fate" in row]
        queued = int(total["queued"])
        assert sum(row["messages"] for row in rows) == MESSAGES - queued
        assert f"{total['confirmed_rate']:.1%} of the" in shown_as(played.book, "text/markdown")
    if played.name == "03_can_i_trust_it":
        audit = reconcile.audit(data_dir=played.data_dir)
        assert f">{audit['capture_rate_numerator']:,}<" in shown_as(played.book, "text/html")
    if played.name == "04_your_own_question":
        printed = "".join(o.text for o in outputs(played.book) if o.output_type == "stream")
        assert "the same as pandas: True" in printed
        assert "Skipped: Spark" in printed or "the same as DuckDB: True" in printed


def test_a_route_is_drilled_down_to_a_message_and_its_verdict(played: Played) -> None:
    if played.name == "02_where_and_why":
        told = shown_as(played.book, "text/markdown")
        assert re.search(r"### country=.*,carrier=", told)
        assert " wins: " in told


def test_no_output_shows_whom_we_wrote_to(played: Played) -> None:
    shown = str(played.book)
    for number in reconcile.messages(data_dir=played.data_dir)["to_number"].dropna():
        assert number not in shown


@each_notebook
def test_on_an_empty_folder_it_runs_and_says_how_to_get_data(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    printed, shown = run_here(path, tmp_path, monkeypatch)
    assert "make demo" in printed
    assert not any(isinstance(value, alt.TopLevelMixin) for value in shown)


@each_notebook
def test_it_runs_where_no_message_has_ended_yet(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)  # Spark runs on traffic
    log = [builders.log_row("m1", "queued"), builders.log_row("m2", "sent", to_number=None)]
    folder = builders.write_folder(tmp_path, log=log, windows=[builders.window()])
    printed, _ = run_here(path, folder, monkeypatch)
    assert "make demo" not in printed


def test_without_spark_its_cell_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    path = next(path for path in NOTEBOOKS if path.stem == "04_your_own_question")
    folder = builders.write_folder(tmp_path, log=[builders.log_row()], windows=[builders.window()])
    printed, _ = run_here(path, folder, monkeypatch)
    assert "pip install pyspark" in printed


@each_notebook
def test_it_is_kept_without_outputs_and_runs_on_any_python3(path: Path) -> None:
    book = read(path)
    nbformat.validate(book)
    assert book.nbformat_minor >= 5, "cells have ids since 4.5"
    assert book.metadata.kernelspec.name == "python3"
    for cell in book.cells:
        assert cell.id
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


@each_notebook
def test_words_come_before_code_and_nothing_is_defined_there(path: Path) -> None:
    book = read(path)
    before = "nothing"
    for cell in book.cells:
        if cell.cell_type == "code":
            assert before != "nothing", "a notebook begins with words"
            for node in ast.walk(ast.parse(cell.source)):
                assert not isinstance(
                    node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda
                ), cell.id
        before = cell.cell_type


@each_notebook
def test_it_imports_only_what_carries_results_to_people(path: Path) -> None:
    imported = set()
    for cell in read(path).cells:
        if cell.cell_type == "code":
            for node in ast.walk(ast.parse(cell.source)):
                if isinstance(node, ast.Import):
                    imported |= {alias.name for alias in node.names}
                elif isinstance(node, ast.ImportFrom):
                    imported.add(node.module or ".")
    allowed = {"os", "pathlib", "reconcile", "reconcile.charts", "reconcile.conditions", "pandas",
               "altair", "IPython.display"}  # fmt: skip
    if path.stem == "04_your_own_question":
        allowed |= {"duckdb", "reconcile.engines", "receiver", "importlib.util", "shutil"}
    assert imported <= allowed


@each_notebook
def test_there_is_one_cell_to_set_and_it_is_tagged_as_such(path: Path) -> None:
    cells = [cell for cell in read(path).cells if "parameters" in cell.metadata.get("tags", [])]
    assert len(cells) == 1
    assert "DATA_DIR = " in cells[0].source


def test_links_between_notebooks_lead_somewhere() -> None:
    for path in NOTEBOOKS:
        for cell in read(path).cells:
            for target in re.findall(r"\]\(([^)#]+\.ipynb)\)", cell.source):
                assert (path.parent / target).exists(), target


def test_the_readme_lists_every_notebook() -> None:
    text = (processes.ROOT / "notebooks" / "README.md").read_text(encoding="utf-8")
    assert all(f"({path.name})" in text for path in NOTEBOOKS)
