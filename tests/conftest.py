"""No test leaves the machine, and none fails because it is busy; a place for objects."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests import object_store
from tests.guard import sitecustomize  # noqa: F401  importing it sets the guard
from tests.object_store import Bucket

settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    with object_store.serving(tmp_path_factory.mktemp("store") / "moto.log") as running:
        yield running


@pytest.fixture
def bucket(store: Bucket) -> Bucket:
    """An empty one."""
    return object_store.new(store)
