"""[pure] Is this request from Plivo?

Plivo signs with HMAC-SHA256 under an auth token, base64, over

    V2:        URL without query, nonce
    V3, POST:  URL ? sorted query (. if there is one) sorted key+value pairs . nonce
    V3, GET:   URL ? sorted query . nonce

(plivo-python, `plivo/utils/__init__.py` and `signature_v3.py`; the `?` stands in a POST with
parameters even where the URL has no query). V2 and V3 use the token of the account or subaccount
that owns the message, Ma-V2 and Ma-V3 always the main account's; every header may hold several
signatures, separated by commas. All is done in bytes, so that text of any script signs as Plivo's
UTF-8 does.

V3 joins key and value, and pair and pair, without a separator: `a=bc` signs like `ab=c`. Whoever
has seen one signed body can so move characters between neighbouring keys and values, but neither
add, drop nor reorder any. Nothing is refused for that: any text may stand in an honest report, and
no rule tells the moved from the meant. What helps is that nobody else sees a body or knows the
path: https, and RECEIVER_PATH_SECRET.
"""

import base64
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from receiver.callback import decode_form
from receiver.setting_values import Token


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRequest:
    """What a signature covers. `url` is the public address with path, without query."""

    method: str
    url: str
    query: bytes
    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Which scheme and whose token matched, or why none did (`reason`)."""

    scheme: str | None
    account: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Scheme:
    name: str
    header: str
    nonce_header: str
    version: int


_URL_ONLY = 2  # the version whose signature covers neither query nor body
_MOST_SIGNATURES = 16  # in one header; more would only cost time

_V3 = (
    _Scheme("v3", "X-Plivo-Signature-V3", "X-Plivo-Signature-V3-Nonce", 3),
    _Scheme("ma-v3", "X-Plivo-Signature-Ma-V3", "X-Plivo-Signature-V3-Nonce", 3),
)
_V2 = (
    _Scheme("v2", "X-Plivo-Signature-V2", "X-Plivo-Signature-V2-Nonce", 2),
    _Scheme("ma-v2", "X-Plivo-Signature-Ma-V2", "X-Plivo-Signature-V2-Nonce", 2),
)
HEADERS = tuple(
    dict.fromkeys(name for scheme in (*_V3, *_V2) for name in (scheme.header, scheme.nonce_header))
)


def check(request: SignedRequest, tokens: Sequence[Token], *, policy: str = "strict") -> Verdict:
    """The scheme that matched. With `strict` a V3 signature that is sent must match: no downgrade.

    `policy="v2-too"` lets a matching V2 signature stand in for a V3 one that does not match.
    """
    sent = {scheme for scheme in (*_V3, *_V2) if request.headers.get(scheme.header)}
    if not sent:
        return Verdict(None, reason="no signature header")
    v3_sent = [scheme for scheme in _V3 if scheme in sent]
    candidates = v3_sent or [scheme for scheme in _V2 if scheme in sent]
    if v3_sent and policy == "v2-too":
        candidates = [scheme for scheme in (*_V3, *_V2) if scheme in sent]
    if not any(request.headers.get(scheme.nonce_header) for scheme in candidates):
        return Verdict(None, reason="no nonce header")
    for scheme in candidates:
        if token := _matching_token(scheme, request, tokens):
            return Verdict(scheme.name, token.account)
    return Verdict(None, reason=f"no match: {' '.join(scheme.name for scheme in candidates)}")


def sign(message: bytes, secret: str) -> bytes:
    """The signature as it stands in the header."""
    return base64.b64encode(hmac.digest(secret.encode(), message, "sha256"))


def signed_message(request: SignedRequest, nonce: bytes, *, version: int) -> bytes:
    """The bytes that Plivo signs for this request."""
    url = request.url.encode()
    if version == _URL_ONLY:
        return url + nonce
    query = b"&".join(b"%b=%b" % pair for pair in sorted(decode_form(request.query)))
    parameters = [] if request.method == "GET" else sorted(decode_form(request.body))
    if query or parameters:
        url += b"?" + query
    if query and parameters:
        url += b"."
    return url + b"".join(b"%b%b" % pair for pair in parameters) + b"." + nonce


def _matching_token(
    scheme: _Scheme, request: SignedRequest, tokens: Iterable[Token]
) -> Token | None:
    """The token under which one of the header's signatures is right; compared in constant time."""
    nonce = request.headers.get(scheme.nonce_header, "").encode("latin-1", "replace")
    if not nonce:
        return None
    header = request.headers[scheme.header].encode("latin-1", "replace")
    given = [value.strip() for value in header.split(b",", _MOST_SIGNATURES)[:_MOST_SIGNATURES]]
    message = signed_message(request, nonce, version=scheme.version)
    for token in tokens:
        right = sign(message, token.secret)
        # a list, not a generator: which of them matched takes no part in the time
        if any([hmac.compare_digest(right, value) for value in given]):  # noqa: C419
            return token
    return None
