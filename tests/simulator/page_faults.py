"""Pure: the ways in which a page of the log comes broken."""

from random import Random

_BAD_GATEWAY = "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"


def broken(chance: Random, page: str) -> tuple[int, str, str]:
    """Status, content type and body instead of `page`."""
    kind = chance.choice(("500", "502", "503", "half", "empty"))
    if kind == "500":
        return 500, "application/json", '{"api_id": "0", "error": "internal error"}'
    if kind == "502":
        return 502, "text/html", _BAD_GATEWAY
    if kind == "503":
        return 503, "text/plain", "Service Unavailable"
    if kind == "half":
        return 200, "application/json", page[: len(page) // 2]
    return 200, "application/json", ""
