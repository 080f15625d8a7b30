"""[I/O] `doctor`: whether everything is as it should be, and what mends what is not."""

import argparse
import sys

from receiver import diagnosis
from receiver.account.doctor import here, plivo, reach, refused, relaying
from receiver.config import Settings


def carry_out(settings: Settings, options: argparse.Namespace) -> int:
    families = (here, plivo, reach, refused, relaying)
    checks = [check for family in families for check in family.checks(settings)]
    lines = diagnosis.examined(checks, secrets=secrets_of(settings))
    show = diagnosis.as_json if options.format == "json" else diagnosis.as_text
    sys.stdout.write(show(lines))
    return diagnosis.exit_code(lines)


def secrets_of(settings: Settings) -> list[str]:
    others = (settings.receiver_path_secret, settings.relay_url)
    return [*(token.secret for token in settings.tokens), *filter(None, others)]
