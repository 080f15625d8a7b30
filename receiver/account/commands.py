"""[I/O] `setup`, `send`, `watch` and `doctor` on the command line – wiring only.

What carries them out is imported when it is asked for: `serve` shares this program, and needs
neither Plivo's SDK nor its memory.
"""

import argparse
import importlib
import io
import signal
import sys
from functools import partial
from types import FrameType
from typing import Any

from receiver.account import console
from receiver.account.errors import AccountProblem
from receiver.config import SettingError, Settings

_LONGEST_WAIT = 86_400.0


def add(commands: Any) -> list[argparse.ArgumentParser]:
    """The parsers of the commands that were added."""

    def command(name: str, about: str, more: str = "") -> argparse.ArgumentParser:
        parser = commands.add_parser(name, help=about, description=about, epilog=more)
        parser.set_defaults(carry_out=partial(_carry_out, name))
        return parser  # type: ignore[no-any-return]  # argparse's own type for commands is private

    setup = command("setup", "set the Plivo account up, and say what to send with")
    send = command(
        "send",
        "send a message, and watch its reports come in",
        "exit code: 0 all delivered, or with --wait 0 accepted · 1 some were not "
        "· 3 some had not ended in time",
    )
    watch = command("watch", "print reports as they come in, until Ctrl-C")
    doctor = command(
        "doctor",
        "say whether everything is as it should be, and what mends what is not",
        "exit code: 0 nothing is broken · 1 something is",
    )
    _add_setup_options(setup)
    _add_send_options(send)
    watch.add_argument("--to", metavar="+1…", help="only those of messages to this number")
    watch.add_argument("--tag", metavar="TAG", help="only those with this tag")
    doctor.add_argument(
        "--format", choices=("table", "json"), default="table",
        help="table for people, json for programs [%(default)s]",
    )  # fmt: skip
    return [setup, send, watch, doctor]


def _add_setup_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    number = parser.add_mutually_exclusive_group()
    number.add_argument("--number", metavar="+1…", help="put this number of the account on it")
    number.add_argument("--buy", action="store_true", help="rent a number, if none is on it yet")
    add("--country", metavar="US", help="where to rent it")
    add("--app-name", metavar="NAME",
        help="the application [that of the number, else delivery-reports]")  # fmt: skip
    add("--yes", action="store_true", help="agree to whatever it would ask")
    add("--dry-run", action="store_true", help="show every call, change nothing")
    add("--ngrok", metavar="URL", help="ngrok's local API [http://127.0.0.1:4040]")
    add("--cloudflared", metavar="URL", help="its metrics [http://127.0.0.1:20241 to 20245]")


def _add_send_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--to", metavar="+1…", action="append", required=True,
        help="a number; several with < between them")  # fmt: skip
    add("--text", metavar="TEXT", required=True, help="what it says")
    sender = parser.add_mutually_exclusive_group(required=True)
    sender.add_argument("--from", dest="sender", metavar="+1…", help="a number, or a sender ID")
    sender.add_argument("--powerpack", metavar="UUID", help="the powerpack that chooses a sender")
    add("--tag", metavar="TAG", help="a label that groups messages in reports")
    add("--wait", type=_wait, default=60.0, metavar="SECONDS",
        help="for final reports, at most; 0 not at all [60]")  # fmt: skip


def _carry_out(name: str, settings: Settings, options: argparse.Namespace) -> int:
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` is no error
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # whatever the terminal can write
    if any("\ud800" <= sign <= "\udfff" for text in sys.argv for sign in text):
        raise SettingError("an argument is not UTF-8 text")
    try:
        module = importlib.import_module(f"receiver.account.{name}_command")
        return int(module.carry_out(settings, options))
    except AccountProblem as problem:
        console.remark(str(problem))
        return problem.exit_code
    except KeyboardInterrupt:
        console.remark("stopped")
        return 3


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _wait(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= _LONGEST_WAIT:
        raise argparse.ArgumentTypeError(f"'{text}' is no number of seconds up to a day")
    return seconds
