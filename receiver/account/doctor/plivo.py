"""[I/O] The Plivo account: our credentials, its clock, its applications."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import cache, partial
from itertools import islice

import requests

from receiver.account import application
from receiver.account.api import Api, Json
from receiver.account.callback_url import callback_url
from receiver.account.errors import AccountProblem
from receiver.account.sdk import Answer, NoAnswerError, Sdk
from receiver.account.setup_plan import DEFAULT_NAME
from receiver.config import SettingError, Settings
from receiver.diagnosis import Check, Level, Line

_SECONDS = 10.0
_CLOCK_WARNING, _CLOCK_BROKEN = 5.0, 60.0  # the log is asked for up to 60 seconds ago
_MOST_APPLICATIONS = 500
_SETUP = "python -m receiver setup"


class _Asked:
    """One cheap request, and between which moments of our clock it was answered."""

    def __init__(self, settings: Settings) -> None:
        """Raises SettingError, NoAnswerError."""
        sdk = Sdk(settings)
        try:
            self.began = time.time()
            self.answer: Answer = sdk.get((), {}, seconds=_SECONDS)
            self.ended = time.time()
        finally:
            sdk.close()


def checks(settings: Settings) -> list[Check]:
    ask = cache(partial(_Asked, settings))
    return [
        ("credentials", partial(_credentials, settings, ask)),
        ("clock", partial(_clock, ask)),
        ("application", partial(_application, settings)),
    ]


def _credentials(settings: Settings, ask: Callable[[], _Asked]) -> Iterator[Line]:
    try:
        status = ask().answer.status
    except SettingError as wrong:
        yield Line("credentials", "broken", str(wrong), "set it in .env")
        return
    except NoAnswerError as failure:
        said = f"{settings.plivo_api_url} does not answer ({failure})"
        mend = "look at the network and PLIVO_API_URL, or try again later"
        yield Line("credentials", "warning", said, mend)
        return
    if status in (requests.codes.unauthorized, requests.codes.forbidden):
        said = f"Plivo refuses them ({status})"
        mend = "PLIVO_AUTH_ID and PLIVO_AUTH_TOKEN as in the console's overview, then restart"
        yield Line("credentials", "broken", said, mend)
    elif status == requests.codes.ok:
        yield Line("credentials", "ok", f"Plivo takes those of {settings.plivo_auth_id}")
    else:
        said = f"Plivo neither takes nor refuses them (status {status})"
        yield Line("credentials", "warning", said, "try again later")


def _clock(ask: Callable[[], _Asked]) -> Iterator[Line]:
    try:
        asked = ask()
        said_at = parsedate_to_datetime(asked.answer.date or "")
    except (SettingError, NoAnswerError, ValueError):
        said = "not compared: Plivo did not tell its time"
        yield Line("clock", "warning", said, "timedatectl status tells whether it is kept right")
        return
    theirs = (said_at if said_at.tzinfo else said_at.replace(tzinfo=UTC)).timestamp()
    # A Date is cut to the second, and was written somewhere between question and answer.
    ahead = max(asked.began - (theirs + 1), 0.0) - max(theirs - asked.ended, 0.0)
    if abs(ahead) < _CLOCK_WARNING:
        yield Line("clock", "ok", f"within {_CLOCK_WARNING:.0f} s of Plivo's")
        return
    side = "ahead of" if ahead > 0 else "behind"
    said = f"ours is {abs(ahead):,.0f} s {side} Plivo's"
    level: Level = "broken" if abs(ahead) >= _CLOCK_BROKEN else "warning"
    yield Line("clock", level, said, "let NTP keep it: timedatectl set-ntp true")


def _application(settings: Settings) -> Iterator[Line]:
    """Only inbound messages need one; the url of delivery reports goes with each message."""
    try:
        wanted = callback_url(settings, "message")
        with Api(settings) as api:
            known = list(islice(api.rows("Application"), _MOST_APPLICATIONS))
    except (SettingError, AccountProblem) as problem:
        said = f"not looked at: {problem}"
        yield Line("application", "warning", said, "mend settings and credentials first")
        return
    right = [app for app in known if application.is_as_it_should_be(app, wanted)]
    wrong = [app for app in known if app not in right and _is_ours(app, settings)]
    for app in wrong:
        name, shown = app.get("app_name"), app.get("message_url")
        said = f"{name} calls {app.get('message_method')} {shown or 'nothing'}, not POST {wanted}"
        yield Line("application", "broken", said, f"{_SETUP} --app-name {name}")
    if right:
        names = ", ".join(str(app.get("app_name")) for app in right)
        yield Line("application", "ok", f"{names} sends inbound messages here")
    elif not wrong:
        said = f"none sends inbound messages here (reports need none; for these: {_SETUP})"
        yield Line("application", "ok", said)


def _is_ours(app: Json, settings: Settings) -> bool:
    """Whether it was made by `setup`, or leads to this address."""
    url = str(app.get("message_url") or "")
    here = f"{settings.public_url}/"
    return app.get("app_name") == DEFAULT_NAME or url.startswith(here)
