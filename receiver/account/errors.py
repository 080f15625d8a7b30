"""[pure] What can go wrong between us and the account, grouped by what to do next.

AccountProblem    exit code
├── Refused       2   wrong credentials, or a request that Plivo does not take: its words say why
├── Missing       2   the account has nothing under this name
├── NotAgreed     2   what costs money or takes something away was not agreed to
└── Unavailable   75  network, 5xx, too many requests: try again later

A setting that is missing or malformed is a receiver.config.SettingError. No message carries a
secret or a whole phone number.
"""

from typing import ClassVar


class AccountProblem(Exception):
    """The message says what happened and what to do; `exit_code` is the command's."""

    exit_code: ClassVar[int] = 75


class Refused(AccountProblem):
    exit_code = 2


class Missing(AccountProblem):
    exit_code = 2


class NotAgreed(AccountProblem):
    exit_code = 2


class Unavailable(AccountProblem):
    exit_code = 75
