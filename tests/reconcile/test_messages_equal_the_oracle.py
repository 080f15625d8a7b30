"""Every column of every message, whatever lies in the folder: the SQL against a second reading."""

import pytest
from hypothesis import HealthCheck, example, given, settings

from tests.builders import NOON, at, log_row, report, window
from tests.reconcile import oracle
from tests.reconcile.nasty import Folder, folders
from tests.reconcile.reckoning import Stages

UNHURRIED = settings(deadline=None, suppress_health_check=list(HealthCheck))

# Met once as differences of reading, or chosen: two sides that both hold something odd.
READ_AND_UNDELIVERED = Folder(
    [report("p1", "read", delivery_report_time="2026-03-01 12:00:01"), report("p1", "undelivered")],
    [log_row("p1", "delivered", message_updated_time=at("12:00:00"))],
)
LOG_ALONE_WITHOUT_DIRECTION = Folder([], [log_row("p1", "sent", message_direction=None)])
PART_BEYOND_ALL_PARTS = Folder([report("p1", part_info="3 of 2", units="3")])
COPIES_OF_THREE_ENDS = Folder(
    [
        report("p1", status, delivery_report_time=f"2026-03-01 12:00:{second}")
        for status, second in (
            ("delivered", "10"), ("undelivered", "11"), ("read", "12"), ("delivered", "13"),
        )
    ]
)  # fmt: skip
GUESSED_AND_COUNTED = Folder(
    [report("p1", "sent", message_time=None)], [], [window(how="counted"), window("13:00:00")]
)
NO_UUID_BUT_A_PARENT = Folder([report(None, parent_message_uuid="p1"), report("p1", "queued")])
NEXT_WEEK = Folder([report("p1", "queued")], [], [], NOON.replace(day=8))


def compare(stages: Stages, folder: Folder) -> None:
    """Only what differs, so that a failure reads as one line a message."""
    derived, told = (
        messages(
            folder.reports, folder.log, folder.windows, as_of=folder.as_of,
            callback_zone=folder.callback_zone,
        )
        for messages in (stages.messages, oracle.messages)
    )  # fmt: skip
    assert [row["message_uuid"] for row in derived] == [row["message_uuid"] for row in told]
    for sql, plain in zip(derived, told, strict=True):
        assert set(sql) == set(plain)
        differing = {
            name: {"sql": sql[name], "oracle": plain[name]}
            for name in plain
            if sql[name] != plain[name]
        }
        assert not differing, f"{sql['message_uuid']}: {differing}"


@settings(UNHURRIED, max_examples=30)
@given(folder=folders())
@example(READ_AND_UNDELIVERED)
@example(LOG_ALONE_WITHOUT_DIRECTION)
@example(PART_BEYOND_ALL_PARTS)
@example(COPIES_OF_THREE_ENDS)
@example(GUESSED_AND_COUNTED)
@example(NO_UUID_BUT_A_PARENT)
@example(NEXT_WEEK)
@example(Folder())
def test_any_small_folder_gives_the_same_messages(stages: Stages, folder: Folder) -> None:
    compare(stages, folder)


@pytest.mark.slow
@settings(UNHURRIED, max_examples=1500)
@given(folder=folders())
def test_very_many_small_folders_give_the_same_messages(stages: Stages, folder: Folder) -> None:
    compare(stages, folder)
