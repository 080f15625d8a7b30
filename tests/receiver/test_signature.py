"""A request is Plivo's if, and only if, one of the signatures that count is right.

Each case is signed twice, independently: by the functions of Plivo's own SDK, and by the pretend
Plivo of these tests.
"""

import base64
import hmac
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, parse_qsl, quote, urlencode

import pytest
from plivo.utils import signature_v3, validate_signature, validate_v3_signature

from receiver import config, setting_values
from receiver.signature import SignedRequest, Verdict, check, sign, signed_message
from tests.processes import Process
from tests.receiver.sending import AUTH_ID, FORM, PATH, PUBLIC_URL, SECRET, TOKEN, send
from tests.receiver.serving import serving
from tests.simulator import signing

SUB_ID = "SAXXXXXXXXXXXXXXXXXX"
TOKENS = {"main": TOKEN, "sub": "token-of-a-subaccount", "old": "the-token-before", "wrong": "x"}
ACCOUNTS = {"main": AUTH_ID, "sub": SUB_ID, "old": None}
EXTRA_TOKENS = f"{SUB_ID}:{TOKENS['sub']},{TOKENS['old']}"
NONCE = "05429567804466091622"
BODY = urlencode({"MessageUUID": "m1", "Status": "delivered", "To": "14155550100", "ErrorCode": ""})

_HEADERS = {
    "v2": ("X-Plivo-Signature-V2", "X-Plivo-Signature-V2-Nonce"),
    "ma-v2": ("X-Plivo-Signature-Ma-V2", "X-Plivo-Signature-V2-Nonce"),
    "v3": ("X-Plivo-Signature-V3", "X-Plivo-Signature-V3-Nonce"),
    "ma-v3": ("X-Plivo-Signature-Ma-V3", "X-Plivo-Signature-V3-Nonce"),
}


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A request, and under which token each of its signature headers is made."""

    method: str = "POST"
    path: str = PATH
    query: str = ""
    body: str = BODY
    public_url: str = PUBLIC_URL

    @property
    def url(self) -> str:
        return self.public_url + self.path + ("?" + self.query if self.query else "")


Signer = Callable[[str, Sent, str], str]  # scheme, request, token -> signature


def _by_the_sdk(scheme: str, sent: Sent, token: str) -> str:
    if scheme.endswith("v2"):
        url = sent.public_url + sent.path
        made = hmac.digest(token.encode(), (url + NONCE).encode(), "sha256")
        signature = base64.b64encode(made).decode()
        assert validate_signature(sent.url, NONCE, signature, token)
        return signature
    if sent.method == "GET":  # given as parameters, since it misreads a URL that is not ASCII
        url = sent.public_url + sent.path
        signed = signature_v3.construct_get_url(url, parse_qs(sent.query, keep_blank_values=True))
    else:
        parameters = parse_qs(sent.body, keep_blank_values=True)
        signed = signature_v3.construct_post_url(sent.url, parameters)
    made = signature_v3.get_signature_v3(token.encode(), signed.decode(), NONCE.encode())
    return str(made.decode())


def _by_the_simulator(scheme: str, sent: Sent, token: str) -> str:
    if scheme.endswith("v2"):
        return signing.sign_v2(sent.url, NONCE, token)
    pairs = parse_qsl(sent.body, keep_blank_values=True) if sent.method == "POST" else []
    return signing.sign_v3(sent.method, sent.url, pairs, NONCE, token)


SIGNERS: dict[str, Signer] = {"sdk": _by_the_sdk, "simulator": _by_the_simulator}


@dataclass(frozen=True, kw_only=True)
class Case:
    """`signed` maps each scheme that is sent to the owner of the token it is made with."""

    name: str
    signed: Mapping[str, str]
    sent: Sent = Sent()
    expected: str | None
    account: str | None = "main"
    policy: str = "strict"
    arrives: Mapping[str, str] | None = None  # what was changed on the way
    headers: Mapping[str, str | None] | None = None  # put in place of a header; None takes it away
    over_http: bool = False

    def arriving(self, signer: Signer) -> tuple[Sent, dict[str, str]]:
        headers: dict[str, str] = {}
        for scheme, owner in self.signed.items():
            header, nonce_header = _HEADERS[scheme]
            headers[header] = signer(scheme, self.sent, TOKENS[owner])
            headers[nonce_header] = NONCE
        for name, value in (self.headers or {}).items():
            headers.pop(name, None)
            if value is not None:
                headers[name] = value
        changes: Any = self.arrives or {}
        return replace(self.sent, **changes), headers

    @property
    def account_id(self) -> str | None:
        return ACCOUNTS[self.account or "old"] if self.expected else None


GET = Sent(method="GET", query=BODY, body="")
OWN_QUERY = Sent(query="tag=otp&batch=7")
UNICODE = urlencode({"MessageUUID": "m1", "Text": "Grüße 🎉 שלום & mehr=1+1"})
EMPTY = "MessageUUID=m1&ErrorCode=&PowerpackUUID=&Status"
REPEATED = "b=2&a=2&a=10&a=1&b="
ODD = "a+b=c%2Bd&&=nameless&x=1%3D2&%C3%A4=%C3%B6&Zeta=1&alpha=2"
LOCAL = "http://sms.example.org:8000"


def _cases() -> Iterator[Case]:
    for scheme in _HEADERS:
        yield from _any_scheme(scheme)
    for scheme in ("v3", "ma-v3"):
        yield from _what_v3_signs(scheme)
        yield from _what_v3_notices(scheme)
    for scheme in ("v2", "ma-v2"):
        yield Case(
            name=f"{scheme} leaves body and query open", signed={scheme: "main"},
            arrives={"body": "Status=failed", "query": "tag=news"}, expected=scheme,
        )  # fmt: skip
    yield from _mixtures()


def _any_scheme(scheme: str) -> Iterator[Case]:
    for what, sent in (("post", Sent()), ("get", GET), ("post with own query", OWN_QUERY)):
        yield Case(
            name=f"{scheme}, {what}", signed={scheme: "main"}, sent=sent, expected=scheme,
            over_http=True,
        )  # fmt: skip
    yield Case(
        name=f"{scheme}, wrong token", signed={scheme: "wrong"}, expected=None, over_http=True
    )
    for change in ({"path": PATH + "x"}, {"path": "/message"}, {"public_url": LOCAL}):
        yield Case(
            name=f"{scheme}, other {next(iter(change))} {next(iter(change.values()))}",
            signed={scheme: "main"}, expected=None, arrives=change,
        )  # fmt: skip
    header, nonce_header = _HEADERS[scheme]
    wrong: dict[str, dict[str, str | None]] = {
        "other nonce": {nonce_header: "1"},
        "empty nonce": {nonce_header: ""},
        "no nonce": {nonce_header: None},
        "empty signature": {header: ""},
        "no signature": {header: None},
        "no base64": {header: "ä!"},
        "only commas": {header: ",,,"},
    }
    for what, headers in wrong.items():
        yield Case(
            name=f"{scheme}, {what}", signed={scheme: "main"}, expected=None, headers=headers
        )
    yield Case(
        name=f"{scheme}, subaccount", signed={scheme: "sub"}, expected=scheme, account="sub",
        over_http=True,
    )  # fmt: skip
    yield Case(
        name=f"{scheme}, old token", signed={scheme: "old"}, expected=scheme, account="old",
        over_http=True,
    )  # fmt: skip


def _what_v3_signs(scheme: str) -> Iterator[Case]:
    for what, body in (
        ("unicode", UNICODE), ("empty values", EMPTY), ("repeated", REPEATED), ("odd", ODD),
    ):  # fmt: skip
        yield Case(
            name=f"{scheme}, {what}, get", signed={scheme: "main"},
            sent=replace(GET, query=body), expected=scheme, over_http=True,
        )  # fmt: skip
        yield Case(
            name=f"{scheme}, {what}, post", signed={scheme: "main"},
            sent=Sent(body=body), expected=scheme, over_http=True,
        )  # fmt: skip
    for what, sent in (
        ("no parameters at all", Sent(body="")),
        ("post with query alone", Sent(query="tag=otp", body="")),
        ("get without query", replace(GET, query="")),
        ("get with own query", replace(GET, query="tag=otp&" + BODY)),
        ("repeated own query", Sent(query="tag=b&tag=a&tag=")),
        ("trailing slash", Sent(path="/delivery_report/")),
        ("percent-encoded path", Sent(path="/delivery_report/s%65cret")),
        ("port", Sent(public_url=LOCAL)),
        ("path in the public address", Sent(public_url=PUBLIC_URL + "/plivo")),
    ):
        yield Case(name=f"{scheme}, {what}", signed={scheme: "main"}, sent=sent,
                   expected=scheme)  # fmt: skip


def _what_v3_notices(scheme: str) -> Iterator[Case]:
    for what, change in {
        "body": {"body": BODY.replace("delivered", "failed")},
        "one more parameter": {"body": BODY + "&Units=1"},
        "one less parameter": {"body": BODY.partition("&")[2]},
        "query added": {"query": "tag=news"},
        "method": {"method": "GET", "query": BODY, "body": ""},
    }.items():
        yield Case(
            name=f"{scheme}, tampered: {what}", signed={scheme: "main"}, expected=None,
            arrives=change, over_http=True,
        )  # fmt: skip
    yield Case(
        name=f"{scheme}, tampered: query", signed={scheme: "main"}, sent=OWN_QUERY,
        arrives={"query": "tag=news&batch=7"}, expected=None, over_http=True,
    )  # fmt: skip
    yield Case(
        name=f"{scheme}, order of parameters is free", signed={scheme: "main"},
        arrives={"body": "&".join(reversed(BODY.split("&")))}, expected=scheme,
    )  # fmt: skip


def _mixtures() -> Iterator[Case]:
    def case(name: str, signed: Mapping[str, str], expected: str | None, **more: Any) -> Case:
        return Case(name=name, signed=signed, expected=expected, **more)

    every = dict.fromkeys(_HEADERS, "main")
    yield case("all four", every, "v3", over_http=True)
    yield case("own and main account's", {"v3": "sub", "ma-v3": "main"}, "v3", account="sub")
    yield case("v3 of a stranger, ma-v3 right", {"v3": "wrong", "ma-v3": "main"}, "ma-v3",
               over_http=True)  # fmt: skip
    yield case("v2 of a stranger, ma-v2 right", {"v2": "wrong", "ma-v2": "main"}, "ma-v2")
    downgrade = {"v3": "wrong", "v2": "main"}
    yield case("wrong v3, right v2, strict", downgrade, None, over_http=True)
    yield case("wrong v3, right v2, v2-too", downgrade, "v2", policy="v2-too")
    yield case("wrong ma-v3, right ma-v2, strict", {"ma-v3": "wrong", "ma-v2": "main"}, None)
    yield case("wrong ma-v3, right ma-v2, v2-too", {"ma-v3": "wrong", "ma-v2": "main"}, "ma-v2",
               policy="v2-too")  # fmt: skip
    yield case("right v3, wrong v2", {"v3": "main", "v2": "wrong"}, "v3")
    yield case("right v3 is named, v2-too", every, "v3", policy="v2-too")
    yield case("all wrong, v2-too", dict.fromkeys(_HEADERS, "wrong"), None, policy="v2-too")
    yield case("v3 without its nonce, right v2, strict", {"v3": "main", "v2": "main"}, None,
               headers={"X-Plivo-Signature-V3-Nonce": None})  # fmt: skip
    yield case("v3 without its nonce, right v2, v2-too", {"v3": "main", "v2": "main"}, "v2",
               headers={"X-Plivo-Signature-V3-Nonce": None}, policy="v2-too")  # fmt: skip
    yield case("nothing", {}, None, over_http=True)
    yield case("only a nonce", {}, None, headers={"X-Plivo-Signature-V3-Nonce": NONCE})
    yield case("the first, abandoned scheme", {}, None, headers={"X-Plivo-Signature": "x"})


CASES = list(_cases())


def _tokens() -> tuple[setting_values.Token, ...]:
    given = {
        "PLIVO_AUTH_ID": AUTH_ID,
        "PLIVO_AUTH_TOKEN": TOKEN,
        "PLIVO_EXTRA_AUTH_TOKENS": EXTRA_TOKENS,
    }
    return config.load(given, environment={}).tokens


def _check(
    sent: Sent, headers: Mapping[str, str], *, policy: str = "strict", url: str | None = None
) -> Verdict:
    request = SignedRequest(
        method=sent.method,
        url=url or sent.public_url + sent.path,
        query=sent.query.encode(),
        body=sent.body.encode(),
        headers=headers,
    )
    return check(request, _tokens(), policy=policy)


@pytest.mark.parametrize("signer", SIGNERS)
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_signature_counts_when_it_should(case: Case, signer: str) -> None:
    """The table above: what is signed, what arrives, which scheme and whose token matched."""
    sent, headers = case.arriving(SIGNERS[signer])
    verdict = _check(sent, headers, policy=case.policy)
    assert (verdict.scheme, verdict.account) == (case.expected, case.account_id)
    assert bool(verdict.reason) == (case.expected is None)


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    data_dir = tmp_path_factory.mktemp("signature") / "data"
    with serving(data_dir, PLIVO_EXTRA_AUTH_TOKENS=EXTRA_TOKENS) as process:
        yield process


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.over_http], ids=lambda case: case.name
)
def test_over_http_the_same_table_holds(receiver: Process, case: Case) -> None:
    """200 where a signature matches, else 403, whatever stands in the Host header."""
    sent, headers = case.arriving(_by_the_simulator)
    answer = send(
        receiver.url, sent.method, sent.url.removeprefix(sent.public_url), sent.body.encode(),
        {"Content-Type": FORM, "Host": "elsewhere.example.net", **headers},
    )  # fmt: skip
    assert answer.status == (200 if case.expected else 403)


@pytest.mark.parametrize("scheme", _HEADERS)
def test_any_of_several_signatures_in_one_header_will_do(scheme: str) -> None:
    """While a token rotates, Plivo may send one for the old and one for the new."""
    right = _by_the_sdk(scheme, Sent(), TOKEN)
    header, nonce_header = _HEADERS[scheme]
    for value in (f"{right},other", f"other,{right}", f"other , {right} ,", f",{right}"):
        assert _check(Sent(), {header: value, nonce_header: NONCE}).scheme == scheme
    for value in (f"{right}x", right[:-1], right.lower(), f"{right} {right}"):
        assert _check(Sent(), {header: value, nonce_header: NONCE}).scheme is None


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("text", ["plain", "Grüße", "你好 🎉"])
def test_what_we_would_sign_the_sdk_takes(method: str, text: str) -> None:
    """All but a GET that is no ASCII: there the SDK's own check fails on its own URL."""
    form = urlencode({"MessageUUID": "m1", "Text": text, "Empty": ""})
    sent = Sent(query=form, method="GET", body="") if method == "GET" else Sent(body=form)
    request = SignedRequest(
        method=method, url=PUBLIC_URL + PATH, query=sent.query.encode(),
        body=sent.body.encode(), headers={},
    )  # fmt: skip
    ours = sign(signed_message(request, NONCE.encode(), version=3), TOKEN).decode()
    parameters = parse_qs(sent.body, keep_blank_values=True)
    if method == "POST" or text.isascii():
        assert validate_v3_signature(method, sent.url, NONCE, TOKEN, ours, parameters)
    else:
        with pytest.raises(UnicodeEncodeError):
            validate_v3_signature(method, sent.url, NONCE, TOKEN, ours, parameters)
    assert ours == _by_the_simulator("v3", sent, TOKEN)
    v2 = sign(signed_message(request, NONCE.encode(), version=2), TOKEN).decode()
    assert validate_signature(sent.url, NONCE, v2, TOKEN)


@pytest.mark.parametrize("raw", [b"Text=%FF%FE", b"Text=\xff\xfe", b"%00=%80", b"Text=%zz%4"])
def test_bytes_that_are_no_utf8_are_signed_as_they_are(raw: bytes) -> None:
    """Any bytes can be signed, and one changed byte can be told."""
    request = SignedRequest(method="POST", url=PUBLIC_URL, query=b"", body=raw, headers={})
    signature = sign(signed_message(request, b"1", version=3), TOKEN).decode()
    headers = {"X-Plivo-Signature-V3": signature, "X-Plivo-Signature-V3-Nonce": "1"}
    assert check(replace(request, headers=headers), _tokens()).scheme == "v3"
    other = replace(request, headers=headers, body=raw + b"%81")
    assert check(other, _tokens()).scheme is None


def test_a_slash_at_the_end_of_the_public_address_makes_no_difference() -> None:
    """PUBLIC_URL with and without it is the same address."""
    for given in (PUBLIC_URL, PUBLIC_URL + "/", LOCAL + "/"):
        public_url = config.load({"PUBLIC_URL": given}, environment={}).public_url
        assert public_url == given.rstrip("/")
        sent = Sent(public_url=given.rstrip("/"))
        headers = {
            "X-Plivo-Signature-V3": _by_the_sdk("v3", sent, TOKEN),
            "X-Plivo-Signature-V3-Nonce": NONCE,
        }
        assert _check(sent, headers, url=f"{public_url}{PATH}").scheme == "v3"


def test_without_tokens_nothing_matches() -> None:
    """An empty list of tokens lets nobody in, an empty signature neither."""
    _, headers = Case(name="", signed={"v3": "main", "v2": "main"}, expected=None).arriving(
        _by_the_sdk
    )
    request = SignedRequest(
        method="POST", url=PUBLIC_URL + PATH, query=b"", body=BODY.encode(), headers=headers
    )
    assert check(request, ()).scheme is None


def test_no_reason_gives_a_secret_away() -> None:
    """What is logged of a refusal names schemes, neither tokens nor paths nor numbers."""
    for case in CASES:
        sent, headers = case.arriving(_by_the_simulator)
        reason = _check(sent, headers, policy=case.policy).reason
        for secret in (*TOKENS.values(), SECRET, quote(SECRET), NONCE, "14155550100"):
            assert len(secret) < 2 or secret not in reason
