"""A log of rows behind real HTTP on loopback, page by page; and whatever else a test wants said."""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

ACCOUNT = "MATESTACCOUNT0000001"
TOKEN = "a-token-nobody-should-ever-see"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)

Paging = Literal["offset", "cursor", "hybrid", "no meta", "ignored"]


@dataclass(frozen=True)
class Asked:
    path: str
    query: dict[str, str]
    headers: dict[str, str]


@dataclass(frozen=True)
class Reply:
    body: str | bytes = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


Answering = Callable[[Asked], Reply]


def row(uuid: str, at: datetime, **fields: Any) -> dict[str, Any]:
    """A row as Plivo writes it, its time in the zone of an account in India."""
    india = at.astimezone(UTC) + timedelta(hours=5, minutes=30)
    return {
        "message_uuid": uuid,
        "message_time": f"{india:%Y-%m-%d %H:%M:%S.%f}+05:30",
        "message_state": "delivered",
        "message_direction": "outbound",
        "units": 1,
        "total_amount": "0.00250",
        **fields,
    }


def traffic(count: int, *, until: datetime = NOON, every: float = 7.0) -> list[dict[str, Any]]:
    """So many rows before a moment, newest first."""
    return [row(f"uuid-{n:05d}", until - timedelta(seconds=every * (n + 1))) for n in range(count)]


def at_of(one: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(one["message_time"]).astimezone(UTC)


def listing(rows: Sequence[dict[str, Any]], following: str | None = None, **meta: Any) -> Reply:
    return Reply(json.dumps({"meta": {"next": following, **meta}, "objects": list(rows)}))


class FakeLog:
    """Serves `rows` in the order given, filtered by time; a test may change them meanwhile."""

    def __init__(
        self, rows: list[dict[str, Any]], paging: Paging = "offset", *, full_has_next: bool = False
    ) -> None:
        self.rows = rows
        self.paging = paging
        self.full_has_next = full_has_next

    def __call__(self, asked: Asked) -> Reply:
        query = asked.query
        low = datetime.fromisoformat(query["message_time__gte"]).replace(tzinfo=UTC)
        high = datetime.fromisoformat(query["message_time__lt"]).replace(tzinfo=UTC)
        rows = [one for one in self.rows if low <= at_of(one) < high]
        offset = int(query.get("offset", 0))
        begin = offset
        if self.paging == "ignored":
            begin = 0
        elif self.paging in ("cursor", "hybrid"):
            begin = 0
            if "cursor" in query and not ("offset" in query and self.paging == "hybrid"):
                uuids = [one["message_uuid"] for one in rows]
                begin = uuids.index(query["cursor"].removeprefix("after+")) + 1
        page = rows[begin : begin + 20]
        if self.paging == "no meta":
            return Reply(json.dumps({"objects": page}))
        more = len(rows) > begin + 20 or (self.full_has_next and len(page) == 20)
        where = f"offset={offset + 20}"
        if self.paging in ("cursor", "hybrid") and page:
            where = f"cursor=after%2B{page[-1]['message_uuid']}"
        path = f"/v1/Account/{ACCOUNT}/Message/?limit=20&{where}"
        return listing(page, path if more else None, offset=offset)


class FakePlivo:
    """Remembers what it was asked; `url` is where it listens."""

    def __init__(self, answer: Answering) -> None:
        self.asked: list[Asked] = []
        self.answer = answer
        self.url = ""

    @property
    def windows(self) -> list[tuple[str, str]]:
        return [(a.query["message_time__gte"], a.query["message_time__lt"]) for a in self.asked]

    def reply(self, target: str, headers: dict[str, str]) -> Reply:
        parts = urlsplit(target)
        asked = Asked(parts.path, dict(parse_qsl(parts.query, keep_blank_values=True)), headers)
        self.asked.append(asked)
        return self.answer(asked)


@contextmanager
def serving(answer: Answering) -> Iterator[FakePlivo]:
    plivo = FakePlivo(answer)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Small answers in two packets would wait for an acknowledgement.
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            reply = plivo.reply(self.path, dict(self.headers.items()))
            body = reply.body if isinstance(reply.body, bytes) else reply.body.encode()
            self.send_response(reply.status)
            for name, value in {"Content-Length": str(len(body)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            if reply.headers.get("Content-Length", str(len(body))) != str(len(body)):
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Handler) as server:
        plivo.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield plivo
        server.shutdown()
        thread.join()


def one_after_another(*answers: Reply | Answering) -> Answering:
    """Each once; the last one from then on."""
    left = list(answers)

    def answer(asked: Asked) -> Reply:
        following = left.pop(0) if len(left) > 1 else left[0]
        return following if isinstance(following, Reply) else following(asked)

    return answer
