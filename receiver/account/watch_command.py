"""[I/O] `watch`: whatever comes in, until somebody interrupts it."""

import argparse

from receiver.account import console, watching
from receiver.account.arriving import Arrivals
from receiver.account.phone_numbers import digits_of
from receiver.config import Settings


def carry_out(settings: Settings, options: argparse.Namespace) -> int:
    wanted = watching.Wanted(to=digits_of(options.to) if options.to else None, tag=options.tag)
    try:
        with Arrivals(settings) as arrivals:
            yet = "" if arrivals.anybody_writes else "; no receiver has written to it yet"
            console.remark(f"watching {settings.data_dir} until Ctrl-C{yet}")
            watching.watch(arrivals, wanted, console.say)
    except KeyboardInterrupt:
        pass  # that is how it ends
    return 0
