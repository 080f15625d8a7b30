"""[I/O] What `setup` has to change, read off the account as it is; nothing is changed here."""

import re
from dataclasses import dataclass

from receiver.account import application
from receiver.account.api import Api, Json
from receiver.account.errors import Missing, Refused, Unavailable
from receiver.account.phone_numbers import digits_of, masked
from receiver.account.sdk import Body
from receiver.config import SettingError

DEFAULT_NAME = "delivery-reports"
NEW = "(the new application)"


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
class Plan:
    """The application as it is shown (None: to be created), and what is to be done, in order."""

    app: Json | None
    changes: tuple[Change, ...]
    notes: tuple[str, ...] = ()


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


def plan(api: Api, wanted: Wanted) -> Plan:
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
    app_id = str(app["app_id"]) if app else NEW
    if wanted.number and number:
        changes += _assignment(wanted.number, number, app_id, notes)
    elif wanted.country:
        changes += _purchase(api, wanted.country, app_id, notes)
    return Plan(app, tuple(changes), tuple(notes))


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
        return _application_of_number(api, on)
    name = wanted.app_name or DEFAULT_NAME
    found = [app for app in api.rows("Application", app_name=name) if app.get("app_name") == name]
    if len(found) > 1:
        raise Refused(
            f"there are {len(found)} applications named {name}; rename all but one in the console, "
            "or choose another --app-name."
        )
    return _whole(api.get("Application", str(found[0].get("app_id")))) if found else None


def _whole(app: Json) -> Json:
    if not (app.get("app_id") and app.get("app_name")):
        raise Unavailable("Plivo's answer is no application. Try again later.")
    return app


def _application_of_number(api: Api, app_id: str) -> Json:
    try:
        return _whole(api.get("Application", app_id))
    except Missing as missing:
        raise Missing(
            "the number is on something that is no application (a PHLO, a trunk?); name the "
            "application that it is to be moved to: --app-name delivery-reports"
        ) from missing


def _update(app: Json, wanted: Wanted) -> Change:
    name, theirs = app["app_name"], str(app.get("message_url") or "")
    ours = name in (wanted.app_name, DEFAULT_NAME)
    question = None
    if theirs and theirs != wanted.message_url and not ours:
        question = (
            f"application {name} sends inbound messages to {_host(theirs)}; "
            "shall they come to the receiver instead?"
        )
    return Change(
        f"message_url of application {name} set",
        ("Application", str(app["app_id"])),
        application.update(app, wanted.message_url),
        question,
    )


def _host(url: str) -> str:
    """Their path may hold a secret, as ours does."""
    return re.sub(r"^(\w+://[^/?#]*).*", r"\1/…", url)


def _assignment(digits: str, number: Json, app_id: str, notes: list[str]) -> list[Change]:
    on = application.id_in(number.get("application"))
    if number.get("sms_enabled") is False:
        notes.append(f"number {digits} can receive no SMS")
    if on == app_id:
        notes.append(f"number {digits} is on it")
        return []
    question = None
    if on is not None:
        question = (
            f"number {digits} is on another application, which would get its calls and messages no "
            "more; shall it be moved?"
        )
    about = f"number {digits} assigned to it"
    return [Change(about, ("Number", digits), {"app_id": app_id}, question)]


def _purchase(api: Api, country: str, app_id: str, notes: list[str]) -> list[Change]:
    """Nothing where a number is on the application already: the same command buys only once."""
    if app_id != NEW:
        held = [n for n in api.rows("Number") if application.id_in(n.get("application")) == app_id]
        if held:
            notes.append(f"number {held[0].get('number')} is on it, so none is bought")
            return []
    offers = api.get("PhoneNumber", country_iso=country, services="sms", limit=20)
    offered = [offer for offer in offers.get("objects") or [] if offer.get("sms_enabled", True)]
    free = [offer for offer in offered if not offer.get("restriction")]
    if not free:
        why = "only numbers that want documents first" if offered else "no number"
        raise Refused(f"Plivo offers {why} in {country}; rent one in the console, then --number.")
    digits = digits_of(str(free[0].get("number")))
    about = f"number {digits} rented, on the application"
    question = f"rent {digits} for {_price(free[0])}?"
    return [Change(about, ("PhoneNumber", digits), {"app_id": app_id}, question)]


def _price(offer: Json) -> str:
    monthly, once = offer.get("monthly_rental_rate"), offer.get("setup_rate")
    if monthly is None:
        raise Refused("Plivo does not say what the number costs; rent it in the console.")
    return f"{monthly} a month and {once or 'nothing'} once, in the account's currency"
