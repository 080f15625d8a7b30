"""[I/O] `check-usage`: from the console's export to the answer."""

import argparse
import sys
from pathlib import Path

from receiver import sealing
from receiver.config import Settings
from reconcile import merging, selection, stages
from reconcile.rendering import notices, terminal, usage
from reconcile.usage import check, file, summary, written
from reconcile.usage.sheet import NotASummary

FORMATS = ("table", "json")


def add_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("file", metavar="FILE.csv", help="the console's usage summary as exported")
    command.add_argument("--tz", default="UTC", metavar="Z", help="zone of the file's days [UTC]")
    command.add_argument("--format", choices=FORMATS, default="table")


def carry_out(settings: Settings, options: argparse.Namespace) -> int:
    """0 where both are equal, 1 where they differ."""
    selection.time_zone(options.tz)
    path = Path(options.file)
    try:
        theirs = summary.summary(file.text(path), countries())
    except NotASummary as problem:
        hint = "" if str(path) in str(problem) else f"{path}: "
        raise NotASummary(f"{hint}{problem}") from problem
    sealing.seal_all(settings.data_dir)
    tell = notices.progress()
    merged = merging.merge(settings, progress=tell)
    tell("")
    found = check.check(settings, theirs, merged, options.tz)
    if options.format == "json":
        sys.stdout.write(usage.as_json(found))
    else:
        usage.render(terminal.console(), found)
    if merged.as_of is None:
        print(notices.no_data(merged, settings.data_dir), file=sys.stderr)
    return 0 if found.equal else 1


def countries() -> dict[str, str]:
    """A country's names and code, as they are compared, to its code."""
    rows = stages.meaning("country_names").to_pylist()
    return {
        written.country_key(text): row["iso2"]
        for row in rows
        for text in (row["name"], row["iso2"])
    }
