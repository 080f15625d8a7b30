"""Plivo's HTTP API as one WSGI app."""

from collections.abc import Callable
from functools import partial

import bottle

from tests.simulator.answers import Answers, Handler
from tests.simulator.control import add_control_routes
from tests.simulator.messages_api import MessagesApi
from tests.simulator.setup_api import SetupApi
from tests.simulator.simulation import Simulation

_BASE = "/v1/Account/<auth_id>/"


def build_app(
    simulation: Simulation,
    *,
    settle: Callable[[], None] | None = None,
    in_flight: Callable[[], int] | None = None,
) -> bottle.Bottle:
    """`settle` and `in_flight` are the driver's, if one drives the simulation."""
    app, answers = bottle.Bottle(), Answers(simulation)
    messages, setup = MessagesApi(simulation, answers), SetupApi(simulation, answers)
    routes: tuple[tuple[str, str, Handler], ...] = (
        ("POST", "Message/", messages.send),
        ("GET", "Message/", messages.list_rows),
        ("GET", "Message/<message_uuid>/", messages.get_row),
        ("GET", "", setup.get_account),
        ("POST", "Application/", setup.create_application),
        ("GET", "Application/", setup.list_applications),
        ("GET", "Application/<app_id>/", setup.get_application),
        ("POST", "Application/<app_id>/", setup.update_application),
        ("DELETE", "Application/<app_id>/", setup.delete_application),
        ("GET", "Number/", setup.list_numbers),
        ("GET", "Number/<number>/", setup.get_number),
        ("POST", "Number/<number>/", setup.update_number),
        ("GET", "PhoneNumber/", setup.search_numbers),
        ("POST", "PhoneNumber/<number>/", setup.buy_number),
    )
    for method, path, handler in routes:
        app.route(_BASE + path, method, callback=partial(answers.authorized, handler))
    add_control_routes(app, simulation, settle or simulation.settle, in_flight or (lambda: 0))
    app.default_error_handler = answers.error_page
    return app
