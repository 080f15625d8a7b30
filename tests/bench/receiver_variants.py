"""The servers that the receiver is measured against; `python -m tests.bench.receiver_variants V`.

All check the same V3 signature of the same form posts:

    bare      Bottle on waitress: parses the form, answers, stores nothing (send_bytes=18000
              against the collapse under many connections)
    server    the same on our own web server
    ours      `python -m receiver serve`
    two       the same with RECEIVER_PROCESSES=2
    each      ours, but one fsync for each request
    granian   our WSGI application and journal under granian
    uvicorn   the same signature check and journal behind raw ASGI
"""

import asyncio
import socket
import sys
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import waitress
from bottle import Bottle, request

from receiver import config, journal
from receiver.__main__ import main as receiver_main
from receiver.app import build_app
from receiver.callback import Callback, decode_form
from receiver.journal import Journal
from receiver.metrics import Metrics
from receiver.signature import HEADERS, SignedRequest, check
from receiver.web_server import WebServer

WAITING_THREADS = 64  # where each request has one that waits for its commit
ANSWER = b"Delivery status reported"


def bare(settings: config.Settings) -> None:
    port = _free_port()
    print(f"listening on http://127.0.0.1:{port}", flush=True)
    waitress.serve(_storing_nothing(settings), host="127.0.0.1", port=port, send_bytes=18000,
                   threads=settings.receiver_threads, _quiet=True)  # fmt: skip


def server(settings: config.Settings) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        print(f"listening on http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        app = _storing_nothing(settings)
        WebServer(app, listener, threads=settings.receiver_threads).run(finish_seconds=1)


def _storing_nothing(settings: config.Settings) -> Bottle:
    app = Bottle()

    @app.post("/delivery_report")  # type: ignore[untyped-decorator]
    def _answer() -> bytes:
        body = request.environ["wsgi.input"].read()
        headers = {name: request.headers.get(name, "") for name in HEADERS}
        assert dict(decode_form(body))
        assert _signed(settings, body, headers)
        return ANSWER

    return app


def each(_: config.Settings) -> None:
    journal.BATCH_ROWS = 1
    receiver_main(["serve"])


def granian(_: config.Settings) -> None:
    from granian import Granian  # noqa: PLC0415
    from granian.constants import Interfaces  # noqa: PLC0415

    port = _free_port()
    print(f"listening on http://127.0.0.1:{port}", flush=True)
    Granian(
        "tests.bench.receiver_variants:our_app", factory=True, interface=Interfaces.WSGI,
        address="127.0.0.1", port=port, workers=1, blocking_threads=WAITING_THREADS,
        log_enabled=False,
    ).serve()  # fmt: skip


def our_app() -> Bottle:
    """Ours without our server: made in granian's worker."""
    settings = config.load()
    return build_app(
        settings,
        Journal(settings.data_dir / "journal"),
        keep_aside=lambda _: None,
        metrics=Metrics(),
        now=lambda: datetime.now(UTC),
    )


def uvicorn(settings: config.Settings) -> None:
    import uvicorn as library  # noqa: PLC0415

    store = Journal(settings.data_dir / "journal")
    pool = ThreadPoolExecutor(WAITING_THREADS)
    names = {name.lower().encode(): name for name in HEADERS}

    async def app(
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[dict[str, Any]]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        if scope["type"] != "http":
            return
        body = (await receive())["body"]
        headers = dict.fromkeys(HEADERS, "")
        headers |= {names[k]: v.decode() for k, v in scope["headers"] if k in names}
        assert _signed(settings, body, headers)
        callback = Callback(
            received_at=datetime.now(UTC), kind="delivery_report", http_method="POST", body=body,
            query=b"", signature="v3",
        )  # fmt: skip
        await asyncio.get_running_loop().run_in_executor(pool, store.append, callback)
        length = str(len(ANSWER)).encode()
        await send({"type": "http.response.start", "status": 200,
                    "headers": [(b"content-length", length)]})  # fmt: skip
        await send({"type": "http.response.body", "body": ANSWER})

    port = _free_port()
    print(f"listening on http://127.0.0.1:{port}", flush=True)
    library.run(app, host="127.0.0.1", port=port, log_level="warning", lifespan="off")


def _signed(settings: config.Settings, body: bytes, headers: dict[str, str]) -> bool:
    url = f"{settings.public_url}/delivery_report"
    asked = SignedRequest(method="POST", url=url, query=b"", body=body, headers=headers)
    return check(asked, settings.tokens).scheme == "v3"


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


VARIANTS = {"bare": bare, "server": server, "each": each, "granian": granian, "uvicorn": uvicorn}

if __name__ == "__main__":
    VARIANTS[sys.argv[1]](config.load())
