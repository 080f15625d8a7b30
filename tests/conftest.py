"""No test leaves the machine, and none fails because it is busy; a place for objects."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests import object_store
from tests.guard import sitecustomize  # noqa: F401  importing it sets the guard
from tests.object_store import Bucket

settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

# The files that take longest begin: begun last, one of them would be all that is left to do.
LONGEST = (
    "test_spark_equals_duckdb.py", "test_commands.py", "test_console_import.py",
    "test_notebooks.py", "test_counted_pull.py", "test_check_usage.py",
    "test_shipping_and_reports.py", "test_sealing.py",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.name, len(places)))


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    with object_store.serving(tmp_path_factory.mktemp("store") / "moto.log") as running:
        yield running


@pytest.fixture
def bucket(store: Bucket) -> Bucket:
    """An empty one."""
    return object_store.new(store)
