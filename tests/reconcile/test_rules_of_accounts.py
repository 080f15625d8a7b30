"""Several accounts in one folder: each one's messages are looked for in a log that holds them."""

import pytest

from tests.builders import log_row, report, window
from tests.reconcile.reckoning import Reckon

MAIN, OTHER, SUB, SISTER = "MA1", "MA2", "SA1", "SA2"


@pytest.mark.parametrize(
    ("account", "read", "match"),
    [
        (MAIN, [MAIN], "log_missing"),
        (MAIN, [OTHER], "not_pulled"),
        (MAIN, [SUB], "not_pulled"),  # a subaccount's login shows only its own
        (MAIN, [None], "log_missing"),  # a ledger that names no account
        (SUB, [MAIN], "log_missing"),  # a main account's log holds its subaccounts' messages
        (SUB, [SUB], "log_missing"),
        (SUB, [SISTER], "not_pulled"),
        (SUB, [MAIN, OTHER], "log_missing"),
        (None, [MAIN], "log_missing"),
        (None, [SUB], "not_pulled"),  # it may be the main account's
        (None, [MAIN, OTHER], "log_missing"),
    ],
)
def test_a_message_is_missing_only_where_a_log_was_read_that_would_hold_it(
    reckon: Reckon, account: str | None, read: list[str | None], match: str
) -> None:
    found = reckon(report(account=account), windows=[window(account=whose) for whose in read])
    assert found["match"] == match


@pytest.mark.parametrize("account", [SUB, None])
def test_whose_a_message_is_unknown_it_may_stand_in_a_log_that_was_not_read(
    reckon: Reckon, account: str | None
) -> None:
    """Two main accounts, and noon was read of one of them only."""
    windows = [window(account=MAIN), window("00:00:00", "06:00:00", account=OTHER)]
    assert reckon(report(account=account), windows=windows)["match"] == "not_pulled"


@pytest.mark.parametrize("account", [SUB, None])
def test_of_two_logs_the_lesser_reading_counts(reckon: Reckon, account: str | None) -> None:
    windows = [window(account=MAIN), window(account=OTHER, how="counted")]
    assert reckon(report(account=account), windows=windows)["match"] == "counted"


def test_a_row_in_any_log_is_a_match(reckon: Reckon) -> None:
    found = reckon(report(account=SUB), log_row(account=OTHER), windows=[window(account=MAIN)])
    assert (found["match"], found["account"]) == ("agree", SUB)


def test_what_no_reading_of_its_account_covers_does_not_count_as_read(reckon: Reckon) -> None:
    both = reckon.all(
        report("mine", account=MAIN), report("theirs", account=OTHER),
        windows=[window(account=MAIN)],
    )  # fmt: skip
    assert both["mine"]["window_read"] is True
    assert both["theirs"]["window_read"] is False
