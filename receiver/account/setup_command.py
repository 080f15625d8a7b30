"""[I/O] `setup`: finds the public address, sets the account up, says what to send with."""

import argparse

from receiver.account import console, public_address, setting_up, setup_plan
from receiver.account.api import Api
from receiver.account.callback_url import callback_url
from receiver.config import SettingError, Settings


def carry_out(settings: Settings, options: argparse.Namespace) -> int:
    if bool(options.country) != options.buy:
        raise SettingError("--buy and --country go together: --buy --country US")
    address = public_address.find(
        settings,
        ngrok=options.ngrok or public_address.NGROK,
        cloudflared=(options.cloudflared,) if options.cloudflared else public_address.CLOUDFLARED,
    )
    wanted = setup_plan.wanted(
        callback_url(settings, "message", public_url=address.url),
        number=options.number,
        app_name=options.app_name,
        country=options.country,
    )
    with Api(settings, tell=console.say if options.dry_run else lambda _: None) as api:
        sound = setting_up.set_up(
            api,
            wanted,
            say=console.say,
            agree=console.agree if options.yes else console.ask,
            dry_run=options.dry_run,
        )
    if address.found_by:
        console.say(f"{address.found_by} runs here: put PUBLIC_URL={address.url} into .env")
    said = callback_url(settings, "delivery_report", public_url=address.url)
    console.say(f"send with url={said}")
    if settings.receiver_path_secret is None:
        console.remark(
            "no RECEIVER_PATH_SECRET: whoever learns this url could forge reports; set one, and "
            "run this again"
        )
    return 0 if sound else 1
