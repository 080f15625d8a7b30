"""Strangers who mean harm, at a receiver that goes on answering honest senders meanwhile."""

import http.client
import re
import resource
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from receiver import sealing
from tests.processes import Process, wait_until
from tests.receiver.sending import PATH, ask, connect, raw_headers, send, send_raw, signed
from tests.receiver.serving import messages_of, serving, stored

PATIENCE_SECONDS = 5.0
MOST_GROWTH_MIB = 100
KIB = 1024


@dataclass
class Honest:
    """Senders of signed reports, who go on whatever the others do."""

    url: str
    acked: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    slowest: float = 0.0
    stop: threading.Event = field(default_factory=threading.Event)

    def post_on(self, name: str) -> None:
        """By turns on a kept and on a fresh connection."""
        kept = connect(self.url, timeout=4 * PATIENCE_SECONDS)
        for number in range(1_000_000):
            if self.stop.wait(0.02):
                break
            if number % 2:
                self._post(kept, f"{name}-{number}")
            else:
                with closing(connect(self.url, timeout=4 * PATIENCE_SECONDS)) as fresh:
                    self._post(fresh, f"{name}-{number}")
        kept.close()

    def _post(self, line: http.client.HTTPConnection, uuid: str) -> None:
        body = f"MessageUUID={uuid}".encode()
        began = time.monotonic()
        try:
            status = ask(line, "POST", PATH, body, signed(PATH, body)).status
        except (OSError, http.client.HTTPException) as problem:
            self.wrong.append(f"{uuid}: {problem!r}")
            line.close()
            return
        self.slowest = max(self.slowest, time.monotonic() - began)
        if status == 200:
            self.acked.append(uuid)
        else:
            self.wrong.append(f"{uuid}: {status}")

    def served(self, reports: int) -> None:
        """Return when that many more were answered, each in time."""
        enough = len(self.acked) + reports
        wait_until(lambda: len(self.acked) >= enough or bool(self.wrong), seconds=30)
        assert self.wrong == []
        assert self.slowest < PATIENCE_SECONDS


@dataclass(frozen=True)
class Siege:
    receiver: Process
    data_dir: Path
    honest: Honest

    @property
    def url(self) -> str:
        return self.receiver.url

    def mib(self) -> float:
        """Memory that the receiver holds."""
        status = Path(f"/proc/{self.receiver.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) / 1024

    def line(self) -> socket.socket:
        parts = urlsplit(self.url)
        return socket.create_connection((parts.hostname, parts.port), timeout=20)

    @contextmanager
    def lines(self, number: int) -> Iterator[list[socket.socket]]:
        """That many connections, cut off at the end."""
        lines: list[socket.socket] = []
        try:
            for _ in range(number):
                lines.append(self.line())  # noqa: PERF401  those that came about are closed
            yield lines
        finally:
            for line in lines:
                cut(line)


def cut(line: socket.socket) -> None:
    """Hang up with a reset, as one who leaves no socket waiting."""
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    line.close()


@pytest.fixture(scope="module", autouse=True)
def _enough_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 4096:
        pytest.skip("this user may not open enough connections")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 4096), hard))


@pytest.fixture(scope="module")
def siege(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Siege]:
    """One receiver and two honest senders for all of this file; at the end all must be well."""
    data_dir = tmp_path_factory.mktemp("siege") / "data"
    with serving(data_dir, SEAL_SECONDS="5") as receiver:
        siege = Siege(receiver, data_dir, Honest(receiver.url))
        senders = [
            threading.Thread(target=siege.honest.post_on, args=(name,)) for name in ("a", "b")
        ]
        for sender in senders:
            sender.start()
        try:
            siege.honest.served(50)
            yield siege
        finally:
            siege.honest.stop.set()
            for sender in senders:
                sender.join()
    times = Counter(row["message_uuid"] for row in stored(data_dir))
    assert [uuid for uuid in siege.honest.acked if times[uuid] != 1] == []


@pytest.fixture(autouse=True)
def _unharmed(siege: Siege) -> Iterator[None]:
    """After each attack: alive, ready, no trace, not grown, and the honest were served in time."""
    before = siege.mib()
    siege.honest.wrong.clear()
    siege.honest.slowest = 0.0
    yield
    siege.honest.served(5)
    assert send(siege.url, "GET", "/readyz").status == 200
    assert siege.receiver.process.poll() is None
    said = messages_of(siege.receiver)
    for sign in ("Traceback", "Exception", "uncaptured"):
        assert sign not in said, said[-2000:]
    assert siege.mib() - before < MOST_GROWTH_MIB


def head(*lines: bytes, request: bytes = b"POST " + PATH.encode() + b" HTTP/1.1") -> bytes:
    return b"\r\n".join([request, b"Host: x", *lines, b"", b""])


def signed_head(body: bytes, *lines: bytes, target: str = PATH) -> bytes:
    signature = raw_headers(signed(target, body, families="v2")).strip().split(b"\r\n")
    return head(*signature, *lines, request=b"POST %b HTTP/1.1" % target.encode("latin-1"))


def statuses(answer: bytes) -> list[int]:
    return [int(code) for code in re.findall(rb"HTTP/1\.[01] (\d{3}) ", answer)]


CLOSE = b"Connection: close"

REFUSED: dict[str, tuple[bytes, set[int]]] = {
    "header without a colon": (head(b"no colon here", CLOSE), {400}),
    "space before the colon": (head(b"Content-Length : 1", CLOSE), {400}),
    "empty header name": (head(b": 1", CLOSE), {400}),
    "NUL in a header": (head(b"X: a\x00b", CLOSE), {400}),
    "NUL in the request line": (
        head(CLOSE, request=b"POST /delivery\x00report HTTP/1.1"), {400, 404},
    ),
    "bare line feeds": (b"GET /healthz HTTP/1.1\nHost: x\nConnection: close\n\n\r\n\r\n", {400}),
    "two different lengths": (
        head(b"Content-Length: 5", b"Content-Length: 6", CLOSE) + b"abcdef", {400},
    ),
    "the same length twice": (
        head(b"Content-Length: 5", b"Content-Length: 5", CLOSE) + b"abcde", {400},
    ),
    "a negative length": (head(b"Content-Length: -1", CLOSE), {400}),
    "a length with a sign": (head(b"Content-Length: +5", CLOSE) + b"abcde", {400}),
    "a length in other digits": (head("Content-Length: ٥".encode(), CLOSE), {400}),
    "a length beyond all numbers": (head(b"Content-Length: " + b"9" * 3000, CLOSE), {400, 413}),
    "a length beyond Python's digits": (head(b"Content-Length: " + b"9" * 6000, CLOSE), {400, 413}),
    "a chunk size that is none": (head(b"Transfer-Encoding: chunked", CLOSE) + b"zz\r\n", {400}),
    "a negative chunk size": (head(b"Transfer-Encoding: chunked", CLOSE) + b"-5\r\nabc", {400}),
    "a chunk size with 0x": (head(b"Transfer-Encoding: chunked", CLOSE) + b"0x5\r\nabcde", {400}),
    "a chunk longer than its size": (
        head(b"Transfer-Encoding: chunked", CLOSE) + b"3\r\nabcdef\r\n0\r\n\r\n", {400},
    ),
    "an unknown coding": (head(b"Transfer-Encoding: gzip, chunked", CLOSE), {400, 501}),
    "chunked hidden by a control character": (
        head(b"Transfer-Encoding: \x0bchunked", CLOSE) + b"0\r\n\r\n", {400, 501},
    ),
    "a folded header": (head(b"X: a", b" b", CLOSE), {400, 403}),
    "an old version": (b"GET / HTTP/0.9\r\n\r\n", {400, 404, 505}),
    "a version to come": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {400, 404, 405, 505}),
    "no version": (b"GET /nowhere\r\n\r\n", {404}),
    "a lower-case method": (head(CLOSE, request=b"post / HTTP/1.1"), {400, 404, 405, 501}),
    "an unknown method": (
        head(CLOSE, request=b"BREW " + PATH.encode() + b" HTTP/1.1"), {400, 405, 501},
    ),
    "TRACE": (head(CLOSE, request=b"TRACE " + PATH.encode() + b" HTTP/1.1"), {405}),
    "OPTIONS": (head(CLOSE, request=b"OPTIONS " + PATH.encode() + b" HTTP/1.1"), {405}),
    "OPTIONS for all": (head(CLOSE, request=b"OPTIONS * HTTP/1.1"), {400, 404, 405}),
    "CONNECT": (head(CLOSE, request=b"CONNECT example.org:443 HTTP/1.1"), {400, 404, 405}),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 300 + b"\r\n\r\n", {400}),
    "broken IPv6": (head(CLOSE, request=b"POST http://[::1/x HTTP/1.1"), {400}),
    "a port that is none": (
        head(CLOSE, request=b"POST http://x:port" + PATH.encode() + b" HTTP/1.1"), {400, 403},
    ),
    "a target with nothing": (head(CLOSE, request=b"POST http:// HTTP/1.1"), {400, 404}),
    "dots in the path": (
        head(CLOSE, request=b"GET /../../etc/passwd HTTP/1.1"), {400, 404},
    ),
    "a path that is no UTF-8": (head(CLOSE, request=b"GET /%ff%fe/\xc3 HTTP/1.1"), {400, 404}),
    "a path deep in Unicode": (
        head(CLOSE, request=b"GET /" + "𝕯\u202e\ufeff\U0010ffff".encode() * 500 + b" HTTP/1.1"),
        {400, 404},
    ),
    "a signature that is no text": (
        head(b"X-Plivo-Signature-V3: \xff\xfe\x01", b"X-Plivo-Signature-V3-Nonce: \xc3", CLOSE),
        {400, 403},
    ),
    "ten thousand signatures": (
        head(b"X-Plivo-Signature-V3: " + b"a," * 10_000, b"X-Plivo-Signature-V3-Nonce: 1", CLOSE),
        {403},
    ),
    "a thousand headers": (head(*[b"X-%d: y" % n for n in range(1000)], CLOSE), {403}),
    "sixty thousand headers": (head(*[b"X-%d: y" % n for n in range(60_000)], CLOSE), {431}),
    "a header without end": (head(b"X: " + b"y" * 1_000_000, CLOSE), {431}),
    "a request line without end": (head(CLOSE, request=b"GET /" + b"y" * 1_000_000), {400, 431}),
    "a giant announced": (head(b"Content-Length: 99999999999", CLOSE), {413}),
    "a giant announced that waits for leave": (
        head(b"Content-Length: 99999999999", b"Expect: 100-continue", CLOSE), {413},
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_request_gets_the_right_refusal(siege: Siege, what: str) -> None:
    """One 4xx or 5xx, or the line is cut while the sender still talks; never a 200 or 500."""
    sent, allowed = REFUSED[what]
    try:
        answer = send_raw(siege.url, sent)
    except ConnectionError:
        assert len(sent) > 32 * KIB
        return
    assert len(statuses(answer)) == 1
    assert statuses(answer)[0] in allowed
    assert b"Traceback" not in answer


KEPT: dict[str, bytes] = {
    "thirty thousand keys": b"&".join([b"k"] * 32_000),
    "thirty thousand separators": b"MessageUUID=hostile&" + b"&=" * 30_000,
    "binary": bytes(range(256)) * 200,
    "deep in Unicode": b"Text=" + "𝕯\u202e\ufeff\U0010ffff\u0000é\u0301".encode() * 3000,
    "NUL bytes": b"MessageUUID=\x00hostile%00&Text=" + b"\x00" * 60_000,
    "percent signs": b"%" * 65_536,
    "percent-encoded throughout": b"MessageUUID=hostile&Text=" + b"%F0%9F%98%80" * 5000,
    "lone surrogates": b"Text=%ED%A0%80%ED%B0%80&From=\xed\xa0\x80",
    "one long key": b"a" * 65_536,
    "a quarter of a million brackets": b"Text=" + b"[" * 65_000,
}


@pytest.mark.parametrize("what", KEPT)
def test_a_signed_body_of_any_kind_is_kept(siege: Siege, what: str) -> None:
    """200, and it reads back as it came."""
    body = KEPT[what]
    assert len(body) <= 64 * KIB
    before = _count(siege)
    answer = send_raw(siege.url, signed_head(body, b"Content-Length: %d" % len(body), CLOSE) + body)
    assert statuses(answer) == [200]
    assert _count(siege) == before + 1


def _count(siege: Siege) -> int:
    """How many reports are stored that the honest senders did not send."""
    sealing.seal_all(siege.data_dir)
    honest = re.compile(r"[ab]-\d+")
    return sum(not honest.fullmatch(str(row["message_uuid"])) for row in stored(siege.data_dir))


@pytest.mark.parametrize("policy", ["v2", "v3"])
def test_form_bombs_signed_wrongly_slow_nobody_down(siege: Siege, policy: str) -> None:
    """Taking them apart for the check costs something; many senders do it at once."""
    body = b"&".join([b"%41"] * 16_000)
    headers = raw_headers(signed(PATH, b"", token="wrong", families="both")).replace(
        b": ", b": " + b"x," * 15
    )
    lines = headers.strip().split(b"\r\n")
    if policy == "v2":
        lines = [line for line in lines if b"V3" not in line]
    request = head(*lines, b"Content-Length: %d" % len(body), CLOSE) + body

    def attack() -> None:
        for _ in range(6):
            assert statuses(send_raw(siege.url, request)) == [403]

    attackers = [threading.Thread(target=attack) for _ in range(8)]
    for attacker in attackers:
        attacker.start()
    for attacker in attackers:
        attacker.join()
    siege.honest.served(10)


def test_slow_loris_keeps_nobody_out(siege: Siege) -> None:
    """Four hundred senders that dribble their headers byte by byte."""
    text = head(*[b"X-%d: y" % n for n in range(200)])
    with siege.lines(400) as lines:
        enough = len(siege.honest.acked) + 100
        for number in range(len(text)):
            for line in lines:
                with suppress(OSError):
                    line.sendall(text[number : number + 1])
            if len(siege.honest.acked) >= enough or siege.honest.wrong:
                break
        siege.honest.served(20)


def test_slow_bodies_keep_nobody_out(siege: Siege) -> None:
    """They announce 64 KiB, or chunks, and dribble those."""
    with siege.lines(200) as lines:
        for line in lines[::2]:
            line.sendall(head(b"Content-Length: 65536"))
        for line in lines[1::2]:
            line.sendall(head(b"Transfer-Encoding: chunked"))
        enough = len(siege.honest.acked) + 100
        for number in range(5_000):
            for which, line in enumerate(lines):
                with suppress(OSError):
                    line.sendall(b"1\r\nx\r\n"[number % 6 :][:1] if which % 2 else b"x")
            if len(siege.honest.acked) >= enough or siege.honest.wrong:
                break
        siege.honest.served(20)


def test_fifteen_hundred_silent_connections_keep_nobody_out(siege: Siege) -> None:
    """Nor when all of them hang up at once."""
    with siege.lines(1500):
        siege.honest.served(100)
        assert send(siege.url, "GET", "/healthz").status == 200
    siege.honest.served(20)


def test_bodies_that_never_end_take_no_memory(siege: Siege) -> None:
    """Three hundred senders, each half a megabyte into a body that will be refused."""
    before = siege.mib()
    with siege.lines(300) as lines:
        for which, line in enumerate(lines):
            framing = b"Transfer-Encoding: chunked" if which % 2 else b"Content-Length: 1000000"
            line.sendall(head(framing) + (b"80000\r\n" if which % 2 else b""))
        for _ in range(8):
            for line in lines:
                with suppress(OSError):
                    line.sendall(b"x" * 64_000)
        siege.honest.served(20)
        grown = siege.mib() - before
    assert grown < MOST_GROWTH_MIB


def test_a_chunk_header_without_end_costs_little(siege: Siege) -> None:
    """The size and its extensions come byte by byte, and no line ends."""
    with siege.lines(20) as lines:
        for line in lines:
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            line.sendall(head(b"Transfer-Encoding: chunked") + b"5;" + b"x" * 500_000)
        enough = len(siege.honest.acked) + 50
        for _ in range(2_000):
            for line in lines:
                with suppress(OSError):
                    line.sendall(b"x")
            if len(siege.honest.acked) >= enough or siege.honest.wrong:
                break
        siege.honest.served(20)


def test_senders_who_never_read_their_answers_keep_nobody_out(siege: Siege) -> None:
    """A hundred of them, each with hundreds of requests in one go."""
    request = head(request=b"GET /nowhere HTTP/1.1") * 300
    with siege.lines(100) as lines:
        for line in lines:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            line.settimeout(0.05)
            with suppress(OSError):
                line.sendall(request)
        siege.honest.served(50)


def test_senders_who_hang_up_at_once_leave_nothing_behind(siege: Siege) -> None:
    """Five hundred resets in mid-request; the receiver closes its ends."""
    descriptors = Path(f"/proc/{siege.receiver.process.pid}/fd")
    for number in range(500):
        line = siege.line()
        line.sendall(head(b"Content-Length: 10") + b"x" * (number % 11))
        cut(line)
    wait_until(lambda: len(list(descriptors.iterdir())) < 100)


def test_fifty_pipelined_requests_are_answered_in_order(siege: Siege) -> None:
    """Whatever they ask; the answers tell which is which."""
    requests, expected = b"", []
    for number in range(50):
        last = [CLOSE] if number == 49 else []
        if number % 3 == 0:
            body = b"MessageUUID=pipelined-%d" % number
            requests += signed_head(body, b"Content-Length: %d" % len(body), *last) + body
            expected.append(200)
        elif number % 3 == 1:
            requests += head(*last, b"Content-Length: 3") + b"a=b"
            expected.append(403)
        else:
            requests += head(*last, request=b"GET /nowhere HTTP/1.1")
            expected.append(404)
    assert statuses(send_raw(siege.url, requests)) == expected


@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("length", [64 * KIB + 1, 200 * KIB, 900 * KIB])
def test_a_body_over_the_limit_is_413(siege: Siege, framing: str, length: int) -> None:
    """However it is announced; what follows on the line is a request of its own."""
    body = b"x" * length
    if framing == "length":
        sent = head(b"Content-Length: %d" % length) + body
    else:
        sent = head(b"Transfer-Encoding: chunked") + b"%x\r\n%b\r\n0\r\n\r\n" % (length, body)
    answer = send_raw(siege.url, sent + head(CLOSE, request=b"GET /healthz HTTP/1.1"))
    assert statuses(answer) == [413, 200]


def test_a_sender_that_waits_for_leave_is_given_it(siege: Siege) -> None:
    """Expect: 100-continue."""
    body = b"MessageUUID=expected"
    with siege.line() as line:
        line.sendall(
            signed_head(body, b"Content-Length: %d" % len(body), b"Expect: 100-continue", CLOSE)
        )
        assert statuses(line.recv(4096)) == [100]
        line.sendall(body)
        assert statuses(line.recv(4096)) == [200]


@pytest.mark.parametrize(
    "framing",
    [
        [b"Content-Length: 4", b"Transfer-Encoding: chunked"],
        [b"Transfer-Encoding: chunked", b"Content-Length: 4"],
        [b"Content-Length: 1000", b"Transfer-Encoding: Chunked"],
        [b"Content-Length: 4", b"Transfer-Encoding: chunked, chunked"],
        [b"Content-Length: 4", b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"],
    ],
)
def test_a_body_framed_in_two_ways_smuggles_nothing(siege: Siege, framing: list[bytes]) -> None:
    """RFC 9112, 6.3: the line is closed behind it, so that nothing in it is a request."""
    hidden = head(request=b"GET /healthz HTTP/1.1")
    sent = head(*framing) + b"0\r\n\r\n" + hidden + head(CLOSE, request=b"GET / HTTP/1.1")
    answer = send_raw(siege.url, sent)
    assert len(statuses(answer)) == 1
    assert statuses(answer)[0] in (400, 403, 501)


@pytest.mark.parametrize("version", [b"HTTP/1.0", b"HTTP/1.1", b""])
def test_an_old_client_is_answered(siege: Siege, version: bytes) -> None:
    """The line is closed behind 1.0 and 0.9."""
    sent = b"GET /healthz %b\r\nConnection: close\r\n\r\n" % version
    assert b"alive\n" in send_raw(siege.url, sent)


@pytest.mark.parametrize(
    "target",
    ["http://x" + PATH, "https://user:secret@x:443" + PATH, "HTTP://[::1]:80" + PATH,
     PATH + "#fragment", "http://x" + PATH + "?tag=a#b"],
)  # fmt: skip
def test_an_absolute_target_is_the_path_in_it(siege: Siege, target: str) -> None:
    """Signed for the public address, whatever host it names."""
    body = b"MessageUUID=absolute"
    lines = raw_headers(signed(PATH, body, families="v2")).strip().split(b"\r\n")
    request = b"POST %b HTTP/1.1" % target.encode()
    sent = head(*lines, b"Content-Length: %d" % len(body), CLOSE, request=request) + body
    assert statuses(send_raw(siege.url, sent)) == [200]


_TOKENS = [
    b"GET ", b"POST ", b"HEAD ", b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", b"\r\n", b"\r\n\r\n", b"\n",
    PATH.encode(), b"/message", b"/readyz", b"/metrics", b"http://", b"Host: x\r\n", b"0\r\n\r\n",
    b"Content-Length: 5\r\n", b"Content-Length: ", b"Transfer-Encoding: chunked\r\n", b"5\r\nhello",
    b"Expect: 100-continue\r\n", b"Connection: keep-alive\r\n", b"MessageUUID=fuzz&", b"%00", b"?",
    b"X-Plivo-Signature-V3: ", b"X-Plivo-Signature-V3-Nonce: 1\r\n", b":", b"[", b"\x00", b"\xff",
    b"X-Plivo-Signature-V2: a,b\r\n", b"X-Plivo-Signature-V2-Nonce: 2\r\n",
]  # fmt: skip
_RAW = st.lists(st.one_of(st.sampled_from(_TOKENS), st.binary(max_size=20)), max_size=30)


def _fuzz(siege: Siege, pieces: list[bytes]) -> None:
    """Say it, hang up; whoever comes next is answered."""
    sent = b"".join(pieces)
    line = siege.line()
    with suppress(OSError):
        line.sendall(sent[: len(sent) // 2])
        line.sendall(sent[len(sent) // 2 :])
    healthy = send(siege.url, "GET", "/healthz")
    cut(line)
    assert healthy.status == 200


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(pieces=_RAW)
def test_no_bytes_bring_the_receiver_down(siege: Siege, pieces: list[bytes]) -> None:
    """Whatever is said to it, it answers the next one."""
    _fuzz(siege, pieces)


@pytest.mark.slow
@settings(
    max_examples=10_000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(pieces=_RAW)
def test_no_bytes_bring_the_receiver_down_in_a_long_run(siege: Siege, pieces: list[bytes]) -> None:
    """The same for minutes."""
    _fuzz(siege, pieces)


def test_nothing_unsigned_was_ever_stored(siege: Siege) -> None:
    """Of all that the tests above have sent."""
    sealing.seal_all(siege.data_dir)
    rows = stored(siege.data_dir)
    assert {row["signature"] for row in rows} <= {"v2", "v3", "ma-v2", "ma-v3"}
    assert [row for row in rows if "fuzz" in str(row["body"])] == []
