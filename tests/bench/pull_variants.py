"""What `make bench-pull` compares: each reads a day of the log to its end, or so many pages of it.

    python -m tests.bench.pull_variants sdk|plain URL SINCE UNTIL PER_MINUTE PAGES
    python -m tests.bench.pull_variants serial|leaping pull --since … (as python -m reconcile)

`sdk` and `plain` are what one writes oneself: page by page, a pause after each that keeps to the
quota, no retries. `serial` is ours with one request at a time whatever the quota; `leaping` is
ours with a clock that leaps where it would wait for the quota, and says what it asked for.
"""

import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any
from unittest import mock

import plivo
import requests

from reconcile import __main__ as reconcile
from reconcile.plivo_log import asking, client
from tests.simulator import Account

MAIN = Account().main


def sdk(url: str, since: str, until: str, pause: float, most: int) -> Counter[str]:
    """As a user of plivo-python would."""
    told: Counter[str] = Counter()
    with mock.patch("plivo.rest.client.PLIVO_API_BASE_URI", f"{url}/v1/Account"):
        asking_plivo = plivo.RestClient(MAIN.auth_id, MAIN.auth_token, timeout=30)
        rows: list[Any] = []
        while told["requests"] < most:
            page = asking_plivo.messages.list(
                limit=20, offset=len(rows), message_time__gte=since, message_time__lt=until
            )
            told["requests"] += 1
            rows += list(page)
            if not page.meta.next:
                break
            time.sleep(pause)
    told["rows"] = len({row.message_uuid for row in rows})
    return told


def plain(url: str, since: str, until: str, pause: float, most: int) -> Counter[str]:
    """As somebody without the SDK would."""
    told: Counter[str] = Counter()
    rows: list[dict[str, Any]] = []
    with requests.Session() as session:
        session.auth = (MAIN.auth_id, MAIN.auth_token)
        while told["requests"] < most:
            page = session.get(
                f"{url}/v1/Account/{MAIN.auth_id}/Message/",
                params={"limit": "20", "offset": str(len(rows)), "message_time__gte": since,
                        "message_time__lt": until},
                timeout=30,
            )  # fmt: skip
            page.raise_for_status()
            told["requests"] += 1
            rows += page.json()["objects"]
            if not page.json()["meta"]["next"]:
                break
            time.sleep(pause)
    told["rows"] = len({row["message_uuid"] for row in rows})
    return told


def serial() -> int:
    with mock.patch.object(asking, "MOST_AT_ONCE", 1):
        return reconcile.main(sys.argv[2:])


def leaping() -> int:
    """The last line of stderr: how many pages, pages of one state, and single messages."""
    asked: Counter[str] = Counter()
    leapt = 0.0

    def sleep(seconds: float) -> None:
        nonlocal leapt
        leapt += seconds

    def clock() -> float:
        return time.time() + leapt

    def counting(kind: Callable[[Any], str], method: Any) -> Any:
        def counted(*arguments: Any, **keywords: Any) -> Any:
            asked[kind(keywords.get("filters") or {})] += 1
            return method(*arguments, **keywords)

        return counted

    connect, of = client.connect, client.LogClient
    pages = counting(lambda f: "states" if "message_state" in f else "pages", of.page)
    singles = counting(lambda _: "singles", of.message)
    with (
        mock.patch.object(client, "connect", lambda s: connect(s, clock=clock, sleep=sleep)),
        mock.patch.object(of, "page", pages),
        mock.patch.object(of, "message", singles),
    ):
        code = reconcile.main(sys.argv[2:])
    print(json.dumps(asked), file=sys.stderr)
    return code


def main() -> int:
    variant, arguments = sys.argv[1], sys.argv[2:]
    if variant in ("serial", "leaping"):
        return serial() if variant == "serial" else leaping()
    url, since, until, per_minute, most = arguments
    read = sdk if variant == "sdk" else plain
    print(json.dumps(read(url, since, until, 60 / float(per_minute), int(most))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
