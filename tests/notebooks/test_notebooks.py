"""Every notebook runs from the top, on a week of pretended traffic and on less."""

import ast
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

import reconcile
from receiver import config
from receiver.callback import Callback
from receiver.journal import Journal
from reconcile.plivo_log.client import connect
from reconcile.plivo_log.pull import pull
from reconcile.plivo_log.windows import plan
from tests import builders, processes
from tests.simulator import Faults, Served, Settings, Simulation, orders

NOTEBOOKS = sorted((processes.ROOT / "notebooks").glob("*.ipynb"))
START = datetime(2026, 3, 2, tzinfo=UTC)
WEEK = timedelta(days=7)
MESSAGES = 150
CHART = "application/vnd.vegalite.v6+json"
# Charts as what they are made of, not as a page that draws them. Altair's own name for that lacks
# the +json without which it may not stand in a notebook.
CHARTS_AS_JSON = f"""
import altair
altair.renderers.register("as_json", lambda spec, **_: {{"{CHART}": spec}})
altair.renderers.enable("as_json");
"""

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


class Played(NamedTuple):
    """A notebook that was run, and the folder that it was run on."""

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
    return Played(run(request.param, traffic), traffic)


def read(path: Path) -> NotebookNode:
    book: NotebookNode = nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)  # type: ignore[no-untyped-call]
    return book


def run(path: Path, data_dir: Path) -> NotebookNode:
    """The notebook with its outputs; fails where a cell does."""
    book = read(path)
    book.cells.insert(0, new_code_cell(CHARTS_AS_JSON))  # type: ignore[no-untyped-call]
    client = NotebookClient(
        book,
        kernel_name="python3",
        timeout=60,
        resources={"metadata": {"path": str(path.parent)}},
    )
    given = {"DATA_DIR": str(data_dir)}
    client.execute(env=processes.environment(given))
    return book


def outputs(book: NotebookNode) -> list[NotebookNode]:
    return [output for cell in book.cells for output in cell.get("outputs", [])]


def charts(book: NotebookNode) -> Iterator[dict[str, Any]]:
    for output in outputs(book):
        if CHART in output.get("data", {}):
            yield output.data[CHART]


def said(book: NotebookNode) -> str:
    return "".join(output.text for output in outputs(book) if output.output_type == "stream")


def test_on_traffic_every_cell_runs_without_a_complaint(played: Played) -> None:
    kinds = {(output.output_type, output.get("name")) for output in outputs(played.book)}
    assert kinds <= {("display_data", None), ("execute_result", None), ("stream", "stdout")}


def test_on_traffic_there_are_charts_and_each_holds_data_and_says_what_it_shows(
    played: Played,
) -> None:
    shown = list(charts(played.book))
    assert len(shown) >= 4
    for chart in shown:
        assert chart["datasets"]
        assert all(chart["datasets"].values()), "a chart without rows"
        assert chart["title"]["text"]
        assert "tooltip" in str(chart)


def test_the_charts_count_each_message_once(played: Played) -> None:
    total = reconcile.rates(by="none", data_dir=played.data_dir).iloc[0]
    assert total["submitted"] == MESSAGES
    of_all = ("delivered", "undelivered", "unconfirmed", "open", "queued", "failed")
    assert sum(total[name] for name in of_all) == MESSAGES
    by_fate = [
        sum(row["messages"] for row in rows)
        for chart in charts(played.book)
        for rows in chart["datasets"].values()
        if {row.get("fate") for row in rows} >= {"delivered", "open", "no receipt"}
    ]
    assert len(by_fate) >= 2, "what became of the messages: in all, and day by day"
    assert set(by_fate) == {MESSAGES}


def test_no_output_shows_whom_we_wrote_to(played: Played) -> None:
    shown = str(played.book)
    for number in reconcile.messages(data_dir=played.data_dir)["to_number"].dropna():
        assert number not in shown


@each_notebook
def test_on_an_empty_folder_it_runs_and_says_how_to_get_data(path: Path, tmp_path: Path) -> None:
    book = run(path, tmp_path)
    assert "make demo" in said(book)
    assert not list(charts(book))


@each_notebook
def test_it_runs_where_no_message_has_ended_yet(path: Path, tmp_path: Path) -> None:
    log = [builders.log_row("m1", "queued"), builders.log_row("m2", "sent", to_number=None)]
    run(path, builders.write_folder(tmp_path, log=log, windows=[builders.window()]))


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
def test_it_imports_only_the_rates_frames_and_charts(path: Path) -> None:
    imported = set()
    for cell in read(path).cells:
        if cell.cell_type == "code":
            for node in ast.walk(ast.parse(cell.source)):
                if isinstance(node, ast.Import):
                    imported |= {alias.name for alias in node.names}
                elif isinstance(node, ast.ImportFrom):
                    imported.add(node.module or ".")
    assert imported <= {"os", "pathlib", "reconcile", "pandas", "altair"}
