"""[I/O] `send`: a message to one or many numbers, with our `url`, and what Plivo says of each."""

import re
from dataclasses import dataclass

from receiver.account import units
from receiver.account.api import Api
from receiver.account.errors import Refused, Unavailable
from receiver.account.phone_numbers import digits_of
from receiver.account.sdk import Body
from receiver.config import SettingError

_SHOWN_SIGNS = 5
_UNSURE = (
    "Whether it was sent is not known: look into the Plivo console's log before sending it again."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """`sender` or `powerpack`, never both."""

    to: tuple[str, ...]
    text: str
    sender: str | None = None
    powerpack: str | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """In Plivo's order, which need not be ours where some numbers were refused."""

    uuids: tuple[str, ...]
    refused_numbers: tuple[str, ...]


def draft(to: list[str], text: str, *, sender: str | None, powerpack: str | None) -> Draft:
    """Raises SettingError for what Plivo could only refuse."""
    numbers = [digits_of(number) for given in to for number in given.split("<") if number.strip()]
    if not numbers:
        raise SettingError("--to is empty; write a number, or several with < between them")
    if len(set(numbers)) < len(numbers):
        raise SettingError("--to has the same number twice")
    if sender is not None and not re.search(r"[^\W\d_]", sender):  # no letter: no sender ID
        sender = digits_of(sender)
    if sender in numbers:
        raise SettingError("--from is among --to; Plivo sends no message to its own sender")
    if not text.strip():
        raise SettingError("--text is empty")
    size = units.measure(text)
    if size.is_too_long:
        raise SettingError(
            f"--text is too long: Plivo takes {size.longest} characters in {size.alphabet}"
        )
    return Draft(to=tuple(numbers), text=text, sender=sender, powerpack=powerpack)


def size_line(draft: Draft) -> str | None:
    """What a text of several units costs, and why it is so long; None for a text of one."""
    size = units.measure(draft.text)
    if size.units == 1:
        return None
    of = {"GSM-7": "septets", "UCS-2": "code units"}[size.alphabet]
    signs = " ".join(size.foreign[:_SHOWN_SIGNS])
    because = f", because of {signs}" if signs and signs.isprintable() else ""
    many = len(draft.to)
    total = f", {size.units * many} for {many} numbers" if many > 1 else ""
    return f"{size.units} units{total} ({size.length} {of} of {size.alphabet}{because})"


def send(api: Api, draft: Draft, url: str) -> Accepted:
    """Raises AccountProblem."""
    body: Body = {
        "dst": "<".join(draft.to),
        "text": draft.text,
        "type": "sms",
        "url": url,
        "method": "POST",
    }
    if draft.sender is not None:
        body["src"] = draft.sender
    if draft.powerpack is not None:
        body["powerpack_uuid"] = draft.powerpack
    said = api.post("Message", body=body, unsure=_UNSURE)
    uuids, refused = _texts(said.get("message_uuid")), _texts(said.get("invalid_number"))
    if not uuids and not refused:
        raise Unavailable(f"Plivo's answer names no draft. {_UNSURE}")
    if not uuids:
        raise Refused("Plivo takes none of the numbers; write them whole: +14155550100")
    return Accepted(uuids, refused)


def _texts(found: object) -> tuple[str, ...]:
    listed = found if isinstance(found, list) else [found]
    return tuple(entry for entry in listed if isinstance(entry, str) and entry)
