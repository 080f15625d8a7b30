"""The account's applications and numbers, as far as setting up a message_url needs them."""

from dataclasses import dataclass
from typing import Any

from tests.simulator.offers import all_offers
from tests.simulator.routes import COUNTRIES

_APPLICATION_DEFAULTS: dict[str, Any] = {
    "answer_method": "POST",
    "answer_url": None,
    "default_app": False,
    "default_endpoint_app": False,
    "enabled": True,
    "fallback_answer_url": None,
    "fallback_method": "POST",
    "hangup_method": "POST",
    "hangup_url": None,
    "log_incoming_messages": True,
    "message_method": "POST",
    "message_url": None,
    "public_uri": False,
    "sub_account": None,
}

# Parameters that the application shows under another name.
_SHOWN_AS = {"subaccount": "sub_account", "default_number_app": "default_app"}


@dataclass
class Number:
    """One of our numbers."""

    number: str
    country: str
    app_id: str | None = None
    alias: str | None = None
    sub_account: str | None = None


class AccountBook:
    """Numeric senders of the route table are rented already; applications start empty.

    With `updates_reset` an update takes back to its default whatever it does not name.
    """

    def __init__(self, auth_id: str, *, updates_reset: bool = False) -> None:
        self._auth_id = auth_id
        self._updates_reset = updates_reset
        self.offers = all_offers(auth_id)
        self.applications: dict[str, dict[str, Any]] = {}
        self.numbers = {
            sender: Number(sender, country.iso2)
            for country in COUNTRIES
            for sender in country.senders
            if sender.isdigit()
        }

    def create_application(self, wanted: dict[str, Any]) -> str:
        """Returns the new app_id."""
        app_id = str(20468599130939380 + len(self.applications))
        self.applications[app_id] = {
            **_APPLICATION_DEFAULTS,
            "app_id": app_id,
            "resource_uri": f"/v1/Account/{self._auth_id}/Application/{app_id}/",
            "sip_uri": f"sip:{app_id}@app.plivo.com",
        }
        self.update_application(app_id, wanted)
        return app_id

    def update_application(self, app_id: str, wanted: dict[str, Any]) -> None:
        """Every parameter that is sent replaces what was there, defaults of the SDK included."""
        application = self.applications[app_id]
        if self._updates_reset:
            application.update(_APPLICATION_DEFAULTS)
        for name, value in wanted.items():
            if name in _SHOWN_AS:
                application[_SHOWN_AS[name]] = value
            elif name == "app_name" or name in _APPLICATION_DEFAULTS:
                application[name] = value

    def update_number(self, number: str, wanted: dict[str, Any]) -> None:
        """An empty app_id takes the number off its application."""
        known = self.numbers[number]
        if "app_id" in wanted:
            known.app_id = wanted["app_id"] or None
        if "alias" in wanted:
            known.alias = wanted["alias"]
        if "subaccount" in wanted:
            known.sub_account = wanted["subaccount"]

    def rent(self, number: str, app_id: str | None) -> str:
        """The status that Plivo gives it; a number that wants documents is not ours yet."""
        offer = self.offers.pop(number)
        if offer["restriction"]:
            return "pending"
        self.numbers[number] = Number(number, offer["country"], app_id)
        return "Success"

    def number_as_json(self, number: str) -> dict[str, Any]:
        """As the API shows it."""
        known = self.numbers[number]
        base = f"/v1/Account/{self._auth_id}"
        return {
            "active": True,
            "added_on": "2026-01-05",
            "alias": known.alias,
            "application": f"{base}/Application/{known.app_id}/" if known.app_id else None,
            "carrier": "Plivo",
            "country": known.country,
            "mms_enabled": False,
            "monthly_rental_rate": "0.80000",
            "number": number,
            "number_type": "local",
            "resource_uri": f"{base}/Number/{number}/",
            "sms_enabled": True,
            "sms_rate": "0.00000",
            "sub_account": known.sub_account,
            "tendlc_campaign_id": None,
            "tendlc_registration_status": "UNREGISTERED",
            "voice_enabled": True,
        }

    def message_url_of(self, number: str) -> tuple[str, str] | None:
        """The message_url of the number's application, and its method."""
        known = self.numbers.get(number.lstrip("+"))
        application = self.applications.get(known.app_id or "") if known else None
        if not application or not application["message_url"]:
            return None
        return application["message_url"], application["message_method"] or "POST"
