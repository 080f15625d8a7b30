"""How every route of the API answers: who may ask, the api_id, the one shape of an error."""

import json
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import bottle

from tests.simulator.simulation import Simulation
from tests.simulator.uuids import random_uuid

Handler = Callable[..., Any]


class Answers:
    """Every answer is JSON and carries an api_id."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._chance = Random(f"{simulation.settings.seed}/api")

    def authorized(self, handler: Handler, auth_id: str, **path: str) -> Any:
        """Runs the handler if the Basic credentials are those of the account in the path."""
        given = bottle.request.auth or ("", "")
        token = self._simulation.settings.account.token_of(auth_id)
        if token is None or given[0] != auth_id or given[1] != token:
            return self.error(401, "authentication failed, invalid auth_id or auth_token")
        return handler(auth_id, **path)

    def answer(
        self, status: int, content: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> bottle.HTTPResponse:
        """The content with an api_id."""
        with self._simulation.lock:
            api_id = random_uuid(self._chance)
        body = json.dumps({"api_id": api_id, **content})
        return bottle.HTTPResponse(
            body, status, {"Content-Type": "application/json", **(headers or {})}
        )

    def error(
        self, status: int, text: str, headers: Mapping[str, str] | None = None
    ) -> bottle.HTTPResponse:
        """Plivo's one shape of an error."""
        return self.answer(status, {"error": text}, headers)

    def error_page(self, error: bottle.HTTPError) -> str:
        """For what Bottle itself refuses: an unknown path, a wrong method."""
        bottle.response.content_type = "application/json"
        with self._simulation.lock:
            api_id = random_uuid(self._chance)
        return json.dumps({"api_id": api_id, "error": str(error.body)})


def parameters() -> dict[str, Any]:
    """Of a POST: the SDK sends JSON, older clients send forms."""
    if (bottle.request.content_type or "").startswith("application/json"):
        sent = bottle.request.json
        return sent if isinstance(sent, dict) else {}
    forms = bottle.request.forms
    return {name: forms.getunicode(name) for name in forms}
