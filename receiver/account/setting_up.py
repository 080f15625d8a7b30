"""[I/O] `setup`: the Application that sends inbound messages to us, and the number on it.

First it is read how the account is, then somebody is asked where a change costs money or takes
something away, and only then anything changes. Where all is as it should be, nothing does.
"""

from collections.abc import Callable

from receiver.account import application
from receiver.account.api import Api, Json, shown
from receiver.account.errors import Refused, Unavailable
from receiver.account.sdk import Body
from receiver.account.setup_plan import NEW, Change, Plan, Wanted, plan

_AGAIN = (
    "Whether it was done is not known: run the same command again, it changes only what is not so."
)


def set_up(
    api: Api,
    wanted: Wanted,
    *,
    say: Callable[[str], None],
    agree: Callable[[str], None],
    dry_run: bool = False,
) -> bool:
    """Whether everything became as it was wanted; `agree` raises where somebody does not agree.

    Raises AccountProblem.
    """
    planned = plan(api, wanted)
    for note in planned.notes:
        say(note)
    if dry_run:
        for change in planned.changes:
            say(_as_call(api, change))
    if dry_run or not planned.changes:
        say("nothing was changed")
        return True
    for change in planned.changes:
        if change.question:
            agree(change.question)
    return _carry_out(api, planned, say)


def _carry_out(api: Api, planned: Plan, say: Callable[[str], None]) -> bool:
    sound = True
    app_id = planned.app["app_id"] if planned.app else None
    for change in planned.changes:
        body = {name: app_id if value == NEW else value for name, value in change.body.items()}
        said = _made(api, change.path, body)
        app_id = app_id or said.get("app_id")
        if not app_id:  # an empty one would take the number off whatever it is on
            raise Unavailable(f"Plivo's answer does not name the new application. {_AGAIN}")
        say(change.about)
        for problem in _problems(api, change, said, planned.app):
            say(problem)
            sound = False
    return sound


def _made(api: Api, path: tuple[str, ...], body: Body) -> Json:
    try:
        return api.post(*path, body=body, unsure=_AGAIN)
    except Refused as refused:
        if path != ("Application",):
            raise
        # an older reference calls answer_url required; ours would have to be an invention
        raise Refused(
            f"{refused} Where that is about answer_url: create {body['app_name']} in the console, "
            "and run the same command again."
        ) from refused


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
