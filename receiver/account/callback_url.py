"""[pure] The URLs that Plivo is to call: address, route, path secret, tag."""

from typing import Literal
from urllib.parse import quote

from receiver.config import SettingError, Settings


def callback_url(
    settings: Settings,
    route: Literal["delivery_report", "message"],
    *,
    public_url: str | None = None,
    tag: str | None = None,
) -> str:
    """Under the given address, else PUBLIC_URL. Raises SettingError where there is none."""
    base = public_url or settings.public_url
    if base is None:
        raise SettingError(
            "PUBLIC_URL is not set, so Plivo would not know where to send reports; "
            "`python -m receiver setup` finds it"
        )
    secret = f"/{settings.receiver_path_secret}" if settings.receiver_path_secret else ""
    query = f"?tag={quote(tag, safe='')}" if tag else ""
    return f"{base}/{route}{secret}{query}"
