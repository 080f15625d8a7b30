"""[I/O] Commands of the reconciler – wiring only.

Exit codes: 0 done · 1 done, and a finding · 2 wrong usage or settings, refused credentials
· 3 incomplete but resumable · 75 try again later
"""

import argparse
import codecs
import io
import signal
import sys
from datetime import UTC, datetime
from types import FrameType

from receiver import config, day_files, journal_file, sealing
from receiver.archive import command as ship_command
from receiver.archive.object_store import ArchiveError
from receiver.config import Settings
from reconcile import (
    forget_command,
    import_command,
    merging,
    messages_command,
    redaction,
    report_command,
    run_command,
    selection,
)
from reconcile import options as options_of_messages
from reconcile import run as running
from reconcile.doctor import command as doctor_command
from reconcile.engines.problem import EngineProblem
from reconcile.explaining import evidence, explain
from reconcile.locks import Busy
from reconcile.plivo_log.errors import PlivoLogError
from reconcile.rendering import cells, notices, signs, story, story_json, terminal
from reconcile.usage import command as usage_command


def main(arguments: list[str] | None = None) -> int:
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` is no error
    codecs.register_error(signs.ERRORS, signs.lookalikes)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=signs.ERRORS)  # whatever the terminal can write
    options = _parser().parse_args(arguments)
    if any("\udc80" <= sign <= "\udcff" or sign == "\0" for text in sys.argv for sign in text):
        return _fail("an argument is not UTF-8 text", 2)
    notices.diagnoses()
    try:
        settings = config.load(config.flags_of(options))
        return int(options.carry_out(settings, options))
    except (PlivoLogError, ArchiveError) as problem:
        return _fail(problem, problem.exit_code)
    except (Busy, journal_file.NotDurable, EngineProblem) as problem:
        return _fail(problem, 75)
    except (
        config.SettingError,
        selection.WrongQuestion,
        day_files.FileProblem,
        journal_file.DamagedJournal,
        OSError,
    ) as problem:
        return _fail(problem, 2)
    except KeyboardInterrupt:
        return _fail("stopped; what was read so far is kept", 3)


def _pull(settings: Settings, options: argparse.Namespace) -> int:
    sealing.seal_all(settings.data_dir)
    result = running.pull_only(settings, _pull_task(options), tell=notices.pulling())
    print(notices.pulled(result))
    return 0 if result.complete else 3


def _plan(settings: Settings, options: argparse.Namespace) -> int:
    sealing.seal_all(settings.data_dir)
    told = running.planned(settings, _pull_task(options))
    print(notices.plan(told, datetime.now(UTC)))
    return 0


def _merge(settings: Settings, options: argparse.Namespace) -> int:
    if settings.engine == "spark" and (options.since or options.until):
        raise selection.WrongQuestion(
            "Spark merges all that is on disk; leave out --since and --until, or --engine spark"
        )
    sealing.seal_all(settings.data_dir)
    tell = notices.progress()
    merged = merging.merge(
        settings,
        since=_moment(options.since),
        until=_moment(options.until),
        full=options.full,
        progress=tell,
    )
    tell("")
    messages = cells.counted(merged.messages, "message")
    print(f"{messages}; {cells.counted(merged.days_written, 'day')} written")
    return 0


def _ship(settings: Settings, options: argparse.Namespace) -> int:
    done = ship_command.ship_reconciled(settings, options, running.alone)
    print(ship_command.told(done))
    return 0


def _explain(settings: Settings, options: argparse.Namespace) -> int:
    if options.fetch and not running.fetch(settings, options.uuid):
        print(f"Plivo's log does not know {options.uuid}", file=sys.stderr)
    sealing.seal_all(settings.data_dir)
    held = evidence.gather(settings, options.uuid)
    if held is None:
        print(notices.unknown(options.uuid, fetched=options.fetch), file=sys.stderr)
        return 1
    told = explain.explain(held)
    if options.redact:
        told = redaction.of(settings.data_dir).story(told)
    if options.format == "json":
        print(story_json.as_json(told), end="")
    else:
        story.render(terminal.console(), told)
    return 0


def _pull_task(options: argparse.Namespace) -> running.Task:
    return running.Task(
        mode="pull",
        asked=_asked("pull", options),
        since=_moment(options.since),
        until=_moment(options.until),
        again=options.again,
        full=options.full,
        max_requests=options.max_requests,
        max_minutes=options.max_minutes,
    )


def _asked(mode: str, options: argparse.Namespace) -> str:
    """The question as it was typed; limits are no part of it."""
    asked = (options.since, getattr(options, "until", None), getattr(options, "again", False))
    return f"{mode} {asked}"


def _moment(text: str | None) -> datetime | None:
    """For commands that ask Plivo, an age counts back from the clock on the wall."""
    return selection.moment(text, now=datetime.now(UTC)) if text else None


def _fail(problem: object, code: int) -> int:
    print(f"reconcile: {problem}", file=sys.stderr)
    return code


def _end(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = options_of_messages.Parser(
        prog="python -m reconcile",
        description="Reads Plivo's message log, holds it against the reports, computes rates.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, carry_out: object, about: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=about, description=about)
        added.set_defaults(carry_out=carry_out)
        return added

    added = [
        run := command(
            "run", run_command.carry_out, "the cron job: lock, pull, merge, print a summary"
        ),
        pull := command("pull", _pull, "Plivo's message log into log/, resumable"),
        plan := command("plan", _plan, "what pull would ask for, and how long the quota makes it"),
        merge := command("merge", _merge, "derive messages/ again from what is on disk"),
        report := command("report", report_command.carry_out, "rates and collection audit"),
        listed := command("messages", messages_command.carry_out, "the messages behind a number"),
        usage := command(
            "check-usage", usage_command.carry_out, "does our number equal the Plivo console's?"
        ),
        told := command("explain", _explain, "all that is known of one message"),
        shipped := command("ship", _ship, "copy log/ and messages/ to an S3 store, verified there"),
        brought := command("import-log", import_command.carry_out, "the console's CSV as log rows"),
        examined := command(
            "doctor",
            doctor_command.carry_out,
            "say whether log and messages are as they should be, and what mends what is not",
        ),
        forgotten := command(
            "forget", forget_command.carry_out, "log/ and messages/ without some rows"
        ),
    ]
    merge.add_argument(
        "--full", action="store_true", help="derive all of it anew, not only what has changed"
    )
    for asking in (pull, plan, merge):
        asking.add_argument("--since", metavar="T", help="from then on: 2026-03-01, a time, or 7d")
    for asking in (pull, plan, merge):
        asking.add_argument("--until", metavar="T", help="up to then, exclusive")
    for asking in (pull, plan):
        asking.add_argument(
            "--max-requests", metavar="N", type=options_of_messages.count, help="then stop, exit 3"
        )
    for asking in (pull, plan):
        asking.add_argument("--max-minutes", metavar="N", type=float, help="then stop, exit 3")
        asking.add_argument("--again", action="store_true", help="read all, whatever was read")
    for asking in (pull, plan):
        asking.add_argument("--full", action="store_true", help="list every window, count none")
    run_command.add_options(run)
    report_command.add_options(report)
    messages_command.add_options(listed)
    usage_command.add_options(usage)
    import_command.add_options(brought)
    ship_command.add_options(shipped)
    forget_command.add_options(forgotten)
    doctor_command.add_options(examined)
    told.add_argument("uuid", metavar="UUID", help="of a message or of a part")
    told.add_argument(
        "--redact", action="store_true", help="numbers of people as keyed hashes that still group"
    )
    told.add_argument("--fetch", action="store_true", help="ask Plivo for this message first")
    told.add_argument("--format", choices=("table", "json"), default="table",
                      help="table for people, json for programs [%(default)s]")  # fmt: skip
    for any_command in added:
        config.add_flags(any_command)
    return parser


if __name__ == "__main__":
    sys.exit(main())
