"""Posting over real HTTP."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.simulator import HttpPoster

Seen = list[tuple[str, str, str, int]]


@pytest.fixture
def post() -> Iterator[HttpPoster]:
    with closing(HttpPoster()) as poster:
        yield poster


@pytest.fixture
def receiver() -> Iterator[tuple[str, Seen]]:
    """Keeps method, path, body and client port; answers with the status in the path."""
    seen: Seen = []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            seen.append((self.command, self.path, body, self.client_address[1]))
            self.send_response(int(self.path[1:4]))
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", seen
        server.shutdown()


def test_a_post_keeps_the_query_and_sends_a_body(
    post: HttpPoster, receiver: tuple[str, Seen]
) -> None:
    url, seen = receiver
    assert post(url + "/200?tag=x", "POST", {}, "a=1&b=") == 200
    assert seen[0][:3] == ("POST", "/200?tag=x", "a=1&b=")


def test_a_get_adds_its_parameters_to_the_query(
    post: HttpPoster, receiver: tuple[str, Seen]
) -> None:
    url, seen = receiver
    assert post(url + "/503?tag=x", "GET", {}, "a=1") == 503
    assert post(url + "/200", "GET", {}, "a=1") == 200
    assert [path for _, path, _, _ in seen] == ["/503?tag=x&a=1", "/200?a=1"]


def test_connections_are_kept(post: HttpPoster, receiver: tuple[str, Seen]) -> None:
    url, seen = receiver
    for _ in range(3):
        post(url + "/200", "POST", {}, "a=1")
    assert len({port for *_, port in seen}) == 1


def test_a_public_url_can_lead_elsewhere(receiver: tuple[str, Seen]) -> None:
    url, seen = receiver
    with closing(HttpPoster({"https://hooks.example": url})) as post:
        assert post("https://hooks.example/200?tag=x", "POST", {}, "a=1") == 200
    assert seen[0][1] == "/200?tag=x"


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/x", "http://127.0.0.1:x/", "http://h/ü", "no"])
def test_what_cannot_be_reached_is_no_answer(post: HttpPoster, url: str) -> None:
    assert post(url, "POST", {}, "a=1") == 0
