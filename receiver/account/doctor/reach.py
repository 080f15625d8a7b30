"""[I/O] Whether PUBLIC_URL leads to the receiver of this data folder, asked as Plivo would ask."""

import secrets
from collections.abc import Iterator
from functools import partial

import requests

from receiver import journal_file, probe
from receiver.account.callback_url import callback_url
from receiver.config import Settings
from receiver.diagnosis import Check, Line
from receiver.signature import SignedRequest

_NAME = "public address"
_SECONDS = 10.0
_TAG = "doctor probe"  # a query, so that one which is lost or rewritten on the way shows
_CODES = requests.codes


def checks(settings: Settings) -> list[Check]:
    return [(_NAME, partial(_reaches, settings))]


def _reaches(settings: Settings) -> Iterator[Line]:
    if not settings.public_url or not settings.tokens:
        said = "not tried: PUBLIC_URL or PLIVO_AUTH_TOKEN is not set"
        yield Line(_NAME, "broken", said, "python -m receiver setup, and .env")
        return
    target = callback_url(settings, "delivery_report", tag=_TAG)
    nonce = secrets.token_hex(16)
    url, _, query = target.partition("?")
    asked = SignedRequest(method="HEAD", url=url, query=query.encode(), body=b"", headers={})
    headers = {probe.HEADER: probe.question(asked, nonce, settings.tokens[0])}
    try:
        answer = requests.head(target, headers=headers, timeout=_SECONDS, allow_redirects=False)
    except requests.RequestException as failure:
        yield Line(_NAME, "broken", *_without_answer(settings, failure))
        return
    proof = answer.headers.get(probe.HEADER)
    if answer.status_code != _CODES.ok or proof is None:
        yield Line(_NAME, "broken", *_by_somebody_else(settings, answer))
        return
    ours = [path.stem for path in journal_file.journals(settings.data_dir / "journal")]
    if probe.is_of(proof, nonce, ours):
        said = f"{settings.public_url} leads to this receiver, path, query and signature whole"
        yield Line(_NAME, "ok", said)
    elif proof == probe.REFUSED:
        said = (
            f"{settings.public_url} leads to a receiver that refuses our signature: its PUBLIC_URL "
            "or token differs from ours, or path or query are rewritten on the way"
        )
        yield Line(_NAME, "broken", said, "restart it with these settings; let the proxy alter "
                   "neither path nor query")  # fmt: skip
    else:
        said = f"{settings.public_url} leads to a receiver with another data folder than ours"
        yield Line(_NAME, "broken", said, "the DATA_DIR that it serves, or the right PUBLIC_URL")


def _without_answer(settings: Settings, failure: requests.RequestException) -> tuple[str, str]:
    """What was met, without its text, which carries the whole URL; and what mends it."""
    url = settings.public_url
    if isinstance(failure, requests.exceptions.SSLError):
        return f"{url} has no certificate that holds", "mend it where TLS ends; Plivo checks it too"
    kind = type(failure).__name__
    return (
        f"{url} does not answer ({kind})",
        "start the proxy or tunnel that PUBLIC_URL names, and open the firewall for it",
    )


def _by_somebody_else(settings: Settings, answer: requests.Response) -> tuple[str, str]:
    """What was met, and what mends it."""
    url, status = settings.public_url, answer.status_code
    if answer.is_redirect:
        to = answer.headers.get("Location", "elsewhere").partition("?")[0]
        return (
            f"{url} sends callers on to {to}, where a signature no longer matches",
            "PUBLIC_URL as the address that answers itself, and send with it",
        )
    if status == _CODES.not_found:
        return (
            f"{url} answers 404: another path secret there, a changed path, or no receiver",
            "restart the receiver with these settings; let the proxy alter no path",
        )
    if status >= _CODES.server_error:
        where = f"{settings.receiver_host}:{settings.receiver_port}"
        return (
            f"{url} answers {status}: the proxy does not reach the receiver",
            f"python -m receiver serve; lead the proxy to {where}",
        )
    return (
        f"{url} answers {status}, but not as this receiver does",
        "PUBLIC_URL as the receiver's own; restart the receiver if it is older than doctor",
    )
