"""Pure: the numbers that can be rented, and what they cost; invented, but in Plivo's form."""

from typing import Any

from tests.simulator.routes import COUNTRIES

_PRICES = {"US": "0.80000", "GB": "0.90000", "DE": "2.50000"}
# In these countries Plivo wants to see documents before it activates a number.
_WITH_DOCUMENTS = {"DE": "city-address"}
_PER_COUNTRY = 5


def all_offers(auth_id: str) -> dict[str, dict[str, Any]]:
    """By number, in the order in which a search shows them; only some countries have any."""
    return {
        number: _offer(auth_id, country.iso2, number)
        for country in COUNTRIES
        if country.iso2 in _PRICES
        for number in (
            country.mobile_prefixes[0] + str(9 * 10 ** (country.digits_after - 1) + n)
            for n in range(_PER_COUNTRY)
        )
    }


def _offer(auth_id: str, country: str, number: str) -> dict[str, Any]:
    restriction = _WITH_DOCUMENTS.get(country)
    return {
        "city": None,
        "country": country,
        "mms_enabled": False,
        "mms_rate": None,
        "monthly_rental_rate": _PRICES[country],
        "number": number,
        "prefix": None,
        "rate_center": None,
        "region": country,
        "resource_uri": f"/v1/Account/{auth_id}/PhoneNumber/{number}/",
        "restriction": restriction,
        "restriction_text": restriction and "a proof of address in the number's city",
        "setup_rate": "0.00000",
        "sms_enabled": True,
        "sms_rate": "0.00000",
        "sub_type": "local",
        "type": "fixed",
        "voice_enabled": True,
        "voice_rate": "0.00500",
    }
