"""What the page promises of its bytes: self-contained, small, the same each time, escaped."""

import base64
import hashlib
import re
from dataclasses import replace
from datetime import date

import pytest

from reconcile.rendering.html import answers
from reconcile.rendering.html.page import page
from tests import overviews

WORLDS = (overviews.empty, overviews.one_message, overviews.one_country, overviews.traffic,
          overviews.a_year, overviews.many_countries)  # fmt: skip
LARGEST = 2_000_000  # bytes, so that it can be an e-mail's attachment


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: str(world.__name__))
def test_it_is_small_and_the_same_bytes_each_time(world: type) -> None:
    first = page(world())
    assert len(first.encode()) < LARGEST
    assert page(world()) == first


def test_hours_and_months_are_drawn_like_days() -> None:
    assert 'data-chart="rate"' in page(overviews.traffic(step="hour", steps=48))
    months = overviews.traffic(steps=4)
    named = [replace_step(row, number) for number, row in enumerate(months.by_time)]
    assert "March 2026" in page(replace(months, step="month", by_time=named, by_time_and_match=[]))


def replace_step(row: dict[str, object], number: int) -> dict[str, object]:
    return {**row, "step": date(2026, 1 + number, 1)}


def test_the_policy_names_its_scripts_by_hash_and_allows_no_eval() -> None:
    document = page(overviews.traffic())
    found = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', document)
    assert found is not None
    policy = found[1].replace("&#39;", "'")
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe-eval" not in policy
    assert "unsafe-inline" not in policy.replace("style-src 'unsafe-inline'", "")
    scripts = re.findall(r"<script>(.*?)</script>", document, flags=re.DOTALL)
    assert len(scripts) == 2
    for script in scripts:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy


def test_nothing_in_it_is_loaded_from_elsewhere() -> None:
    document = page(overviews.traffic())
    without_scripts = re.sub(r"<script>.*?</script>", "", document, flags=re.DOTALL)
    assert re.findall(r'(?:src|href)="(?!#|data:,)', without_scripts) == []
    assert re.findall(r"@import|url\((?!#)", without_scripts) == []


def test_a_page_without_charts_carries_no_library() -> None:
    assert len(page(overviews.one_message()).encode()) < 60_000


def test_markup_in_the_data_stays_text() -> None:
    document = page(overviews.traffic(sender="<script>alert(1)</script>"))
    assert "<script>alert" not in document
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in document


def test_the_first_sentence_says_how_delivery_is() -> None:
    given = overviews.traffic()
    assert answers.verdict(given) == "Delivery fell by 1.7 points; two things stand out"
    assert given.change is not None
    unclear = replace(given, change=replace(given.change, clear=False), findings=[])
    assert answers.verdict(unclear) == "Delivery shows no clear change; nothing stands out"
    still = replace(given.change, clear=False, points=-0.002)
    steady = replace(given, change=still, findings=[])
    assert answers.verdict(steady) == "Delivery is steady; nothing stands out"
    assert answers.verdict(overviews.empty()) == "There are no messages to report on"
    assert answers.verdict(overviews.one_message()) == "1 message: too few to judge"
    silent = overviews.overview({"unconfirmed": 40})
    assert answers.verdict(silent) == "No message has an end yet"


def test_the_minute_answers_where_since_when_why_and_what_it_costs() -> None:
    told = {answer.question: answer for answer in answers.answers(overviews.traffic(), {})}
    assert told["Where not?"].short == "NG · Vodafone"
    assert told["Since when?"].short == "22 Mar 2026"
    assert told["Why?"].short == "90 No Route Available"
    assert told["What does it cost?"].short == "0.00848"
    assert told["Can I trust it?"].tone == "fine"


def test_what_little_came_by_report_is_a_warning() -> None:
    given = overviews.traffic()
    audit = {**given.report.audit, "capture_rate": 0.4}
    doubtful = replace(given, report=replace(given.report, audit=audit))
    told = answers.answers(doubtful, {})[-1]
    assert told.tone == "warn"
    assert "40.0% of ends reached us" in told.more


def test_routes_beyond_those_drawn_stand_in_the_tables() -> None:
    document = page(overviews.many_countries())
    assert "184 more countries stand in the table of countries." in document
    assert "The table ends after 500 routes." in document


def test_of_many_findings_the_costliest_are_told_first() -> None:
    given = overviews.traffic()
    document = page(replace(given, findings=given.findings * 5))
    assert "10 things stand out" in document
    assert "4 more that cost less" in document
