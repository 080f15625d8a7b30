"""[I/O] `send`: the message, then its reports, until all have ended or the time is over."""

import argparse

from receiver.account import console, sending, watching
from receiver.account.api import Api
from receiver.account.arriving import Arrivals
from receiver.account.callback_url import callback_url
from receiver.account.endings import Endings
from receiver.config import SettingError, Settings


def carry_out(settings: Settings, options: argparse.Namespace) -> int:
    draft = sending.draft(
        options.to, options.text, sender=options.sender, powerpack=options.powerpack
    )
    url = callback_url(settings, "delivery_report", tag=options.tag)
    # opened first, so that no report is too early to be seen
    with Arrivals(settings) as arrivals, Api(settings) as api:
        if options.wait and not arrivals.anybody_writes:
            raise SettingError(
                f"no receiver has ever written to DATA_DIR {settings.data_dir}, so no report would "
                "be seen: start `python -m receiver serve` on it, or send with --wait 0"
            )
        if size := sending.size_line(draft):
            console.say(size)
        accepted = sending.send(api, draft, url)
        for number in accepted.refused_numbers:
            console.say(f"To: {number}, Status: refused by Plivo as no valid number")
        for uuid in accepted.uuids:
            console.say(f"Status: accepted, MessageUUID: {uuid}")
        endings = Endings(accepted.uuids)
        if options.wait:
            watching.follow(arrivals, endings, console.say, seconds=options.wait)
            _say_what_is_open(endings, options.wait)
    if options.wait and endings.still_open:
        return 3
    arrived = endings.all_arrived or not options.wait
    return 0 if arrived and not accepted.refused_numbers else 1


def _say_what_is_open(endings: Endings, seconds: float) -> None:
    for uuid, last in endings.still_open.items():
        console.say(f"Status: {last or 'no report'} after {seconds:g} s, MessageUUID: {uuid}")
    if endings.still_open:
        console.remark(
            "`python -m receiver watch` shows what comes later. Where no report comes at all, see "
            "that the receiver runs, and that PUBLIC_URL leads to it"
        )
