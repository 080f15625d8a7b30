"""A served simulation and the real SDK pointed at it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import plivo
import pytest

from tests.simulator import Served, Simulation

Connect = Callable[[Simulation], Any]


@pytest.fixture
def serve() -> Iterator[Callable[[Simulation], str]]:
    """Serves a simulation over HTTP until the test is over, and says where."""
    with ExitStack() as stack:
        yield lambda simulation: stack.enter_context(Served(simulation)).url


@pytest.fixture
def connect(serve: Callable[[Simulation], str], monkeypatch: pytest.MonkeyPatch) -> Connect:
    """The SDK's client of a served simulation's main account."""

    def connected(simulation: Simulation) -> Any:
        base = serve(simulation) + "/v1/Account"
        for constant in (
            "PLIVO_API_BASE_URI",
            "API_VOICE_BASE_URI",
            "API_VOICE_BASE_URI_FALLBACK_1",
            "API_VOICE_BASE_URI_FALLBACK_2",
        ):
            monkeypatch.setattr(f"plivo.rest.client.{constant}", base)
        account = simulation.settings.account.main
        return plivo.RestClient(account.auth_id, account.auth_token)

    return connected
