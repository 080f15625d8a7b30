"""No test leaves the machine, and none fails because the machine is busy."""

from hypothesis import HealthCheck, settings

from tests.guard import sitecustomize  # noqa: F401  importing it sets the guard

settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")
