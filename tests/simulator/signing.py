"""Pure: Plivo's webhook signatures V2 and V3, written from their description."""

import hmac
from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256
from urllib.parse import parse_qsl, urlsplit

from tests.simulator.settings import Signatures

Pairs = list[tuple[str, str]]


def sign_v2(url: str, nonce: str, token: str) -> str:
    """Signs scheme, host and path: neither the query nor the body."""
    return _hmac(token, _without_query(url) + nonce)


def sign_v3(method: str, url: str, pairs: Pairs, nonce: str, token: str) -> str:
    """Signs the URL, its query sorted and decoded, a POST's parameters, and the nonce."""
    query = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    signed = _without_query(url)
    if method == "GET":
        query = query + pairs
        signed += "?" + _query_text(query) if query else ""
    elif pairs:
        # The question mark stands there even without a query; the dot only with one.
        signed += "?" + (_query_text(query) + "." if query else "") + _body_text(pairs)
    elif query:
        signed += "?" + _query_text(query)
    return _hmac(token, signed + "." + nonce)


def signature_headers(
    *,
    method: str,
    url: str,
    pairs: Pairs,
    nonce: str,
    token: str,
    main_token: str,
    families: Signatures,
) -> dict[str, str]:
    """The sender's own signature and the main account's (Ma-), of each family asked for."""
    headers: dict[str, str] = {}
    if families in ("v2", "both"):
        headers["X-Plivo-Signature-V2"] = sign_v2(url, nonce, token)
        headers["X-Plivo-Signature-Ma-V2"] = sign_v2(url, nonce, main_token)
        headers["X-Plivo-Signature-V2-Nonce"] = nonce
    if families in ("v3", "both"):
        headers["X-Plivo-Signature-V3"] = sign_v3(method, url, pairs, nonce, token)
        headers["X-Plivo-Signature-Ma-V3"] = sign_v3(method, url, pairs, nonce, main_token)
        headers["X-Plivo-Signature-V3-Nonce"] = nonce
    return headers


def make_nonce(*of: object) -> str:
    """Twenty digits, the same for the same arguments."""
    digest = sha256("/".join(map(str, of)).encode()).hexdigest()
    return str(int(digest, 16))[:20]


def _without_query(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"


def _query_text(pairs: Iterable[tuple[str, str]]) -> str:
    return "&".join(f"{key}={value}" for key, value in sorted(pairs))


def _body_text(pairs: Iterable[tuple[str, str]]) -> str:
    return "".join(key + value for key, value in sorted(pairs))


def _hmac(token: str, signed: str) -> str:
    return b64encode(hmac.digest(token.encode(), signed.encode(), sha256)).decode()
