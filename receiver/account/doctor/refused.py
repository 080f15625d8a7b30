"""[I/O] Why requests were refused for their signature: which setting would have let them in.

Each is tried as it would have been signed under other settings. Only a guess under which our own
token gives the very signature counts, so no stranger can make it name anything.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from urllib.parse import urlsplit

from receiver import quarantine
from receiver.config import Settings
from receiver.diagnosis import Check, Line
from receiver.quarantine import Refusal
from receiver.signature import SignedRequest, check

_NAME = "signatures"
_HOURS = 24
_MOST = 200  # requests that are tried, the newest
_AFTER = "restart the receiver, then python -m receiver recheck"
_UNSIGNED = "no signature header"


@dataclass(frozen=True, slots=True)
class _Guess:
    """Settings, or a url, under which requests may have been signed."""

    mend: str
    base: str
    policy: str
    before: str = ""  # of the path
    after: str = ""


def checks(settings: Settings) -> list[Check]:
    return [(_NAME, partial(_refused, settings))]


def _refused(settings: Settings) -> Iterator[Line]:
    since = datetime.now(UTC) - timedelta(hours=_HOURS)
    count, refused = quarantine.newest(settings.data_dir / "quarantine", since=since, most=_MOST)
    if not count:
        yield Line(_NAME, "ok", f"none was refused in the last {_HOURS} h")
        return
    of = f"of {count:,} refused in {_HOURS} h"
    if count > len(refused):
        of = f"of the newest {len(refused)} {of}"
    signed = [one for one in refused if one.reason != _UNSIGNED]
    admitting = Counter(_admitting(settings, one) for one in signed)
    unexplained = admitting.pop(None, 0)
    for mend, admitted in admitting.most_common():
        yield Line(_NAME, "broken", f"{admitted} {of} match with another setting", mend or "")
    if unexplained:
        said = f"{unexplained} {of} match under no address and policy that was tried"
        mend = (
            "PLIVO_AUTH_TOKEN, and in PLIVO_EXTRA_AUTH_TOKENS those of subaccounts; PUBLIC_URL as "
            f"in the url that you send with; {_AFTER}. Nothing to mend where they are forged"
        )
        yield Line(_NAME, "broken" if not admitting else "warning", said, mend)
    if len(signed) < len(refused):
        said = f"{len(refused) - len(signed)} {of} have no signature at all: not Plivo's, it seems"
        mend = "where they are: let the proxy pass the X-Plivo-Signature headers on"
        yield Line(_NAME, "warning", said, mend)


def _admitting(settings: Settings, refused: Refusal) -> str | None:
    """The mend with the least change that would have let it in."""
    for guess in _guesses(settings, refused):
        request = SignedRequest(
            method=refused.http_method,
            url=f"{guess.base}{guess.before}{refused.path}{guess.after}",
            query=refused.query,
            body=refused.body,
            headers=refused.headers,
        )
        if check(request, settings.tokens, policy=guess.policy).scheme is not None:
            return guess.mend
    return None


def _guesses(settings: Settings, refused: Refusal) -> Iterator[_Guess]:
    """The settings as they are first, then one thing changed, then that and the policy."""
    policies = [(settings.signature_policy, "")]
    if settings.signature_policy != "v2-too":
        policies.append(("v2-too", "SIGNATURE_POLICY=v2-too"))
    now = settings.public_url or ""
    for policy, by_policy in policies:
        for base in dict.fromkeys([now, *_other_bases(now, refused)]):
            changed = [by_policy] if by_policy else []
            if base != now:
                changed.insert(0, f"PUBLIC_URL={base}")
            yield _Guess(_mend(changed), base, policy)
            # a proxy that tidies paths: the url itself is what has to change
            tidy = "send with the url that setup prints, without another slash"
            again = _mend([*changed, tidy])
            yield _Guess(again, base, policy, after="/")
            yield _Guess(again, base, policy, before="/")


def _mend(changed: list[str]) -> str:
    if not changed:
        return "python -m receiver recheck admits them: the settings are mended already"
    return f"{' and '.join(changed)}; {_AFTER}"


def _other_bases(base: str, refused: Refusal) -> Iterator[str]:
    """The other scheme, and the hosts by which we were called, under either."""
    parts = urlsplit(base)
    called = [refused.headers.get(name, "") for name in ("X-Forwarded-Host", "Host")]
    hosts = [host.strip() for value in called for host in value.split(",") if host.strip()]
    for host in [parts.netloc, *hosts]:
        for scheme in ("https", "http"):
            yield f"{scheme}://{host}{parts.path}"
