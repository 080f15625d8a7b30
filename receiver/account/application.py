"""[pure] A Plivo Application: what it should say of us, and how to change nothing else of it.

Nobody documents whether an update leaves alone what it does not name; the SDK's `update` names
everything, with defaults. So an update says again whatever the application shows already.
"""

import re
from typing import Any

from receiver.account.sdk import Body

# What the API shows of an application -> the parameter that sets it.
_SETTABLE = {
    "answer_url": "answer_url",
    "answer_method": "answer_method",
    "hangup_url": "hangup_url",
    "hangup_method": "hangup_method",
    "fallback_answer_url": "fallback_answer_url",
    "fallback_answer_method": "fallback_method",  # its name in the reference,
    "fallback_method": "fallback_method",  # and in examples of answers
    "message_url": "message_url",
    "message_method": "message_method",
    "default_app": "default_number_app",
    "default_endpoint_app": "default_endpoint_app",
    "log_incoming_messages": "log_incoming_messages",
    "public_uri": "public_uri",
}
_OURS = ("message_url", "message_method")

Shown = dict[str, Any]


def is_as_it_should_be(shown: Shown, message_url: str) -> bool:
    method = str(shown.get("message_method") or "").upper()
    return (shown.get("message_url"), method) == (message_url, "POST")


def update(shown: Shown, message_url: str) -> Body:
    """The body of an update after which only message_url and its method are other than now."""
    body: Body = {
        parameter: shown[name]
        for name, parameter in _SETTABLE.items()
        if isinstance(shown.get(name), str | bool) and shown[name] != ""
    }
    # shown as an auth id or as the path of one
    if owner := re.search(r"SA[0-9A-Za-z_-]{18}", str(shown.get("sub_account") or "")):
        body["subaccount"] = owner[0]
    return body | {"message_url": message_url, "message_method": "POST"}


def lost(before: Shown, after: Shown) -> Shown:
    """The settings, with their former values, that an update has changed beside ours."""
    names = (*_SETTABLE, "sub_account")
    return {
        name: before.get(name)
        for name in names
        if name not in _OURS and (before.get(name) or None) != (after.get(name) or None)
    }


def id_in(path: object) -> str | None:
    """The application that a number shows by its resource path, or by its id alone."""
    found = re.search(r"([0-9]+)/?$", str(path or ""))
    return found[1] if found else None
