"""[I/O] Under which address Plivo reaches the receiver: the setting, or a tunnel that runs here.

ngrok lists its tunnels at 127.0.0.1:4040/api/tunnels. cloudflared has beside its metrics, on the
first free port from 20241 to 20245, /quicktunnel with the name that it was given and /config with
its ingress rules. Only a tunnel that ends at the receiver's port counts.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests

from receiver.config import SettingError, Settings

NGROK = "http://127.0.0.1:4040"
CLOUDFLARED = tuple(f"http://127.0.0.1:{port}" for port in range(20241, 20246))
_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Address:
    """`found_by` is None where the setting says it."""

    url: str
    found_by: str | None = None


@dataclass(frozen=True, slots=True)
class _Tunnel:
    program: str
    url: str
    target: str | None  # where it leads to on this machine; None where nobody says


def find(settings: Settings, *, ngrok: str = NGROK, cloudflared: tuple[str, ...]) -> Address:
    """Raises SettingError where there is none, or more than one."""
    if settings.public_url:
        return Address(settings.public_url)
    with requests.Session() as session:
        session.trust_env = False  # a proxy has no business on the way to this machine
        tunnels = [*_of_ngrok(session, ngrok), *_of_cloudflared(session, cloudflared)]
    port = settings.receiver_port
    fitting = {t.url: t for t in tunnels if t.target is None or _port(t.target) == port}
    if len(fitting) == 1:
        [tunnel] = fitting.values()
        return Address(tunnel.url, tunnel.program)
    if fitting:
        raise SettingError(f"PUBLIC_URL is not set, and could be any of {', '.join(fitting)}")
    elsewhere = "".join(f"; {t.program}'s {t.url} leads to {t.target} instead" for t in tunnels)
    raise SettingError(
        "PUBLIC_URL is not set, and neither ngrok nor cloudflared runs here for RECEIVER_PORT "
        f"{port}{elsewhere}. Set it to the address under which Plivo reaches the receiver, or "
        f"start `ngrok http {port}` or `cloudflared tunnel --url http://127.0.0.1:{port}`."
    )


def _of_ngrok(session: requests.Session, api: str) -> Iterator[_Tunnel]:
    for tunnel in _list(_json(session, f"{api}/api/tunnels"), "tunnels"):
        url, target = tunnel.get("public_url"), _dict(tunnel, "config").get("addr")
        if isinstance(url, str) and url.startswith("https://"):
            yield _Tunnel("ngrok", url.rstrip("/"), target if isinstance(target, str) else None)


def _of_cloudflared(session: requests.Session, places: tuple[str, ...]) -> Iterator[_Tunnel]:
    for place in places:
        quick = _json(session, f"{place}/quicktunnel")
        if quick is None:
            continue
        rules = _list(_dict(_json(session, f"{place}/config"), "config"), "ingress")
        given = quick.get("hostname")
        for rule in rules or [{}]:
            # the rule of a quick tunnel, and a catch-all one, name no host
            host, target = rule.get("hostname") or given, rule.get("service")
            if isinstance(host, str) and host and "*" not in host:
                leads = target if isinstance(target, str) else None
                yield _Tunnel("cloudflared", f"https://{host}", leads)


def _json(session: requests.Session, url: str) -> dict[str, Any] | None:
    """None where nobody answers, or something else does."""
    with contextlib.suppress(requests.RequestException, ValueError):
        answer = session.get(url, timeout=_SECONDS, allow_redirects=False)
        said = answer.json() if answer.ok else None
        return said if isinstance(said, dict) else None
    return None


def _dict(said: dict[str, Any] | None, name: str) -> dict[str, Any]:
    found = (said or {}).get(name)
    return found if isinstance(found, dict) else {}


def _list(said: dict[str, Any] | None, name: str) -> list[dict[str, Any]]:
    found = (said or {}).get(name)
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def _port(target: str) -> int | None:
    """Of http://localhost:8080, or of only the port: ngrok takes both."""
    with contextlib.suppress(ValueError):
        if target.isdigit():
            return int(target)
        return urlsplit(target if "://" in target else f"//{target}").port
    return None
