"""[I/O] Commands of the receiver – wiring only.

Exit codes: 0 done · 2 wrong usage or settings, or a damaged file · 75 try again later
"""

import argparse
import sqlite3
import sys

from receiver import config, day_files, journal_file, log_lines, quarantine, sealing, serve
from receiver.supervisor import Supervisor


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m receiver", description="Receives Plivo's delivery reports and keeps them."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    serving = commands.add_parser("serve", help="answer Plivo's callbacks until stopped")
    serving.add_argument(
        "--unsigned", action="store_true", help="take reports from anybody, on loopback only"
    )
    serving.add_argument("--json-logs", action="store_true", help="log lines as JSON objects")
    sealer = commands.add_parser("seal", help="write the journal to Parquet now")
    rechecker = commands.add_parser(
        "recheck", help="admit refused requests whose signature matches by now"
    )
    for command in (serving, sealer, rechecker):
        config.add_flags(command)
    options = parser.parse_args(arguments)
    log_lines.set_up(as_json=getattr(options, "json_logs", False))
    try:
        settings = config.load(config.flags_of(options))
        if options.command == "serve":
            if settings.receiver_processes > 1:
                given = sys.argv[1:] if arguments is None else arguments
                return Supervisor(settings, given, unsigned=options.unsigned).run()
            serve.serve(settings, unsigned=options.unsigned)
        elif options.command == "recheck":
            serve.check_settings(settings, unsigned=False)
            found = quarantine.recheck(settings)
            sealing.seal_all(settings.data_dir)
            print(
                f"admitted {found.admitted} and dropped {found.copies} copies of them; "
                f"{found.still_refused} still refused"
            )
        else:
            sealed = sealing.seal_all(settings.data_dir)
            print(f"sealed {sealed.reports} reports into {sealed.files} files")
    except (config.SettingError, journal_file.DamagedJournal, day_files.FileProblem) as problem:
        print(f"receiver: {problem}", file=sys.stderr)
        return 2
    except (journal_file.NotDurable, serve.SyncFailed, sqlite3.Error, OSError) as problem:
        print(f"receiver: {problem}", file=sys.stderr)
        return 75
    return 0


if __name__ == "__main__":
    sys.exit(main())
