"""The part of the API with which one sets an account up: applications, numbers, the account."""

from typing import Any

import bottle

from tests.simulator.answers import Answers, parameters
from tests.simulator.simulation import Simulation


class SetupApi:
    """Small handlers: lists have no filters but a name, and nothing is validated."""

    def __init__(self, simulation: Simulation, answers: Answers) -> None:
        self._answers = answers
        self._book = simulation.book
        self._time_zone = simulation.settings.account.time_zone

    def get_account(self, auth_id: str) -> Any:
        account = {
            "auth_id": auth_id,
            "cash_credits": "100.00000",
            "name": "Pretend",
            "timezone": self._time_zone,
        }
        return self._answers.answer(200, account)

    def create_application(self, _auth_id: str) -> Any:
        wanted = parameters()
        if not wanted.get("app_name"):
            return self._answers.error(400, "app_name parameter is missing")
        app_id = self._book.create_application(wanted)
        return self._answers.answer(201, {"message": "created", "app_id": app_id})

    def list_applications(self, auth_id: str) -> Any:
        name = bottle.request.query.get("app_name")
        known = self._book.applications.values()
        rows = [row for row in known if not name or row.get("app_name") == name]
        return self._listed(f"/v1/Account/{auth_id}/Application/", rows)

    def get_application(self, _auth_id: str, app_id: str) -> Any:
        if app_id not in self._book.applications:
            return self._answers.error(404, "not found")
        return self._answers.answer(200, self._book.applications[app_id])

    def update_application(self, _auth_id: str, app_id: str) -> Any:
        if app_id not in self._book.applications:
            return self._answers.error(404, "not found")
        self._book.update_application(app_id, parameters())
        return self._answers.answer(202, {"message": "changed"})

    def delete_application(self, _auth_id: str, app_id: str) -> Any:
        if self._book.applications.pop(app_id, None) is None:
            return self._answers.error(404, "not found")
        return bottle.HTTPResponse(status=204)

    def list_numbers(self, auth_id: str) -> Any:
        begin = bottle.request.query.get("number_startswith") or ""
        numbers = [number for number in self._book.numbers if number.startswith(begin)]
        rows = [self._book.number_as_json(number) for number in numbers]
        return self._listed(f"/v1/Account/{auth_id}/Number/", rows)

    def get_number(self, _auth_id: str, number: str) -> Any:
        if number not in self._book.numbers:
            return self._answers.error(404, "not found")
        return self._answers.answer(200, self._book.number_as_json(number))

    def update_number(self, _auth_id: str, number: str) -> Any:
        if number not in self._book.numbers:
            return self._answers.error(404, "not found")
        wanted = parameters()
        if wanted.get("app_id") and wanted["app_id"] not in self._book.applications:
            return self._answers.error(400, "app_id does not exist")
        self._book.update_number(number, wanted)
        return self._answers.answer(202, {"message": "changed"})

    def search_numbers(self, auth_id: str) -> Any:
        country = bottle.request.query.get("country_iso")
        if not country:
            return self._answers.error(400, "country_iso parameter is missing")
        rows = [offer for offer in self._book.offers.values() if offer["country"] == country]
        return self._listed(f"/v1/Account/{auth_id}/PhoneNumber/", rows)

    def buy_number(self, _auth_id: str, number: str) -> Any:
        """With no app_id it is put on no application: there is no default one."""
        if number not in self._book.offers:
            return self._answers.error(404, "not found")
        app_id = parameters().get("app_id")
        if app_id and app_id not in self._book.applications:
            return self._answers.error(400, "app_id does not exist")
        bought = {"number": number, "status": self._book.rent(number, app_id)}
        content = {"message": "created", "numbers": [bought], "status": "fulfilled"}
        return self._answers.answer(201, content)

    def _listed(self, path: str, rows: list[dict[str, Any]]) -> Any:
        limit = min(int(bottle.request.query.get("limit") or 20), 20)
        offset = int(bottle.request.query.get("offset") or 0)
        more = len(rows) > offset + limit
        meta = {
            "limit": limit,
            "offset": offset,
            "next": f"{path}?limit={limit}&offset={offset + limit}" if more else None,
            "previous": None,
            "total_count": len(rows),
        }
        return self._answers.answer(200, {"meta": meta, "objects": rows[offset : offset + limit]})
