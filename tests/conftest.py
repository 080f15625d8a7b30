"""No test leaves the machine."""

from tests.guard import sitecustomize  # noqa: F401  importing it sets the guard
