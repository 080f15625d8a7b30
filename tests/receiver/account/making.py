"""A served simulation, settings that lead to it, and what our commands say in front of it."""

import json
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from receiver import config
from receiver.config import Settings
from tests import processes
from tests.simulator import Account

ACCOUNT = Account().main
SECRET = "secret-in-the-path"
PUBLIC_URL = "https://sms.example.org"
MESSAGE_URL = f"{PUBLIC_URL}/message/{SECRET}"


def environment(api_url: str, data_dir: Path | str = "data", **more: str) -> dict[str, str]:
    return {
        "PLIVO_AUTH_ID": ACCOUNT.auth_id,
        "PLIVO_AUTH_TOKEN": ACCOUNT.auth_token,
        "PLIVO_API_URL": api_url,
        "PUBLIC_URL": PUBLIC_URL,
        "RECEIVER_PATH_SECRET": SECRET,
        "RECEIVER_PORT": "0",
        "DATA_DIR": str(data_dir),
        **more,
    }


def settings(api_url: str, **more: str) -> Settings:
    return config.load(environment=environment(api_url, **more))


def receiver(
    *arguments: str, given: Mapping[str, str], code: int = 0
) -> "subprocess.CompletedProcess[str]":
    """`python -m receiver …` to its end; whatever happens there is no traceback."""
    done = processes.command("receiver", *arguments, settings=given)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert ACCOUNT.auth_token not in done.stdout + done.stderr
    assert SECRET not in done.stderr
    return done


@dataclass
class Answering:
    """A small server: path -> (status, body); JSON where the body is no text."""

    answers: dict[str, tuple[int, Any]]
    asked: list[str] = field(default_factory=list)
    url: str = ""


@contextmanager
def answering(**answers: Any) -> Iterator[Answering]:
    """Keywords are paths with `_` for `/`; the value is a body, or (status, body)."""
    server = Answering(
        {
            "/" + path.replace("_", "/"): said if isinstance(said, tuple) else (200, said)
            for path, said in answers.items()
        }
    )

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            server.asked.append(f"{self.command} {path}")
            status, said = server.answers.get(path, server.answers.get("/", (404, "")))
            body = (said if isinstance(said, str) else json.dumps(said)).encode()
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815  http.server's own name

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        server.url = f"http://127.0.0.1:{listening.server_port}"
        threading.Thread(target=listening.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield server
        finally:
            listening.shutdown()
