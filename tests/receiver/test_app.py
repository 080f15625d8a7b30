"""Every route, every answer; what is refused, what never is, and what nobody gets to see."""

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from receiver import sealing
from tests import processes
from tests.processes import Process
from tests.receiver.sending import (
    FORM,
    PATH,
    PUBLIC_URL,
    SECRET,
    SETTINGS,
    TOKEN,
    ask,
    connect,
    post,
    raw_headers,
    send,
    send_raw,
    signed,
)
from tests.receiver.serving import log_of, messages_of, serving, start, stored, stored_uuids

PLAIN = "text/plain; charset=utf-8"
MESSAGE = f"/message/{SECRET}"
KIB_64 = 64 * 1024


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("app") / "data"


@pytest.fixture(scope="module")
def receiver(data_dir: Path) -> Iterator[Process]:
    with serving(data_dir, SEAL_SECONDS="3600") as process:
        yield process


@pytest.fixture(scope="module")
def open_receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """One without a secret in its path."""
    data_dir = tmp_path_factory.mktemp("open") / "data"
    with serving(data_dir, RECEIVER_PATH_SECRET="", SEAL_SECONDS="3600") as process:
        yield process


def counted(receiver: Process, reason: str) -> float:
    """How many requests were refused for this reason, as /metrics has it."""
    text = send(receiver.url, "GET", "/metrics").text
    found = re.search(rf'receiver_refused_total{{reason="{reason}"}} (\S+)', text)
    return float(found[1]) if found else 0.0


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_report_is_answered_with_a_word(receiver: Process, method: str) -> None:
    """200, plain text."""
    target = PATH + ("?MessageUUID=m1" if method == "GET" else "")
    answer = send(receiver.url, method, target, b"", signed(target, method=method))
    assert (answer.status, answer.text) == (200, "Delivery status reported")
    assert answer.content_type == PLAIN


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_an_inbound_message_is_answered_with_an_empty_response(
    receiver: Process, method: str
) -> None:
    """200, XML without a reply."""
    answer = send(receiver.url, method, MESSAGE, b"", signed(MESSAGE, method=method))
    assert (answer.status, answer.text) == (200, "<Response/>")
    assert answer.content_type == "application/xml"


@pytest.mark.parametrize("path", [PATH, MESSAGE])
def test_head_is_200_without_signature_and_stores_nothing(
    receiver: Process, data_dir: Path, path: str
) -> None:
    """Whoever saves an address at Plivo's console may have it looked at."""
    sealing.seal_all(data_dir)
    before = len(stored(data_dir))
    answer = send(receiver.url, "HEAD", path)
    assert (answer.status, answer.text) == (200, "")
    sealing.seal_all(data_dir)
    assert len(stored(data_dir)) == before
    assert send(receiver.url, "HEAD", path + "x").status == 404


@pytest.mark.parametrize("method", ["POST", "GET", "HEAD"])
@pytest.mark.parametrize(
    "path",
    [
        "/delivery_report", "/message", "/delivery_report/", f"{PATH}x", PATH[:-1], f"{PATH}/",
        f"{PATH}/more", f"/{SECRET}", f"/x{PATH}", "/delivery_report/" + SECRET.upper(),
        f"{PATH}%20", f"{PATH}%FF", f"/delivery_report%FF/{SECRET}", f"{PATH}%00", "/",
        f"/delivery_report?secret={SECRET}",
    ],
)  # fmt: skip
def test_a_wrong_path_is_404_however_well_it_is_signed(
    receiver: Process, method: str, path: str
) -> None:
    """A missing, wrong or longer secret; nothing tells it from any other wrong path."""
    answer = send(receiver.url, method, path, b"", signed(path, method=method))
    assert answer.status == 404
    assert SECRET not in answer.text


def test_a_wrong_secret_leaves_no_trace_but_a_count(receiver: Process, data_dir: Path) -> None:
    """Not in the log, not in the quarantine."""
    before, lines = counted(receiver, "path"), messages_of(receiver)
    path = "/delivery_report/guessed-by-somebody"
    assert send(receiver.url, "POST", path, b"MessageUUID=m1").status == 404
    assert counted(receiver, "path") == before + 1
    assert messages_of(receiver) == lines
    written = b"".join(p.read_bytes() for p in data_dir.rglob("*") if p.is_file())
    assert b"guessed-by-somebody" not in written


@pytest.mark.parametrize("path", ["/delivery_report/x", "/message/x", "/delivery_report/"])
def test_without_a_secret_one_segment_more_is_404(open_receiver: Process, path: str) -> None:
    """The path is the path."""
    assert send(open_receiver.url, "POST", path, b"", signed(path)).status == 404
    right = "/" + path.split("/")[1]
    assert send(open_receiver.url, "POST", right, b"", signed(right)).status == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods_are_405(receiver: Process, method: str) -> None:
    """GET and POST are what Plivo knows."""
    assert send(receiver.url, method, PATH).status == 405


@pytest.mark.parametrize("chunks", [None, KIB_64, 4096, 16])
def test_a_body_of_64_kib_is_taken_and_one_byte_more_is_413(
    receiver: Process, chunks: int | None
) -> None:
    """The limit counts the body, however it is cut on its way."""
    for length, status in ((KIB_64, b"200"), (KIB_64 + 1, b"413")):
        body = b"Text=" + b"x" * (length - 5)
        if chunks is None:
            framing, sent = {"Content-Length": str(length)}, body
        else:
            framing, sent = {"Transfer-Encoding": "chunked"}, _chunked(body, chunks)
        headers = {"Host": "x", "Connection": "close", **framing, **signed(PATH, body)}
        head = b"POST %b HTTP/1.1\r\n%b\r\n" % (PATH.encode(), raw_headers(headers))
        assert send_raw(receiver.url, head, sent).split()[1] == status


def _chunked(body: bytes, size: int) -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def test_an_announced_giant_is_refused_before_it_is_sent(receiver: Process) -> None:
    """Nobody fills the memory by announcing a gigabyte."""
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n"
    assert send_raw(receiver.url, head.encode()).split()[1] == b"413"


def test_an_overlong_request_line_or_header_gets_a_4xx(receiver: Process) -> None:
    """And the next request an answer."""
    for head in (
        "GET /" + "a" * 300_000 + " HTTP/1.1\r\n",
        "GET / HTTP/1.1\r\nX: " + "a" * 300_000,
    ):
        try:
            answer = send_raw(receiver.url, f"{head}\r\nHost: x\r\n\r\n".encode())
        except ConnectionError:
            continue  # it hung up while we were still talking
        assert answer.split()[1].startswith(b"4")
    assert send(receiver.url, "GET", "/healthz").status == 200


@pytest.mark.parametrize(
    "request_line",
    [
        b"GET http://[::1 HTTP/1.1", b"GET //[::1 HTTP/1.1", b"\x16\x03\x01\x02\x00", b"GET",
        b"POST / HTTP/1.1\r\nContent-Length: -1", b"POST / HTTP/1.1\r\nContent-Length: 1, 2",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip", b"GET / HTTP/1.1\r\nno colon",
        b"GET / HTTP/1.1\r\nX: a\x00b\xff", b"GET \xff\xfe HTTP/1.1",
    ],
)  # fmt: skip
def test_nonsense_harms_nobody(receiver: Process, request_line: bytes) -> None:
    """It is refused or hung up on, and the next request is answered."""
    answer = send_raw(receiver.url, request_line + b"\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert not answer or answer.split()[1][:1] in (b"4", b"5")
    assert send(receiver.url, "GET", "/readyz").status == 200


NEVER_REFUSED = {
    "no MessageUUID": b"Status=sent",
    "nothing at all": b"",
    "an unknown status": b"MessageUUID=m1&Status=teleported",
    "repeated keys": b"MessageUUID=a&MessageUUID=b&Status=sent&Status=",
    "unknown parameters": b"MessageUUID=m1&ConversationID=c&Media0=http%3A%2F%2Fx",
    "broken UTF-8": b"MessageUUID=m1&Text=%FF%C3%28",
    "raw bytes": b"MessageUUID=m1&Text=\xff\x00\xc3\x28",
    "broken percent-encoding": b"MessageUUID=%zz%4&Text=%",
    "no form at all": b'{"MessageUUID": "m1"}',
    "nothing but separators": b"&&==&=&",
    "ten thousand keys": b"&".join(b"k%d=v" % n for n in range(8000)),
    "values without end": b"MessageUUID=" + b"m" * 60_000,
    "a number that is none": b"MessageUUID=m1&Units=many&Sequence=-1&TotalRate=free",
}


@pytest.mark.parametrize("what", NEVER_REFUSED)
@pytest.mark.parametrize("path", [PATH, MESSAGE, f"{PATH}?tag=otp&tag=%FF"])
def test_a_signed_report_is_never_refused_for_its_content(
    receiver: Process, path: str, what: str
) -> None:
    """Whatever it says, it is kept: 200."""
    headers = {"Content-Type": FORM, **signed(path, NEVER_REFUSED[what], families="v2")}
    assert send(receiver.url, "POST", path, NEVER_REFUSED[what], headers).status == 200


@pytest.mark.parametrize("query", ["", "a", "tag=otp&MessageUUID=m1&Text=%C3%BC%20+", "&&", "?a=?"])
def test_a_get_with_a_query_of_its_own_is_taken(receiver: Process, query: str) -> None:
    """Plivo adds its parameters to ours."""
    target = f"{PATH}?{query}"
    for families in ("v2", "v3"):
        headers = signed(target, method="GET", families=families)
        assert send(receiver.url, "GET", target, None, headers).status == 200


@pytest.mark.parametrize("content_type", [None, "", "application/json", "multipart/form-data", "ü"])
def test_the_content_type_decides_nothing(receiver: Process, content_type: str | None) -> None:
    """The body is what was signed."""
    headers = signed(PATH, b"MessageUUID=m1")
    if content_type is not None:
        headers["Content-Type"] = content_type
    assert send(receiver.url, "POST", PATH, b"MessageUUID=m1", headers).status == 200


@pytest.mark.parametrize("target", [f"http://elsewhere{PATH}", f"{PUBLIC_URL}{PATH}?tag=otp"])
def test_a_request_target_with_a_host_is_read_like_one_without(
    receiver: Process, target: str
) -> None:
    """RFC 9112 has every server take it; what is signed is the public address all the same."""
    body = b"MessageUUID=m1"
    path = PATH + ("?tag=otp" if "?" in target else "")
    assert send(receiver.url, "POST", target, body, signed(path, body)).status == 200


@pytest.mark.parametrize("version", [" HTTP/1.0", " HTTP/1.1", ""])
def test_old_http_is_answered(receiver: Process, version: str) -> None:
    """A proxy may speak 1.0 to us."""
    body = b"MessageUUID=m1"
    headers = {"Host": "x", "Content-Length": str(len(body)), "Connection": "close"}
    head = f"POST {PATH}{version}\r\n".encode() + raw_headers({**headers, **signed(PATH, body)})
    assert send_raw(receiver.url, head + b"\r\n" + body).split()[1] == b"200"


def test_pipelined_requests_are_answered_one_by_one(receiver: Process, data_dir: Path) -> None:
    """Each is stored, each is answered, the last closes the line."""
    requests = b""
    for number in range(20):
        body = b"MessageUUID=pipelined-%d" % number
        headers = {"Host": "x", "Content-Length": str(len(body)), **signed(PATH, body)}
        if number == 19:
            headers["Connection"] = "close"
        requests += b"POST %b HTTP/1.1\r\n%b\r\n%b" % (PATH.encode(), raw_headers(headers), body)
    assert send_raw(receiver.url, requests).count(b"HTTP/1.1 200 OK") == 20
    sealing.seal_all(data_dir)
    assert sum(str(u).startswith("pipelined") for u in map(_uuid, stored(data_dir))) == 20


def _uuid(row: dict[str, object]) -> object:
    return row["message_uuid"]


def test_a_body_that_never_ends_is_not_stored(receiver: Process, data_dir: Path) -> None:
    """Half a report is none."""
    body = b"MessageUUID=half-a-report"
    headers = {"Host": "x", "Content-Length": str(len(body) + 1), **signed(PATH, body)}
    parts = urlsplit(receiver.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as line:
        line.sendall(b"POST %b HTTP/1.1\r\n%b\r\n%b" % (PATH.encode(), raw_headers(headers), body))
    assert post(receiver.url, MessageUUID="after").status == 200
    sealing.seal_all(data_dir)
    assert "half-a-report" not in [row["message_uuid"] for row in stored(data_dir)]


def test_silent_connections_keep_nobody_out(receiver: Process) -> None:
    """Two hundred lines held open by others, and the next report is taken all the same."""
    parts = urlsplit(receiver.url)
    lines = [socket.create_connection((parts.hostname, parts.port)) for _ in range(200)]
    try:
        for line in lines[::2]:
            line.sendall(b"POST /delivery_report HTTP/1.1\r\nContent-Length: 5\r\n")
        connection = connect(receiver.url, timeout=5)
        body = b"MessageUUID=m1"
        assert ask(connection, "POST", PATH, body, signed(PATH, body)).status == 200
        connection.close()
    finally:
        for line in lines:
            line.close()


def test_a_wrong_signature_is_403_counted_and_logged_with_its_reason(receiver: Process) -> None:
    """The reason says which schemes were tried, so that settings can be mended."""
    before = counted(receiver, "signature")
    headers = signed(PATH, b"MessageUUID=m1", token="wrong", families="both")
    assert send(receiver.url, "POST", PATH, b"MessageUUID=m1", headers).status == 403
    claimed = {"X-Forwarded-For": "198.51.100.7"}  # believed of a TRUSTED_PROXY only
    assert send(receiver.url, "POST", PATH, b"MessageUUID=m1", claimed).status == 403
    assert counted(receiver, "signature") == before + 2
    lines = [line for line in messages_of(receiver).splitlines() if "refused" in line][-2:]
    assert "no match: v3 ma-v3" in lines[0]
    assert "from 127.0.0.1: no signature header" in lines[1]


def test_healthz_and_readyz_answer_anybody(receiver: Process) -> None:
    """Alive; and able to make a report durable right now."""
    for path, text in (("/healthz", "alive\n"), ("/readyz", "ready\n")):
        answer = send(receiver.url, "GET", path, headers={"X-Forwarded-For": "198.51.100.7"})
        assert (answer.status, answer.text, answer.content_type) == (200, text, PLAIN)


def test_metrics_are_shown_to_this_machine(receiver: Process) -> None:
    """In Prometheus' text format."""
    answer = send(receiver.url, "GET", "/metrics")
    assert answer.status == 200
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert 'receiver_accepted_total{kind="delivery_report"}' in answer.text


@pytest.mark.parametrize(
    "header",
    [
        "Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto",
        "X-Forwarded-Port", "X-Forwarded-Server", "X-Real-IP", "X-Client-IP", "True-Client-IP",
        "CF-Connecting-IP", "x-forwarded-for",
    ],
)  # fmt: skip
@pytest.mark.parametrize("value", ["198.51.100.7", ""])
def test_metrics_are_not_shown_through_a_proxy(receiver: Process, header: str, value: str) -> None:
    """A proxy on this machine would pass them on to everybody: any forwarding header is 404."""
    assert send(receiver.url, "GET", "/metrics", headers={header: value}).status == 404


def test_metrics_are_not_shown_to_another_machine(tmp_path: Path) -> None:
    """An address of ours that is not loopback is as good as another machine."""
    if not (address := _own_address()):
        pytest.skip("this machine has no address but loopback")
    with serving(tmp_path / "data", RECEIVER_HOST="0.0.0.0") as process:  # noqa: S104  on purpose
        port = urlsplit(process.url).port
        assert send(f"http://127.0.0.1:{port}", "GET", "/metrics").status == 200
        assert send(f"http://{address}:{port}", "GET", "/metrics").status == 404
        assert send(f"http://{address}:{port}", "GET", "/healthz").status == 200


def _own_address() -> str | None:
    """Found without sending a byte: what a datagram to a documentation address would leave from."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        try:
            line.connect(("192.0.2.1", 9))
        except OSError:
            return None
        address = str(line.getsockname()[0])
    return None if address.startswith("127.") else address


def test_neither_secrets_nor_whole_numbers_are_in_the_log(
    receiver: Process, open_receiver: Process
) -> None:
    """Of all that the tests above have sent, and of this."""
    for process, path in ((receiver, PATH), (open_receiver, "/delivery_report")):
        body = b"MessageUUID=m1&To=14155550100&From=18445550100&Text=hello+you"
        for target in (path, f"{path}?To=14155550100", f"{path}/14155550100"):
            send(process.url, "POST", target, body)
            send(process.url, "POST", target, body, signed(target, body, token="wrong"))
            send(process.url, "POST", target, body, signed(target, body))
        said = messages_of(process)
        for secret in (TOKEN, SECRET, "14155550100", "18445550100", "hello", "X-Plivo"):
            assert secret not in said


@pytest.mark.parametrize("name", ["PUBLIC_URL", "PLIVO_AUTH_TOKEN"])
def test_serve_refuses_to_start_without_what_signatures_need(tmp_path: Path, name: str) -> None:
    """Exit 2, and one line that says what to set."""
    done = _serve(tmp_path, **{name: ""})
    assert done.returncode == 2
    assert name in done.stderr
    assert "Set it" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PUBLIC_URL", "sms.example.org"), ("PUBLIC_URL", "https://x.example.org/?"),
        ("PUBLIC_URL", "https://x.example.org/#"), ("RECEIVER_PORT", "65536"),
        ("RECEIVER_PORT", "http"), ("RECEIVER_PATH_SECRET", "short"), ("SEAL_SECONDS", "0"),
        ("RECEIVER_PATH_SECRET", "with/a/slash/in/it"), ("SIGNATURE_POLICY", "lax"),
        ("PLIVO_EXTRA_AUTH_TOKENS", "SAXXXX:"), ("RECEIVER_HOST", "no.such.host.invalid"),
        ("RECEIVER_THREADS", "0"),
    ],
)  # fmt: skip
def test_a_wrong_setting_stops_the_program(tmp_path: Path, name: str, value: str) -> None:
    """Exit 2 with the name and what is allowed; a secret's value is not shown."""
    done = _serve(tmp_path, **{name: value})
    assert done.returncode == 2
    assert name in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert (value in done.stderr) == (
        name not in ("RECEIVER_PATH_SECRET", "PLIVO_EXTRA_AUTH_TOKENS")
    )


def test_a_port_that_is_taken_is_one_clear_line(receiver: Process, tmp_path: Path) -> None:
    """It names the port; nothing is a traceback."""
    port = str(urlsplit(receiver.url).port)
    done = _serve(tmp_path, RECEIVER_PORT=port)
    assert done.returncode in (2, 75)
    assert len(done.stderr.splitlines()) == 1
    assert port in done.stderr


def _serve(tmp_path: Path, **settings: str) -> "subprocess.CompletedProcess[str]":
    """`serve` where it ought to refuse: it has a few seconds to do so."""
    whole = {**SETTINGS, "DATA_DIR": str(tmp_path / "data"), **settings}
    return subprocess.run(
        [sys.executable, "-m", "receiver", "serve"],
        cwd=processes.ROOT, env=processes.environment(whole), capture_output=True, text=True,
        timeout=20, check=False,
    )  # fmt: skip


def test_unsigned_listens_to_this_machine_only_and_says_so(tmp_path: Path) -> None:
    """Whatever RECEIVER_HOST says; it needs neither token nor address."""
    settings = {
        "DATA_DIR": str(tmp_path / "data"), "RECEIVER_PORT": "0", "RECEIVER_HOST": "0.0.0.0",  # noqa: S104
    }  # fmt: skip
    log = log_of(tmp_path / "data")
    with processes.running(["receiver", "serve", "--unsigned"], settings, log) as process:
        assert urlsplit(process.url).hostname == "127.0.0.1"
        assert send(process.url, "POST", "/delivery_report", b"MessageUUID=m1").status == 200
        if address := _own_address():
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection((address, urlsplit(process.url).port), timeout=5)
    assert "UNSIGNED" in messages_of(process)
    assert stored(tmp_path / "data")[0]["signature"] == "none"
    assert stored_uuids(tmp_path / "data") == ["m1"]


def test_without_a_secret_in_the_path_serve_warns(
    open_receiver: Process, receiver: Process
) -> None:
    """V2 leaves the body unsigned; with a secret there is nothing to warn of."""
    assert "RECEIVER_PATH_SECRET" in messages_of(open_receiver)
    assert "RECEIVER_PATH_SECRET" not in messages_of(receiver)


def test_the_server_does_not_say_what_it_is_made_of(receiver: Process) -> None:
    """No Server header for those who collect versions."""
    answer = send_raw(
        receiver.url, b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )
    assert b"server:" not in answer.lower()
    assert b"waitress" not in answer.lower()


def test_a_signal_right_after_the_start_is_an_end_like_any_other(tmp_path: Path) -> None:
    """SIGTERM as soon as it listens: exit 0."""
    for _ in range(3):
        assert start(tmp_path / "data").stop() == 0
