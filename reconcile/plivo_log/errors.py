"""[pure] What can go wrong while Plivo's message log is read, grouped by what to do next.

PlivoLogError              exit code
├── Refused                2   wrong credentials, or an address that may not ask: mend settings
├── BadRequest             2   Plivo does not understand the request: its message says why
├── QuotaExhausted         3   429 for minutes: run again later, it goes on where it stopped
├── Unavailable            75  network, 5xx or broken pages, in spite of retries: try again later
└── Incoherent             75  the pages contradict each other: the window is not entered
    ├── RepeatedPage           the same page again and again
    └── OutsideWindow          rows that were not asked for

A setting that is missing or malformed is a receiver.config.SettingError, a damaged ledger a
receiver.day_files.FileProblem. No message carries a secret.
"""

from typing import ClassVar


class PlivoLogError(Exception):
    """The message says what happened and what to do; `exit_code` is the command's."""

    exit_code: ClassVar[int] = 75


class Refused(PlivoLogError):
    exit_code = 2


class BadRequest(PlivoLogError):
    exit_code = 2


class QuotaExhausted(PlivoLogError):
    exit_code = 3


class Unavailable(PlivoLogError):
    exit_code = 75


class Incoherent(PlivoLogError):
    exit_code = 75


class RepeatedPage(Incoherent):
    pass


class OutsideWindow(Incoherent):
    pass
