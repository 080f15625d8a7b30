"""[I/O] Commands of the receiver – wiring only.

Exit codes: 0 done · 1 done, and a finding · 2 wrong usage or settings, refused credentials, or a
damaged file · 3 incomplete but resumable · 75 try again later
"""

import argparse
import dataclasses
import sqlite3
import sys

from receiver import (
    config,
    day_files,
    forgetting,
    journal_file,
    log_lines,
    quarantine,
    sealing,
    serve,
    unwanted,
)  # fmt: skip
from receiver.account import commands as account_commands
from receiver.archive import command as ship_command
from receiver.archive.object_store import ArchiveError
from receiver.config import Settings
from receiver.relay import process
from receiver.supervisor import Supervisor


def main(arguments: list[str] | None = None) -> int:
    given = sys.argv[1:] if arguments is None else arguments
    options = _parser().parse_args(given)
    log_lines.set_up(as_json=getattr(options, "json_logs", False))
    try:
        settings = config.load(config.flags_of(options))
        if options.command == "serve":
            return _serve(settings, options, given)
        return int(options.carry_out(settings, options))
    except (
        config.SettingError, journal_file.DamagedJournal, day_files.FileProblem, ArchiveError
    ) as problem:  # fmt: skip
        return _fail(problem, getattr(problem, "exit_code", 2))
    except (journal_file.NotDurable, serve.SyncFailed, sqlite3.Error) as problem:
        return _fail(problem, 75)
    except NotADirectoryError as problem:
        return _fail(f"DATA_DIR cannot be a folder: {problem}", 2)
    except OSError as problem:
        return _fail(problem, 75)


def _serve(settings: Settings, options: argparse.Namespace, given: list[str]) -> int:
    several = settings.receiver_processes > 1 or settings.relay_url is not None
    if several and options.supervisor_fd is None:
        return Supervisor(settings, given, unsigned=options.unsigned).run()
    if options.listen_fd is not None:
        settings = dataclasses.replace(settings, listen_fd=options.listen_fd)
    serve.serve(settings, unsigned=options.unsigned, supervisor_fd=options.supervisor_fd)
    return 0


def _relay(settings: Settings, options: argparse.Namespace) -> int:
    process.carry_out(settings, options.supervisor_fd)
    return 0


def _seal(settings: Settings, _: argparse.Namespace) -> int:
    sealed = sealing.seal_all(settings.data_dir)
    print(f"sealed {sealed.reports} reports into {sealed.files} files")
    return 0


def _recheck(settings: Settings, _: argparse.Namespace) -> int:
    serve.check_settings(settings, unsigned=False)
    found = quarantine.recheck(settings)
    sealing.seal_all(settings.data_dir)
    print(
        f"admitted {found.admitted} requests ({found.copies} repetitions of them dropped); "
        f"{found.still_refused} still refused"
    )
    return 0


def _forget(settings: Settings, options: argparse.Namespace) -> int:
    done = forgetting.forget(settings, unwanted.asked(options))
    print(
        f"forgot {done.reports} reports in {done.files} files and {done.refused} refused requests; "
        "messages/ follows with the next report or run"
        + (", the archive with the next ship" if settings.archive_url else "")
    )
    return 0


def _ship(settings: Settings, options: argparse.Namespace) -> int:
    print(ship_command.told(ship_command.ship_reports(settings, options)))
    return 0


def _fail(problem: object, code: int) -> int:
    print(f"receiver: {problem}", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m receiver", description="Receives Plivo's delivery reports and keeps them."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    serving = commands.add_parser("serve", help="answer Plivo's callbacks until stopped")
    relaying = commands.add_parser("relay", description="started by serve where RELAY_URL is set")
    relaying.set_defaults(carry_out=_relay)
    for command in (serving, relaying):
        command.add_argument(
            "--unsigned", action="store_true", help="take reports from anybody, on loopback only"
        )
        for from_supervisor in ("--listen-fd", "--supervisor-fd"):
            command.add_argument(from_supervisor, type=int, help=argparse.SUPPRESS)
        command.add_argument("--json-logs", action="store_true", help="log lines as JSON objects")
    sealer = commands.add_parser("seal", help="write the journal to Parquet now")
    sealer.set_defaults(carry_out=_seal)
    rechecker = commands.add_parser(
        "recheck", help="admit refused requests whose signature matches by now"
    )
    rechecker.set_defaults(carry_out=_recheck)
    forgetter = commands.add_parser("forget", help="rewrite the daily files without some reports")
    forgetter.set_defaults(carry_out=_forget)
    unwanted.add_options(forgetter, what="reports")
    shipper = commands.add_parser("ship", help="copy sealed reports to an S3 store, verified there")
    shipper.set_defaults(carry_out=_ship)
    ship_command.add_options(shipper)
    for command in (
        serving,
        relaying,
        sealer,
        rechecker,
        forgetter,
        shipper,
        *account_commands.add(commands),
    ):
        config.add_flags(command)
    return parser


if __name__ == "__main__":
    sys.exit(main())
