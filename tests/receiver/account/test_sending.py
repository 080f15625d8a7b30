"""What `send` refuses before it costs anything, what it sends, and what it makes of the answer."""

import json
from pathlib import Path
from typing import Any

import pytest

from receiver.account import sending
from receiver.account.api import Api
from receiver.account.callback_url import callback_url
from receiver.account.errors import Refused, Unavailable
from receiver.config import SettingError
from tests.receiver.account.making import answering, environment, receiver, settings

THEM, US = "447400123456", "14155550101"


def draft(*to: str, text: str = "Hi", sender: str | None = US) -> sending.Draft:
    powerpack = None if sender else "1d5f3dd8-b207-4738-b59f-3c2ac7d3461c"
    return sending.draft(list(to) or [THEM], text, sender=sender, powerpack=powerpack)


def test_numbers_are_taken_in_any_form_and_together() -> None:
    many = draft(f"+{THEM}<+49 151 12345678", "+1 (415) 555-0123", sender="+1 415-555-0101")
    assert many.to == (THEM, "4915112345678", "14155550123")
    assert many.sender == US
    assert draft(sender="ACME Ltd").sender == "ACME Ltd"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"to": ["<"]}, "--to is empty"),
        ({"to": ["none"]}, "no number"),
        ({"to": [THEM, f"+{THEM}"]}, "twice"),
        ({"to": [US]}, "--from is among --to"),
        ({"text": "  "}, "--text is empty"),
        ({"text": "a" * 1601}, "1600 characters in GSM-7"),
        ({"text": "ж" * 738}, "737 characters in UCS-2"),
        ({"sender": "+"}, "no number"),
    ],
)
def test_what_plivo_could_only_refuse_is_not_sent(given: dict[str, Any], said: str) -> None:
    whole = {"to": [THEM], "text": "Hi", "sender": US, "powerpack": None} | given
    with pytest.raises(SettingError, match=said) as problem:
        sending.draft(whole.pop("to"), whole.pop("text"), **whole)
    assert THEM not in str(problem.value)


@pytest.mark.parametrize(
    ("text", "to", "said"),
    [
        ("Hi", (THEM,), None),
        ("a" * 161, (THEM,), "2 units (161 septets of GSM-7)"),
        (
            "ж" * 71,
            (THEM, "4915112345678"),
            "2 units, 4 for 2 numbers (71 code units of UCS-2, because of ж)",
        ),
    ],
)
def test_a_long_text_shows_its_units(text: str, to: tuple[str, ...], said: str | None) -> None:
    assert sending.size_line(draft(*to, text=text)) == said


def test_the_url_carries_secret_and_tag() -> None:
    given = settings("http://127.0.0.1:9")
    assert callback_url(given, "delivery_report", tag="a&b c/ü") == (
        "https://sms.example.org/delivery_report/secret-in-the-path?tag=a%26b%20c%2F%C3%BC"
    )
    bare = settings("http://127.0.0.1:9", RECEIVER_PATH_SECRET="")
    assert callback_url(bare, "message") == "https://sms.example.org/message"
    with pytest.raises(SettingError, match="receiver setup"):
        callback_url(settings("http://127.0.0.1:9", PUBLIC_URL=""), "message")


def accepted(status: int, said: object) -> sending.Accepted:
    with answering(**{"": (status, said)}) as plivo, Api(settings(plivo.url)) as api:
        return sending.send(api, draft(), "https://sms.example.org/delivery_report")


def test_numbers_that_plivo_does_not_take_are_told_apart() -> None:
    said = {"message_uuid": ["u1", "u2"], "invalid_number": ["12"]}
    assert accepted(202, said) == sending.Accepted(("u1", "u2"), ("12",))
    assert accepted(202, {"message_uuid": "u1"}) == sending.Accepted(("u1",), ())
    assert accepted(207, {"message_uuid": ["u1"], "invalid_number": "12"}).refused_numbers


@pytest.mark.parametrize(
    ("status", "said", "kind", "words"),
    [
        (202, {"message_uuid": [], "invalid_number": ["12"]}, Refused, "none of the numbers"),
        (400, {"error": "no valid destination"}, Refused, "no valid destination"),
        (402, {"error": "insufficient credit"}, Refused, "insufficient credit"),
        (202, {}, Unavailable, "before sending it again"),
        (202, {"message_uuid": [None, 3]}, Unavailable, "before sending it again"),
        (202, "<html>", Unavailable, "before sending it again"),
        (503, {"error": "later"}, Unavailable, "before sending it again"),
        (429, {"error": "too many requests"}, Unavailable, "nothing was done"),
    ],
)
def test_an_answer_that_names_no_message_is_an_error(
    status: int, said: object, kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=words):
        accepted(status, said)


def test_a_message_is_never_sent_twice_by_itself() -> None:
    with answering(**{"": (503, {})}) as plivo, Api(settings(plivo.url)) as api:
        with pytest.raises(Unavailable):
            sending.send(api, draft(), "https://sms.example.org/delivery_report")
        assert len(plivo.asked) == 1


@pytest.mark.parametrize(
    ("arguments", "given", "code", "said"),
    [
        (("--from", US), {}, 2, "no receiver has ever written to DATA_DIR"),
        (("--from", US), {"PUBLIC_URL": ""}, 2, "python -m receiver setup"),
        (("--from", US), {"PLIVO_AUTH_TOKEN": ""}, 2, "PLIVO_AUTH_TOKEN is not set"),
        (("--from", US, "--wait", "0"), {}, 75, "did not answer"),
        (("--from", US, "--wait", "x"), {}, 2, "no number of seconds"),
        ((), {}, 2, "--from --powerpack is required"),
        (("--from", US, "--powerpack", "p"), {}, 2, "not allowed with"),
    ],
)
def test_the_command_says_what_to_do(
    tmp_path: Path, arguments: tuple[str, ...], given: dict[str, str], code: int, said: str
) -> None:
    # nobody listens there: the first two find it out before they ask
    asked = environment("http://127.0.0.1:9", tmp_path, **given)
    done = receiver("send", "--to", THEM, "--text", "Hi", *arguments, given=asked, code=code)
    assert said in done.stderr
    assert THEM not in done.stderr
    assert json.dumps(done.stdout) == '""'


def test_an_argument_that_is_no_text_is_refused(tmp_path: Path) -> None:
    asked = environment("http://127.0.0.1:9", tmp_path)
    wrong = ("send", "--to", THEM, "--from", US, "--text", "Hi \udcff")
    assert "not UTF-8" in receiver(*wrong, given=asked, code=2).stderr
