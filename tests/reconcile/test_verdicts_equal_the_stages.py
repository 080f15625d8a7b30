"""What `explain` says decided, did decide: held against the stages, whatever lies in the folder."""

import io
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from rich.console import Console

from reconcile.explaining.evidence import Evidence, of_message
from reconcile.explaining.explain import Explanation, explain
from reconcile.explaining.winning_order import LOG_ORDER, WINNING_ORDER, Criterion
from reconcile.plivo_log.coverage import Window
from reconcile.rendering import story, story_json
from tests.reconcile import oracle, reckoning
from tests.reconcile.nasty import HORIZON, Folder, folders
from tests.reconcile.reckoning import Stages

Row = dict[str, Any]

UNHURRIED = settings(deadline=None, suppress_health_check=list(HealthCheck))
SIDES = {
    "only_log": "log",
    "only_reports": "report",
    "same_end": "log",
    "log_over_report": "log",
    "later_report": "report",
    "log_on_tie": "log",
}


def explained(stages: Stages, folder: Folder) -> Iterator[tuple[Evidence, Explanation]]:
    """Every message of the folder."""
    found = stages.messages(
        folder.reports, folder.log, folder.windows, as_of=folder.as_of,
        callback_zone=folder.callback_zone, every_report=True,
    )  # fmt: skip
    windows: list[Window] = [reckoning.window(line) for line in folder.windows]
    now = folder.as_of or oracle.latest_moment(folder.reports, folder.log, folder.windows)
    for message in found:
        held = of_message(
            stages.engine, message["message_uuid"], windows=windows, as_of=now, horizon=HORIZON
        )
        assert held is not None
        yield held, explain(held)


def check_order(rows: list[Row], typed: list[Row], order: tuple[Criterion, ...]) -> None:
    """One winner, place 1; each loser's criterion differs that way, and all before are equal."""
    by_place = {row["place"]: row | {"number": 0} for row in typed}
    assert [row["verdict"] for row in rows] == ["wins"] + ["loses"] * (len(rows) - 1)
    assert rows[0]["place"] == 1
    assert sorted(row["number"] for row in rows) == list(range(1, len(rows) + 1))
    rules = [criterion.rule for criterion in order]
    for row in rows[1:]:
        decisive = rules.index(row["rule"])
        values = [
            (criterion.value(by_place[1]), criterion.value(by_place[row["place"]]))
            for criterion in order[: decisive + 1]
        ]
        assert all(best == worse for best, worse in values[:-1]), row
        best, worse = values[-1]
        if row["rule"] == "copy":
            continue
        assert best is not None, row
        assert worse is None or best > worse, row


def check_part(held: Evidence, part: Row, told: Row) -> None:
    uuid = part["message_uuid"]
    reports, rows = held.reports.get(uuid, []), held.log_rows.get(uuid, [])
    assert len(told["reports"]) == len(reports)
    assert len(told["log_rows"]) == len(rows)
    if reports:
        check_order(told["reports"], reports, WINNING_ORDER)
    if rows:
        check_order(told["log_rows"], rows, LOG_ORDER)
        latest = held.latest[uuid]
        assert rows[0]["state"] == latest["state"]
        assert rows[0]["pulled_at"] == latest["pulled_at"]
        assert rows[0]["message_updated_time"] == latest["message_updated_time"]
    copies = sum(row["copy_of"] is not None for row in told["reports"])
    late = sum(row["out_of_order_after"] is not None for row in told["reports"])
    assert (copies, late) == (part["duplicate_reports"], part["out_of_order_reports"])
    for row, typed in zip(told["reports"], reports, strict=True):
        assert len(row["untyped"]) == typed["untyped_values"]


def check_verdict(held: Evidence, part: Row, told: Row) -> None:
    """The rule that is named leads to the side that the stage chose, and to the state."""
    verdict = told["verdict"]
    assert verdict["side"] == part["winner"]
    rule, ends = verdict["rule"], (part["report_final"], part["log_final"])
    expected = {
        "only_log": not part["has_reports"],
        "only_reports": not part["in_log"],
        "final_beats_open": ends in ((True, False), (False, True)),
        "same_end": ends == (True, True),
        "log_over_report": ends == (True, True) and part["report_state"] != part["log_state"],
        "later_report": ends == (True, True) and part["report_state"] != part["log_state"],
        "clocks_apart": ends == (True, True) and bool(part["clock_shift_minutes"]),
        "log_on_tie": ends == (False, False),
        "higher_rank": ends == (False, False),
    }
    assert expected[rule], (rule, part)
    if rule in SIDES:
        assert SIDES[rule] == part["winner"]
    if rule == "final_beats_open":
        assert verdict["side"] == ("report" if ends[0] else "log")
    if rule == "higher_rank":
        ranks = (
            held.reports[part["message_uuid"]][0]["rank"],
            held.latest[part["message_uuid"]]["rank"],
        )
        assert verdict["side"] == ("report" if ranks[0] > ranks[1] else "log")


def check_values(held: Evidence, part: Row, told: Row) -> None:
    """The row that a value is said to come from has it, and no value is without an origin."""
    uuid = part["message_uuid"]
    origins = told["values"]["from"]
    places = {row["number"]: row["place"] for row in told["reports"]}
    for name, origin in origins.items():
        if origin["side"] == "log":
            assert origin["number"] == told["log_rows"][0]["number"]
            row = held.latest[uuid]
        else:
            row = held.reports[uuid][places[origin["number"]] - 1]
        assert row[origin["column"]] == part[name], (name, origin)
    named = ("units", "total_amount", "carrier_fees", "mcc", "mnc", "type", "powerpack_uuid",
             "from_number", "to_number", "error_code", "message_time", "queued_at", "sent_at",
             "final_at")  # fmt: skip
    if held.message["direction"] == "outbound":
        assert {name for name in named if part[name] is not None} == set(origins)


def check_message(held: Evidence, told: Explanation) -> None:
    message, why = held.message, told.message["why"]
    assert (why["country"]["rule"] == "unknown") == (message["country"] is None)
    assert (why["carrier"]["rule"] == "unknown") == (message["carrier"] is None)
    parts = {
        "one_uuid_for_all": 1,
        "part_info": max((part["part_count"] or 0 for part in held.parts), default=0),
        "parts_seen": len(held.parts),
    }
    assert parts[why["parts_expected"]["rule"]] == message["parts_expected"]
    assert why["match"]["rule"] == (message["match"] or "inbound")
    outcomes = {
        "inbound": None, "part_failed": "failed", "part_undelivered": "undelivered",
        "all_delivered": "delivered", "beyond_horizon": "unconfirmed", "within_horizon": "pending",
    }  # fmt: skip
    assert outcomes[why["outcome"]["rule"]] == message["outcome"]
    if message["outcome"] in ("unconfirmed", "pending"):
        assert told.as_of is not None
        sign = message["last_sign_at"] or message["message_time"]
        beyond = told.as_of - sign > timedelta(hours=told.horizon_hours)
        assert beyond == (message["outcome"] == "unconfirmed")


def check_shown(told: Explanation) -> None:
    """Both forms can be written, and the table keeps to its width."""
    shown = json.loads(story_json.as_json(told))
    assert [part["message_uuid"] for part in shown["parts"]] == [
        part["message_uuid"] for part in told.parts
    ]
    out = io.StringIO()
    story.render(Console(file=out, width=80), told)
    assert max(map(len, out.getvalue().splitlines())) <= 80


def check(stages: Stages, folder: Folder) -> None:
    for held, told in explained(stages, folder):
        for part, shown in zip(held.parts, told.parts, strict=True):
            check_part(held, part, shown)
            check_values(held, part, shown)
            if held.message["direction"] == "outbound":
                check_verdict(held, part, shown)
        check_message(held, told)
        check_shown(told)


@settings(UNHURRIED, max_examples=14)
@given(folder=folders())
def test_every_verdict_is_that_of_the_stages(stages: Stages, folder: Folder) -> None:
    check(stages, folder)


@pytest.mark.slow
@settings(UNHURRIED, max_examples=400)
@given(folder=folders())
def test_very_many_verdicts_are_those_of_the_stages(stages: Stages, folder: Folder) -> None:
    check(stages, folder)
