"""Each fault does what its name says, and nothing happens without one."""

from datetime import timedelta

import pytest

from tests.simulator import (
    Faults,
    MessageTruth,
    PartTruth,
    Recorder,
    ReportTruth,
    Settings,
    Simulation,
    orders,
)
from tests.simulator.times import parse_iso

HOOK = "https://hooks.example/delivery_report"
FINAL = {"delivered", "undelivered", "failed", "rejected"}


def a_world(messages: int = 120, **faults: float) -> tuple[list[MessageTruth], Recorder]:
    recorder = Recorder()
    simulation = Simulation(Settings(faults=Faults(**faults)), recorder)
    start = simulation.now
    simulation.generate(orders(3, messages, start, start + timedelta(days=1)), HOOK)
    simulation.settle()
    return simulation.truth(), recorder


def parts(truth: list[MessageTruth]) -> list[PartTruth]:
    return [part for message in truth for part in message.parts]


def reports(truth: list[MessageTruth]) -> list[ReportTruth]:
    return [report for part in parts(truth) for report in part.reports]


def final_words(part: PartTruth) -> list[str]:
    return [report.status for report in part.reports if report.status in FINAL]


def log_word(part: PartTruth) -> str:
    assert part.log_row is not None
    return part.log_row.state


def test_without_faults_every_report_is_posted_once_and_the_log_agrees() -> None:
    truth, _ = a_world()
    assert all(report.answers == [200] for report in reports(truth))
    for part in parts(truth):
        assert final_words(part) == ([part.fate] if part.fate else [])
        assert log_word(part) == (part.fate or "sent")
        assert not part.faults


def test_faults_change_no_outcome() -> None:
    plain, _ = a_world()
    faulty, _ = a_world(lost=0.5, late=0.5, unknown_word=0.5, doubled=0.5)
    assert [p.message_uuid for p in parts(plain)] == [p.message_uuid for p in parts(faulty)]
    assert [part.fate for part in parts(plain)] == [part.fate for part in parts(faulty)]


def test_lost_reports_are_never_posted() -> None:
    truth, recorder = a_world(lost=1.0)
    assert not recorder.posted
    assert all(report.lost and not report.posted_at for report in reports(truth))


def test_doubled_reports_are_posted_again_after_their_200() -> None:
    truth, _ = a_world(doubled=1.0)
    assert all(report.answers == [200, 200] for report in reports(truth))


def test_late_reports_come_after_one_hour_to_two_days() -> None:
    truth, _ = a_world(late=1.0)
    for report in reports(truth):
        wait = parse_iso(report.posted_at[0]) - parse_iso(report.generated_at)
        assert timedelta(hours=1) <= wait <= timedelta(hours=48, minutes=1)


def test_reordered_reports_come_after_a_later_one() -> None:
    truth, recorder = a_world(40, reordered=1.0)
    for part in parts(truth):
        sequences = [int(posted["Sequence"]) for posted in recorder.of(part.message_uuid)]
        assert sorted(sequences) == list(range(1, len(sequences) + 1))
        assert sequences != sorted(sequences)


def test_without_receipts_everything_handed_over_stays_sent() -> None:
    truth, _ = a_world(no_receipt=1.0)
    handed_over = [part for part in parts(truth) if part.sent_at]
    assert handed_over
    assert all(part.fate is None and log_word(part) == "sent" for part in handed_over)


def test_in_a_status_conflict_the_later_side_is_the_truth() -> None:
    truth, _ = a_world(status_conflict=1.0)
    kinds = set()
    for part in parts(truth):
        receipted = [report for report in part.reports if report.delivery_report_time]
        if not receipted:
            continue
        assert part.log_row is not None
        assert log_word(part) != receipted[-1].status
        log_is_later = part.log_row.updated_at > (receipted[-1].delivery_report_time or "")
        assert part.fate == (log_word(part) if log_is_later else receipted[-1].status)
        kinds.add(log_is_later)
    assert kinds == {True, False}


def test_a_changed_final_state_is_reported_twice_and_the_log_has_the_second() -> None:
    truth, _ = a_world(final_change=1.0)
    changed = [part for part in parts(truth) if "final_change" in part.faults]
    assert changed
    for part in changed:
        first, second = final_words(part)
        assert first != second
        assert part.fate == log_word(part) == second


def test_unknown_words_are_reported_but_not_logged() -> None:
    truth, _ = a_world(unknown_word=1.0)
    known = FINAL | {"queued", "sent"}
    for part in parts(truth):
        assert len([r for r in part.reports if r.status not in known]) == 1
        assert log_word(part) in known


def test_a_log_that_is_behind_says_sent_for_ever() -> None:
    truth, _ = a_world(log_behind=1.0)
    behind = [part for part in parts(truth) if part.fate in {"delivered", "undelivered"}]
    assert behind
    assert {log_word(part) for part in behind} == {"sent"}


def test_a_settled_world_tells_every_fate_even_if_nobody_heard_of_it() -> None:
    plain, _ = a_world()
    unheard, _ = a_world(log_behind=1.0, lost=1.0)
    assert [part.fate for part in parts(unheard)] == [part.fate for part in parts(plain)]


def test_redacted_numbers_end_in_three_stars_on_one_side_at_least() -> None:
    truth, recorder = a_world(40, redacted=1.0)
    assert all(m.redacted_in_reports or m.redacted_in_log for m in truth)
    for message in truth:
        for posted in recorder.of(message.message_uuid):
            assert posted["To"].endswith("***") == message.redacted_in_reports


def test_reports_can_lack_their_sequence() -> None:
    _, recorder = a_world(no_sequence=1.0)
    assert all("Sequence" not in posted.parameters for posted in recorder.posted)
    assert all("MessageTime" in posted.parameters for posted in recorder.posted)


def test_late_rows_show_minutes_after_their_message_time() -> None:
    simulation = Simulation(Settings(faults=Faults(late_row=1.0)), Recorder())
    start = simulation.now
    simulation.generate(orders(3, 10, start, start + timedelta(seconds=50)), HOOK)
    simulation.advance(start + timedelta(seconds=59))
    assert all(part.log_row is None for part in parts(simulation.truth()))
    simulation.advance(start + timedelta(minutes=17))
    assert all(part.log_row is not None for part in parts(simulation.truth()))


def test_a_share_above_one_is_refused() -> None:
    with pytest.raises(ValueError, match="lost is"):
        Faults(lost=1.5)
