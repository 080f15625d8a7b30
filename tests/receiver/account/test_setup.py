"""`setup` changes what is not as it should be, nothing else, and asks where that takes or costs."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from receiver.account import setting_up, setup_plan
from receiver.account.api import Api
from receiver.account.errors import AccountProblem, Missing, NotAgreed, Refused, Unavailable
from receiver.config import SettingError
from tests.receiver.account.making import ACCOUNT, MESSAGE_URL, SECRET, answering, settings
from tests.simulator import Served, Simulation
from tests.simulator import Settings as SimulatorSettings
from tests.simulator.setup_api import SetupApi

NUMBER, OTHER = "14155550101", "12125550102"
VOICE = {
    "app_name": "voice",
    "answer_url": "https://voice.example/answer",
    "answer_method": "GET",
    "hangup_url": "https://voice.example/hangup",
    "hangup_method": "GET",
    "fallback_answer_url": "https://voice.example/fallback",
    "fallback_method": "GET",
    "default_number_app": True,
    "default_endpoint_app": True,
    "log_incoming_messages": False,
    "public_uri": True,
    "subaccount": "SAPRETENDPLIVOSUBA01",
}


@dataclass
class Account:
    """The account, and what was said and asked and sent while it was set up."""

    simulation: Simulation
    url: str
    said: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    def set_up(self, *, agrees: bool = True, dry_run: bool = False, **wanted: Any) -> bool:
        for heard in (self.said, self.questions, self.calls):
            heard.clear()
        with Api(settings(self.url), tell=self.calls.append) as api:
            return setting_up.set_up(
                api,
                setup_plan.wanted(MESSAGE_URL, **wanted),
                say=self.said.append,
                agree=self._agree if agrees else self._refuse,
                dry_run=dry_run,
            )

    @property
    def changing_calls(self) -> list[str]:
        return [call for call in self.calls if not call.startswith("GET ")]

    @property
    def book(self) -> Any:
        return self.simulation.book

    def application(self, name: str = setup_plan.DEFAULT_NAME) -> dict[str, Any]:
        [found] = [app for app in self.book.applications.values() if app["app_name"] == name]
        return dict(found)

    def _agree(self, question: str) -> None:
        assert not self.changing_calls, "asked only after a change"
        self.questions.append(question)

    def _refuse(self, question: str) -> None:
        self._agree(question)
        raise NotAgreed("no")


@contextmanager
def served(simulated: SimulatorSettings | None = None) -> Iterator[Account]:
    simulation = Simulation(simulated, deliver=lambda *_: 200)
    with Served(simulation) as plivo:
        yield Account(simulation, plivo.url)


@pytest.fixture
def account() -> Iterator[Account]:
    with served() as account:
        yield account


def test_an_empty_account_gets_an_application_with_the_number_on_it(account: Account) -> None:
    assert account.set_up(number="+1 (415) 555-0101")
    app = account.application()
    assert (app["message_url"], app["message_method"]) == (MESSAGE_URL, "POST")
    assert account.book.numbers[NUMBER].app_id == app["app_id"]
    assert account.book.numbers[OTHER].app_id is None
    assert account.questions == []


def test_twice_changes_nothing(account: Account) -> None:
    account.set_up(number=NUMBER)
    before = account.application()
    assert account.set_up(number=NUMBER)
    assert account.changing_calls == []
    assert account.application() == before
    assert account.said[-1] == "nothing was changed"


def test_a_new_public_address_is_an_update_of_the_same_application(account: Account) -> None:
    account.set_up(number=NUMBER)
    old = account.application()
    account.book.applications[old["app_id"]]["message_url"] = "https://old.ngrok.app/message/x"
    assert account.set_up(number=NUMBER)
    assert account.application() == old
    assert account.questions == []


@pytest.mark.parametrize("updates_reset", [False, True])
def test_other_settings_of_the_application_survive(*, updates_reset: bool) -> None:
    with served(SimulatorSettings(updates_reset=updates_reset)) as account:
        app_id = account.book.create_application(VOICE)
        account.book.update_number(NUMBER, {"app_id": app_id})
        before = account.application("voice")
        assert account.set_up(number=NUMBER)
        after = account.application("voice")
        assert after == {**before, "message_url": MESSAGE_URL, "message_method": "POST"}
        assert account.said == [f"number {NUMBER} is on it", "message_url of application voice set"]
        assert account.questions == []


def test_alias_and_subaccount_of_the_number_survive(account: Account) -> None:
    account.book.update_number(NUMBER, {"alias": "ours", "subaccount": "SAPRETENDPLIVOSUBA01"})
    account.set_up(number=NUMBER)
    number = account.book.numbers[NUMBER]
    assert (number.alias, number.sub_account) == ("ours", "SAPRETENDPLIVOSUBA01")


def test_a_setting_that_did_not_survive_is_named(account: Account) -> None:
    app_id = account.book.create_application(VOICE)
    account.book.update_number(NUMBER, {"app_id": app_id})
    update = account.book.update_application

    def forgetful(app_id: str, wanted: dict[str, Any]) -> None:
        update(app_id, {**wanted, "hangup_url": None})

    account.book.update_application = forgetful
    assert not account.set_up(number=NUMBER)
    assert "hangup_url of the application was https://voice.example/hangup" in account.said[-1]


def test_somebody_elses_message_url_is_replaced_only_when_agreed_to(account: Account) -> None:
    theirs = "https://theirs.example/sms?key=their-secret"
    app_id = account.book.create_application({**VOICE, "message_url": theirs})
    account.book.update_number(NUMBER, {"app_id": app_id})
    with pytest.raises(NotAgreed):
        account.set_up(number=NUMBER, agrees=False)
    assert "https://theirs.example/…" in account.questions[0]
    assert "their-secret" not in account.questions[0]
    assert account.application("voice")["message_url"] == theirs
    assert account.set_up(number=NUMBER)
    assert account.application("voice")["message_url"] == MESSAGE_URL


def test_a_number_is_moved_from_another_application_only_when_agreed_to(account: Account) -> None:
    app_id = account.book.create_application(VOICE)
    account.book.update_number(NUMBER, {"app_id": app_id})
    with pytest.raises(NotAgreed):
        account.set_up(number=NUMBER, app_name="sms", agrees=False)
    assert account.changing_calls == []
    assert [app["app_name"] for app in account.book.applications.values()] == ["voice"]
    assert account.set_up(number=NUMBER, app_name="sms")
    assert account.book.numbers[NUMBER].app_id == account.application("sms")["app_id"]


def test_a_dry_run_shows_every_call_and_changes_nothing(account: Account) -> None:
    assert account.set_up(number=NUMBER, dry_run=True)
    assert account.calls == [f"GET Number/{NUMBER}/", "GET Application/ app_name=delivery-reports"]
    hidden = "message_url=https://sms.example.org/message/***"
    assert account.said == [
        f"would POST Application/ app_name=delivery-reports {hidden} message_method=POST",
        f"would POST Number/{NUMBER}/ app_id=(the new application)",
        "nothing was changed",
    ]
    assert not account.book.applications
    assert SECRET not in " ".join(account.calls + account.said)


def test_the_calls_of_a_dry_run_are_those_that_are_made_then(account: Account) -> None:
    account.set_up(number=NUMBER, dry_run=True)
    would = [line.removeprefix("would ") for line in account.said if line.startswith("would ")]
    account.set_up(number=NUMBER)
    new = account.application()["app_id"]
    assert [call.replace(new, "(the new application)") for call in account.changing_calls] == would


def test_an_application_is_found_behind_many_others(account: Account) -> None:
    for n in range(45):
        account.book.create_application({"app_name": f"app-{n}"})
    account.book.create_application({"app_name": setup_plan.DEFAULT_NAME})
    for app in account.book.applications.values():
        app["app_name"] = app["app_name"] or "none"
    assert account.set_up()
    assert len(account.book.applications) == 46
    assert account.application()["message_url"] == MESSAGE_URL


def test_a_number_is_rented_after_its_price_was_shown(account: Account) -> None:
    assert account.set_up(country="US")
    assert account.questions == [
        "rent 12129000000 for 0.80000 a month and 0.00000 once, in the account's currency?"
    ]
    assert account.book.numbers["12129000000"].app_id == account.application()["app_id"]


def test_nothing_at_all_is_done_where_the_price_is_not_agreed_to(account: Account) -> None:
    with pytest.raises(NotAgreed):
        account.set_up(country="US", agrees=False)
    assert account.changing_calls == []
    assert not account.book.applications


def test_the_same_command_rents_only_once(account: Account) -> None:
    account.set_up(country="US")
    assert account.set_up(country="US")
    assert account.changing_calls == []
    assert "number 12129000000 is on it, so none is bought" in account.said


def test_numbers_that_want_documents_are_not_rented(account: Account) -> None:
    with pytest.raises(Refused, match="documents first in DE"):
        account.set_up(country="DE")
    with pytest.raises(Refused, match="no number in BR"):
        account.set_up(country="BR")
    assert not account.book.applications


def test_a_rented_number_that_is_pending_is_no_success(account: Account) -> None:
    account.book.rent = lambda *_: "pending"
    assert not account.set_up(country="US")
    assert "pending" in account.said[-1]


def test_a_number_of_somebody_else_is_refused_before_anything_changes(account: Account) -> None:
    with pytest.raises(Missing, match="…3456 is no number of this account") as refusal:
        account.set_up(number="+447400123456")
    assert "447400123456" not in str(refusal.value)
    assert not account.book.applications


def test_where_plivo_wants_an_answer_url_it_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(api: SetupApi, _auth_id: str) -> Any:
        return api._answers.error(400, "answer_url parameter is missing")

    monkeypatch.setattr(SetupApi, "create_application", refuse)
    with served() as account, pytest.raises(Refused, match="create delivery-reports in the con"):
        account.set_up()


def test_a_number_on_a_phlo_wants_an_application_by_name(account: Account) -> None:
    account.book.numbers[NUMBER].app_id = "999"
    with pytest.raises(Missing, match="--app-name"):
        account.set_up(number=NUMBER)
    assert account.set_up(number=NUMBER, app_name="sms")


def test_two_applications_of_one_name_are_not_chosen_between(account: Account) -> None:
    for _ in range(2):
        account.book.create_application({"app_name": "sms"})
    with pytest.raises(Refused, match="2 applications named sms"):
        account.set_up(app_name="sms")


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"number": "none"}, "no number"),
        ({"number": ""}, "no number"),
        ({"app_name": "two words"}, "--app-name"),
        ({"country": "usa"}, "--country"),
    ],
)
def test_what_plivo_could_only_refuse_is_not_asked(wanted: dict[str, str], said: str) -> None:
    with pytest.raises(SettingError, match=said):
        setup_plan.wanted(MESSAGE_URL, **wanted)


@pytest.mark.parametrize(
    ("status", "body", "kind", "said"),
    [
        (400, {"error": f"answer_url of {SECRET} for 14155550101"}, Refused, r"\*\*\* for …0101"),
        (401, {"error": "authentication failed"}, Refused, "PLIVO_AUTH_ID and PLIVO_AUTH_TOKEN"),
        (403, "<html>", Refused, "403"),
        (429, {}, Unavailable, "fewer requests"),
        (408, "", Unavailable, "status 408"),
        (500, {"error": "oops"}, Unavailable, "status 500"),
        (503, "<html>busy</html>", Unavailable, "status 503"),
        (200, "<html>a captive portal</html>", Unavailable, "no whole answer"),
        (200, [], Unavailable, "no whole answer"),
        (200, {"meta": {}}, Unavailable, "no list"),
    ],
)
def test_whatever_plivo_answers_is_one_of_our_errors(
    status: int, body: object, kind: type[AccountProblem], said: str
) -> None:
    with answering(**{"": (status, body)}) as plivo, Api(settings(plivo.url)) as api:
        with pytest.raises(kind, match=said):
            list(api.rows("Application"))
        assert plivo.asked == [f"GET /v1/Account/{ACCOUNT.auth_id}/Application/"]


def test_a_plivo_that_is_not_there_is_unavailable() -> None:
    with Api(settings("http://127.0.0.1:9")) as api:
        with pytest.raises(Unavailable, match="did not answer"):
            api.get("Application")
        with pytest.raises(Unavailable, match="look first"):
            api.post("Application", body={}, unsure="look first")


def test_a_list_that_always_names_the_same_next_page_ends() -> None:
    page = {"meta": {"next": "/v1/?limit=20&offset=20"}, "objects": [{"app_name": "a"}]}
    with answering(**{"": page}) as plivo, Api(settings(plivo.url)) as api:
        assert len(list(api.rows("Application"))) == 2
