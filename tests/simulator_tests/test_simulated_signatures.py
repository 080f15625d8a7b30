"""What the simulator signs, Plivo's own SDK accepts."""

import hmac
from base64 import b64encode
from urllib.parse import parse_qsl

import plivo.utils
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.simulator import Order, Posted, Recorder, Settings, Simulation
from tests.simulator.callbacks import full_url
from tests.simulator.signing import sign_v2, sign_v3

HOOK = "https://hooks.example:8443/delivery_report/s3cret?tag=otp&empty="
SUBACCOUNT = "SAPRETENDPLIVOSUBA01"
MAIN_TOKEN = "pretend-token-of-the-main-account"
SUB_TOKEN = "pretend-token-of-the-subaccount"


def sent(order: Order, method: str = "POST", settings: Settings | None = None) -> list[Posted]:
    """All posts about one message."""
    recorder = Recorder()
    simulation = Simulation(settings, recorder)
    simulation.send(order, HOOK, method)
    simulation.settle()
    assert recorder.posted
    return recorder.posted


def order(subaccount: str | None = None) -> Order:
    return Order(src="14155550101", dst="447400123456", text="Hi", subaccount=subaccount)


def v3_holds(posted: Posted, header: str, token: str) -> bool:
    parameters = posted.parameters if posted.method == "POST" else {}
    url = posted.url if posted.method == "POST" else full_url(posted.url, posted.payload)
    nonce = posted.headers["X-Plivo-Signature-V3-Nonce"]
    signature = posted.headers[header]
    holds: bool = plivo.utils.validate_v3_signature(
        posted.method, url, nonce, token, signature, parameters
    )
    return holds


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_the_sdk_accepts_both_v3_signatures_of_a_report(method: str) -> None:
    for posted in sent(order(), method):
        assert v3_holds(posted, "X-Plivo-Signature-V3", MAIN_TOKEN)
        assert v3_holds(posted, "X-Plivo-Signature-Ma-V3", MAIN_TOKEN)
        assert not v3_holds(posted, "X-Plivo-Signature-V3", SUB_TOKEN)


def test_the_sdk_accepts_both_v2_signatures_of_a_report() -> None:
    for posted in sent(order()):
        nonce = posted.headers["X-Plivo-Signature-V2-Nonce"]
        for header in ("X-Plivo-Signature-V2", "X-Plivo-Signature-Ma-V2"):
            signature = posted.headers[header]
            assert plivo.utils.validate_signature(posted.url, nonce, signature, MAIN_TOKEN)


def test_a_subaccounts_report_carries_its_own_signature_and_the_main_accounts() -> None:
    for posted in sent(order(SUBACCOUNT)):
        assert v3_holds(posted, "X-Plivo-Signature-V3", SUB_TOKEN)
        assert v3_holds(posted, "X-Plivo-Signature-Ma-V3", MAIN_TOKEN)


@pytest.mark.parametrize(
    ("families", "carried"),
    [("v2", {"V2"}), ("v3", {"V3"}), ("both", {"V2", "V3"}), ("none", set())],
)
def test_only_the_wanted_families_are_carried(families: str, carried: set[str]) -> None:
    settings = Settings(signatures=families)  # type: ignore[arg-type]
    for posted in sent(order(), settings=settings):
        found = {name.removesuffix("-Nonce")[-2:] for name in posted.headers if "Plivo" in name}
        assert found == carried


VALUES = st.text(max_size=12).filter(lambda text: text.isprintable())
KEYS = st.text("abcXYZ_0", min_size=1, max_size=5)


@given(
    query=st.sampled_from(["", "?b=2&a=1", "?a=", "?tag=%26+x", "?a=2&a=1"]),
    parameters=st.dictionaries(KEYS, VALUES, max_size=4),
)
def test_v3_of_a_post_equals_the_sdks_for_any_parameters(
    query: str, parameters: dict[str, str]
) -> None:
    url = "https://hooks.example/path" + query
    signature = sign_v3("POST", url, list(parameters.items()), "12345678901234567890", "token")
    assert plivo.utils.validate_v3_signature(
        "POST", url, "12345678901234567890", "token", signature, dict(parameters)
    )


def test_v3_signs_decoded_values_of_the_query_sorted() -> None:
    # By hand: the SDK's own check fails on a query that is not ASCII.
    signed = "https://hooks.example/path?a=ü x&b=.1"
    expected = b64encode(hmac.digest(b"token", signed.encode(), "sha256")).decode()
    url = "https://hooks.example/path?b="
    assert sign_v3("GET", url, [("a", "ü x")], "1", "token") == expected
    assert sign_v3("POST", url + "&a=%C3%BC+x", [], "1", "token") == expected


def test_v2_ignores_the_query_and_keeps_the_port() -> None:
    bare = sign_v2("https://hooks.example:8443/a", "1", "token")
    assert sign_v2("https://hooks.example:8443/a?x=1", "1", "token") == bare
    assert sign_v2("https://hooks.example/a", "1", "token") != bare


def test_a_retry_is_signed_anew() -> None:
    recorder = Recorder(lambda _parameters, before: 200 if before else 500)
    simulation = Simulation(deliver=recorder)
    simulation.send(order(), HOOK)
    simulation.settle()
    first, *others = recorder.posted
    nonces = [posted.headers["X-Plivo-Signature-V3-Nonce"] for posted in others]
    assert first.headers["X-Plivo-Signature-V3-Nonce"] not in nonces


def test_a_posts_payload_is_a_percent_encoded_form() -> None:
    for posted in sent(order()):
        assert posted.headers["Content-Type"] == "application/x-www-form-urlencoded"
        assert "PartInfo=1+of+1" in posted.payload
        assert dict(parse_qsl(posted.payload))["MessageTime"].count(":") == 2
