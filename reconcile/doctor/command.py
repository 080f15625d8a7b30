"""[I/O] `doctor`: whether log and messages are as they should be, and what mends what is not."""

import argparse
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

from receiver import diagnosis
from receiver.config import Settings
from receiver.diagnosis import Line
from reconcile.doctor import collection, reading, volume
from reconcile.doctor.messages import Messages, look


def add_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--format", choices=("table", "json"), default="table",
                         help="table for people, json for programs [%(default)s]")  # fmt: skip


def carry_out(settings: Settings, options: argparse.Namespace) -> int:
    found: list[Messages] = []

    def brought_up_to_date() -> Iterator[Line]:
        found.append(look(settings, datetime.now(UTC)))
        merged = found[0].merged
        if merged.as_of is None:
            said = f"{settings.data_dir} holds no data yet"
            yield Line("messages", "warning", said, "python -m receiver doctor, reconcile run")
        else:
            yield Line("messages", "ok", f"{merged.messages:,}, up to date and readable")

    secrets = [token.secret for token in settings.tokens]
    checks = [*reading.checks(settings), ("messages", brought_up_to_date)]
    lines = diagnosis.examined(checks, secrets=secrets)
    for messages in found:  # without them there is nothing to examine further
        families = (reading.of_messages, collection.checks, volume.checks)
        more = [check for family in families for check in family(settings, messages)]
        lines += diagnosis.examined(more, secrets=secrets)
    show = diagnosis.as_json if options.format == "json" else diagnosis.as_text
    sys.stdout.write(show(lines))
    return diagnosis.exit_code(lines)
