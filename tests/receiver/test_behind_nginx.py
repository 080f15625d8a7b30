"""A real nginx with the configuration that we ship ends TLS; signatures are still right."""

import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from receiver import sealing
from tests.processes import ROOT, Process, command, wait_until
from tests.receiver.sending import FORM, PATH, SECRET, SETTINGS, TOKEN, Answer, ask, send
from tests.receiver.serving import messages_of, serving, stored
from tests.simulator.signing import signature_headers

SHIPPED = ROOT / "receiver" / "deployment" / "nginx.conf"
MESSAGE = f"/message/{SECRET}"
# Another proxy, that passes everything on, under a host name of its own.
CARELESS = """
server {
    listen 127.0.0.1:CARELESS_PORT ssl;
    ssl_certificate     CERTIFICATE;
    ssl_certificate_key KEY;
    location / {
        proxy_pass http://plivo_receiver;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host internal.example.net:1234;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Host evil.example.net;
    }
}
"""
AROUND = """
daemon off;
USER
worker_processes 1;
pid FOLDER/nginx.pid;
error_log FOLDER/error.log warn;
events { worker_connections 512; }
http {
    client_body_temp_path FOLDER/body;
    proxy_temp_path FOLDER/proxy;
    fastcgi_temp_path FOLDER/fastcgi;
    uwsgi_temp_path FOLDER/uwsgi;
    scgi_temp_path FOLDER/scgi;
    SERVERS
}
"""

_nonces = count(10**19)


@dataclass(frozen=True)
class Site:
    """The public address, the receiver behind it, and where it stores."""

    port: int
    careless_port: int
    receiver: Process
    data_dir: Path
    certificate: Path
    error_log: Path

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def connect(
        self, port: int | None = None, sender: str = "127.0.0.1"
    ) -> http.client.HTTPSConnection:
        context = ssl.create_default_context(cafile=self.certificate)
        return http.client.HTTPSConnection(
            "127.0.0.1", port or self.port, timeout=20, context=context, source_address=(sender, 0)
        )

    def call(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        *,
        port: int | None = None,
        sender: str = "127.0.0.1",
    ) -> Answer:
        connection = self.connect(port, sender)
        try:
            return ask(connection, method, target, body, headers)
        finally:
            connection.close()

    def signed(
        self, method: str, target: str, body: bytes = b"", families: Literal["v2", "v3"] = "v3"
    ) -> dict[str, str]:
        pairs = parse_qsl(body.decode(), keep_blank_values=True)
        headers = signature_headers(
            method=method, url=self.url + target, pairs=pairs, nonce=str(next(_nonces)),
            token=TOKEN, main_token=TOKEN, families=families,
        )  # fmt: skip
        return {"Content-Type": FORM, **headers} if method == "POST" else headers

    def stored(self) -> dict[str, dict[str, object]]:
        sealing.seal_all(self.data_dir)
        return {row["message_uuid"]: row for row in stored(self.data_dir)}


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as line:
        return int(line.getsockname()[1])


def _certificate(folder: Path) -> tuple[Path, Path]:
    """Signed by itself, for this machine."""
    certificate, key = folder / "site.crt", folder / "site.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate, key


def _configuration(folder: Path, changes: dict[str, str], port: int) -> Path:
    """The shipped file with these addresses, in what a whole nginx needs."""
    servers = SHIPPED.read_text(encoding="utf-8")
    for shipped, ours in changes.items():
        assert shipped in servers, f"{SHIPPED} has no {shipped!r} any more"
        servers = servers.replace(shipped, ours)
    careless = (
        CARELESS.replace("CARELESS_PORT", str(port))
        .replace("CERTIFICATE", changes["/etc/ssl/sms.example.org.crt"])
        .replace("KEY", changes["/etc/ssl/sms.example.org.key"])
    )
    whole = AROUND.replace("SERVERS", servers + careless).replace("FOLDER", str(folder))
    whole = whole.replace("USER", "user root;" if os.geteuid() == 0 else "")
    path = folder / "nginx.conf"
    path.write_text(whole, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    nginx = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    if nginx is None or shutil.which("openssl") is None:
        pytest.skip("needs nginx and openssl")
    folder = tmp_path_factory.mktemp("site")
    certificate, key = _certificate(folder)
    port, careless_port = _free_port(), _free_port()
    data_dir = folder / "data"
    with serving(
        data_dir,
        PUBLIC_URL=f"https://127.0.0.1:{port}/",
        SEAL_SECONDS="3600",
        TRUSTED_PROXY="127.0.0.1",
    ) as receiver:
        changes = {
            "server 127.0.0.1:8080": f"server {urlsplit(receiver.url).netloc}",
            "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
            "/etc/ssl/sms.example.org.crt": str(certificate),
            "/etc/ssl/sms.example.org.key": str(key),
        }
        configuration = _configuration(folder, changes, careless_port)
        with subprocess.Popen(
            [nginx, "-c", str(configuration), "-p", str(folder), "-e", str(folder / "error.log")]
        ) as process:
            try:
                site = Site(
                    port, careless_port, receiver, data_dir, certificate, folder / "error.log"
                )
                wait_until(lambda: _answers(site) or process.poll() is not None)
                assert process.poll() is None, site.error_log.read_text()
                yield site
            finally:
                process.terminate()


def _answers(site: Site) -> bool:
    try:
        return site.call("GET", "/").status == 404
    except OSError:
        return False


@pytest.mark.parametrize("families", ["v2", "v3"])
@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize("query", ["", "?tag=otp", "?tag=%C3%BC%20a+b&tag=%2F&empty="])
def test_a_signed_report_is_stored(
    site: Site, families: Literal["v2", "v3"], method: str, query: str
) -> None:
    """The signed URL is the public one with its port, as it was called."""
    uuid = f"{families}-{method}-{query}"
    form = urlencode({"MessageUUID": uuid, "Text": "ü 中 & =", "Status": "sent"})
    if method == "GET":
        target, body = f"{PATH}{query}{'&' if query else '?'}{form}", b""
    else:
        target, body = PATH + query, form.encode()
    headers = site.signed(method, target, body, families)
    answer = site.call(method, target, body or None, headers)
    assert (answer.status, answer.text) == (200, "Delivery status reported")
    row = site.stored()[uuid]
    assert (row["signature"], row["http_method"], row["text"]) == (families, method, "ü 中 & =")
    if method == "POST":
        assert (row["body"], row["query"]) == (form, query[1:] or None)


def test_an_inbound_message_is_stored(site: Site) -> None:
    """With the answer that Plivo expects."""
    body = b"MessageUUID=inbound&Text=stop"
    answer = site.call("POST", MESSAGE, body, site.signed("POST", MESSAGE, body))
    assert (answer.status, answer.text) == (200, "<Response/>")
    assert site.stored()["inbound"]["kind"] == "message"


def test_a_changed_host_makes_no_difference(site: Site) -> None:
    """Neither the proxy's nor the caller's."""
    for number, host in enumerate((None, "elsewhere.example.org")):
        body = f"MessageUUID=host-{number}".encode()
        headers = site.signed("POST", PATH, body) | ({"Host": host} if host else {})
        assert site.call("POST", PATH, body, headers, port=site.careless_port).status == 200
        assert site.call("POST", PATH, body, headers).status == 200


def test_a_forged_report_is_refused_through_nginx_too(site: Site) -> None:
    """403 for a wrong signature, 404 for a wrong secret."""
    body = b"MessageUUID=forged"
    right = site.signed("POST", PATH, body)
    assert site.call("POST", PATH, body + b"&Status=delivered", right).status == 403
    wrong = "/delivery_report/guessed-by-somebody"
    assert site.call("POST", wrong, body, site.signed("POST", wrong, body)).status == 404
    assert "forged" not in site.stored()


@pytest.mark.parametrize("careless", [False, True])
def test_the_log_names_who_sent_what_is_refused(site: Site, *, careless: bool) -> None:
    """As the trusted proxy saw it, whatever the sender claims to be."""
    refused = site.call(
        "POST", PATH, b"MessageUUID=who", {"X-Forwarded-For": "198.51.100.7"}, sender="127.0.0.2",
        port=site.careless_port if careless else None,
    )  # fmt: skip
    assert refused.status == 403
    assert "from 127.0.0.2: no signature header" in messages_of(site.receiver).splitlines()[-1]


def test_no_text_of_a_header_gets_into_the_log(site: Site) -> None:
    """Not even from a proxy that is trusted."""
    claimed = {"X-Forwarded-For": "14045550100 is my number"}
    assert send(site.receiver.url, "POST", PATH, b"MessageUUID=who", claimed).status == 403
    assert "from an unknown address:" in messages_of(site.receiver).splitlines()[-1]


def test_the_figures_are_not_shown_through_nginx(site: Site) -> None:
    """Whether it hides them itself or only says that it forwards."""
    assert site.call("GET", "/metrics").status == 404
    assert site.call("GET", "/metrics", port=site.careless_port).status == 404
    assert send(site.receiver.url, "GET", "/metrics").status == 200


def test_a_body_over_the_limit_is_413_through_nginx(site: Site) -> None:
    """64 KiB pass, one byte more does not, and ten times as much does not reach us."""
    for length, status in ((65_536, 200), (65_537, 413), (655_360, 413)):
        body = b"Text=" + b"x" * (length - 5)
        assert site.call("POST", PATH, body, site.signed("POST", PATH, body)).status == status


def test_a_chunked_body_is_what_was_signed(site: Site) -> None:
    """However the sender cut it."""
    body = b"MessageUUID=chunked&Status=sent"
    headers = site.signed("POST", PATH, body)
    connection = site.connect()
    connection.request("POST", PATH, iter([body[:5], body[5:]]), headers, encode_chunked=True)
    assert connection.getresponse().status == 200
    connection.close()
    assert site.stored()["chunked"]["status"] == "sent"


def test_two_thousand_requests_over_kept_connections_are_all_stored(site: Site) -> None:
    """None fails, none is doubled."""
    threads, each = 8, 250
    statuses: list[int] = []

    def post_on(thread: int) -> None:
        connection = site.connect()
        for number in range(each):
            body = f"MessageUUID=kept-{thread}-{number}".encode()
            headers = site.signed("POST", PATH, body)
            statuses.append(ask(connection, "POST", PATH, body, headers).status)
        connection.close()

    posters = [threading.Thread(target=post_on, args=(thread,)) for thread in range(threads)]
    for poster in posters:
        poster.start()
    for poster in posters:
        poster.join()
    assert statuses == [200] * (threads * each)
    sealing.seal_all(site.data_dir)
    kept = [row["message_uuid"] for row in stored(site.data_dir)]
    kept = [uuid for uuid in kept if str(uuid).startswith("kept-")]
    assert (len(kept), len(set(kept))) == (threads * each, threads * each)
    assert "upstream" not in site.error_log.read_text()
    assert "Traceback" not in messages_of(site.receiver)


@pytest.mark.parametrize(
    ("trusted", "level", "said"),
    [(True, "ok", "leads to this receiver"), (False, "broken", "no certificate that holds")],
)
def test_doctor_reaches_the_receiver_through_nginx(
    site: Site, trusted: bool, level: str, said: str
) -> None:
    given = {
        **SETTINGS,
        "DATA_DIR": str(site.data_dir),
        "PUBLIC_URL": f"https://127.0.0.1:{site.port}",
        "PLIVO_API_URL": "http://127.0.0.1:9",
        "REQUESTS_CA_BUNDLE": str(site.certificate) if trusted else "",
    }
    done = command("receiver", "doctor", "--format", "json", settings=given)
    (line,) = [one for one in json.loads(done.stdout)["lines"] if one["check"] == "public address"]
    assert (line["level"], said in line["said"]) == (level, True), done.stdout
