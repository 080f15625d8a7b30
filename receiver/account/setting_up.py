"""[I/O] `setup`: the Application that sends inbound messages to us, and the number on it.

First it reads how the account is, then says what is to change, and asks where that costs money or
takes something away; only then it changes anything. Where all is as it should be, nothing is.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from receiver.account import application
from receiver.account.api import Api, Json, shown
from receiver.account.errors import Missing, Refused
from receiver.account.phone_numbers import digits_of, masked
from receiver.account.sdk import Body
from receiver.config import SettingError

DEFAULT_NAME = "delivery-reports"
_AGAIN = (
    "Whether it was done is not known: run the same command again, it changes only what is not so."
)
_NEW = "(the new application)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """`country` is None where no number is to be bought; `app_name` None: whichever fits."""

    message_url: str
    number: str | None = None
    app_name: str | None = None
    country: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A call that changes the account; `question` must be agreed to first."""

    about: str
    path: tuple[str, ...]
    body: Body
    question: str | None = None


@dataclass(frozen=True, slots=True)
class _Plan:
    """The application as it is shown (None: to be created), and what is to be done, in order."""

    app: Json | None
    changes: tuple[Change, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """`sound` is False where something did not become what was wanted."""

    lines: tuple[str, ...]
    sound: bool = True


def set_up(
    api: Api, wanted: Wanted, *, agree: Callable[[str], None], dry_run: bool = False
) -> Outcome:
    """`agree` raises NotAgreed where somebody does not agree. Raises AccountProblem too."""
    plan = _plan(api, wanted)
    lines = list(plan.notes)
    if not plan.changes:
        return Outcome((*lines, "nothing to change"))
    if dry_run:
        lines += [_as_call(api, change) for change in plan.changes]
        return Outcome((*lines, "nothing was changed (--dry-run)"))
    for change in plan.changes:
        if change.question:
            agree(change.question)
    app, sound = plan.app, True
    app_id = str(app["app_id"]) if app else None
    for change in plan.changes:
        body = {k: app_id if v == _NEW else v for k, v in change.body.items()}
        said = api.post(*change.path, body=body, unsure=_AGAIN)
        app_id = app_id or str(said.get("app_id") or "")
        lines.append(change.about)
        for problem in _problems(api, change, said, app):
            lines.append(problem)
            sound = False
    return Outcome(tuple(lines), sound)


def _plan(api: Api, wanted: Wanted) -> _Plan:
    number = _number(api, wanted.number) if wanted.number else None
    app = _application(api, wanted, number)
    changes, notes = [], []
    if app is None:
        name = wanted.app_name or DEFAULT_NAME
        body: Body = {
            "app_name": name,
            "message_url": wanted.message_url,
            "message_method": "POST",
        }
        changes.append(Change(f"application {name} created", ("Application",), body))
    elif application.is_as_it_should_be(app, wanted.message_url):
        notes.append(f"application {app['app_name']} has our message_url")
    else:
        changes.append(_update(app, wanted))
    app_id = str(app["app_id"]) if app else _NEW
    if number is not None:
        changes += _assignment(number, app_id, notes)
    elif wanted.country:
        changes += _purchase(api, wanted.country, app_id, notes)
    return _Plan(app, tuple(changes), tuple(notes))


def _number(api: Api, number: str) -> Json:
    try:
        return api.get("Number", number)
    except Missing as missing:
        raise Missing(
            f"{masked(number)} is no number of this account: rent it in the Plivo console, or "
            "let setup choose one with --buy --country US."
        ) from missing


def _application(api: Api, wanted: Wanted, number: Json | None) -> Json | None:
    """The one that is named, else the one that the number is on, else the one we made before."""
    on = application.id_in(number.get("application")) if number else None
    if wanted.app_name is None and on is not None:
        return api.get("Application", on)
    name = wanted.app_name or DEFAULT_NAME
    found = [app for app in api.rows("Application", app_name=name) if app.get("app_name") == name]
    if len(found) > 1:
        raise Refused(
            f"there are {len(found)} applications named {name}; rename all but one in the console, "
            "or choose another --app-name."
        )
    return api.get("Application", str(found[0]["app_id"])) if found else None


def _update(app: Json, wanted: Wanted) -> Change:
    name, theirs = app["app_name"], str(app.get("message_url") or "")
    ours = name in (wanted.app_name, DEFAULT_NAME)
    question = None
    if theirs and theirs != wanted.message_url and not ours:
        question = (
            f"application {name} sends inbound messages to {urlsplit(theirs).hostname}; "
            "shall they come to the receiver instead?"
        )
    return Change(
        f"message_url of application {name} set",
        ("Application", str(app["app_id"])),
        application.update(app, wanted.message_url),
        question,
    )


def _assignment(number: Json, app_id: str, notes: list[str]) -> list[Change]:
    digits, on = str(number["number"]), application.id_in(number.get("application"))
    if number.get("sms_enabled") is False:
        notes.append(f"number {digits} can receive no SMS")
    if on == app_id:
        notes.append(f"number {digits} is on it")
        return []
    question = None
    if on is not None:
        question = (
            f"number {digits} is on application {on}, which would get its calls and messages no "
            "more; shall it be moved?"
        )
    about = f"number {digits} assigned to it"
    return [Change(about, ("Number", digits), {"app_id": app_id}, question)]


def _purchase(api: Api, country: str, app_id: str, notes: list[str]) -> list[Change]:
    """Nothing where a number is on the application already: the same command buys only once."""
    if app_id != _NEW:
        held = [n for n in api.rows("Number") if application.id_in(n.get("application")) == app_id]
        if held:
            notes.append(f"number {held[0]['number']} is on it, so none is bought")
            return []
    offers = api.get("PhoneNumber", country_iso=country, services="sms", limit=20)
    offered = [offer for offer in offers.get("objects") or [] if offer.get("sms_enabled", True)]
    free = [offer for offer in offered if not offer.get("restriction")]
    if not free:
        why = "only numbers that want documents first" if offered else "no number"
        raise Refused(f"Plivo offers {why} in {country}; rent one in the console, then --number.")
    digits = str(free[0]["number"])
    price = _price(free[0])
    notes.append(f"number {digits} costs {price}")
    about = f"number {digits} rented, on the application"
    question = f"rent {digits} for {price}?"
    return [Change(about, ("PhoneNumber", digits), {"app_id": app_id}, question)]


def _price(offer: Json) -> str:
    monthly, once = offer.get("monthly_rental_rate"), offer.get("setup_rate")
    if monthly is None:
        raise Refused("Plivo does not say what the number costs; rent it in the console.")
    return f"{monthly} a month and {once or 'nothing'} once, in the account's currency"


def _problems(api: Api, change: Change, said: Json, app: Json | None) -> list[str]:
    """What did not become as it should."""
    if change.path[0] == "PhoneNumber":
        states = {str(n.get("status")) for n in said.get("numbers") or [] if isinstance(n, dict)}
        told = ", ".join(sorted(states)) or "nothing"
        if told != "Success":
            return [f"Plivo says of the number: {told}. See its e-mail before buying another"]
    if app is not None and change.path == ("Application", str(app["app_id"])):
        lost = application.lost(app, api.get(*change.path))
        return [
            f"{name} of the application was {api.hide(str(value))} before and is not any more; "
            "set it again in the console"
            for name, value in lost.items()
        ]
    return []


def _as_call(api: Api, change: Change) -> str:
    asked = f"   (asks first: {change.question})" if change.question else ""
    return f"would {api.hide(shown('POST', change.path, change.body))}{asked}"


def wanted(
    message_url: str,
    *,
    number: str | None = None,
    app_name: str | None = None,
    country: str | None = None,
) -> Wanted:
    """What was asked for, checked. Raises SettingError."""
    if app_name is not None and not re.fullmatch(r"[A-Za-z0-9_-]{1,60}", app_name):
        raise SettingError("--app-name takes letters, digits, - and _")
    if country is not None and not re.fullmatch(r"[A-Z]{2}", country):
        raise SettingError("--country takes two capital letters, such as US")
    digits = digits_of(number) if number is not None else None
    return Wanted(message_url=message_url, number=digits, app_name=app_name, country=country)
