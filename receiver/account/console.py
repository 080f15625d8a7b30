"""[I/O] Results on stdout, remarks on stderr, and questions where somebody can answer."""

import sys

from receiver.account.errors import NotAgreed
from receiver.account.phone_numbers import masked


def say(line: str) -> None:
    print(line, flush=True)


def remark(line: str) -> None:
    print(f"receiver: {line}", file=sys.stderr, flush=True)


def ask(question: str) -> None:
    """Raises NotAgreed for anything but a yes, and where nobody is there to ask."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise NotAgreed(f"{masked(question)} Nothing was changed; with --yes it is agreed to.")
    try:
        answer = input(f"{question} [y/N] ")
    except EOFError:  # Ctrl-D
        answer = ""
    if answer.strip().lower() not in ("y", "yes"):
        raise NotAgreed("nothing was changed")


def agree(question: str) -> None:
    say(f"{question} yes")
