"""One engine for all tests that reckon in memory."""

from collections.abc import Iterator

import pytest

from tests.reconcile import oracle
from tests.reconcile.reckoning import Reckon, Stages


@pytest.fixture(scope="session")
def stages() -> Iterator[Stages]:
    running = Stages()
    yield running
    running.close()


@pytest.fixture(params=["stages", "oracle"])
def reckon(request: pytest.FixtureRequest, stages: Stages) -> Reckon:
    """A rule holds for the SQL, and for the oracle that the SQL is held against."""
    return Reckon(stages.messages if request.param == "stages" else oracle.messages)
