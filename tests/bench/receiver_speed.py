"""How fast the receiver is beside others, in one run: `make bench-receiver`.

Closed loop at saturation by wrk (64 connections), open loop at 300 posts a second by our own
sender, which measures from the moment a post was due. Variants take turns, several rounds; medians
and ratios to `bare` are printed, since machines are noisy and the load shares the cores.
"""

import argparse
import http.client
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console
from rich.table import Table

from receiver import day_files, sealing
from receiver.signature import SignedRequest, sign, signed_message
from tests.processes import Process, wait_until

PUBLIC_URL = "https://sms.example.org"
TOKEN = "bench-token"
VARIANTS = ("bare", "server", "ours", "two", "each", "granian", "uvicorn")
LUA = """
local bodies = {%s}
local n = 0
request = function()
    n = n %% #bodies + 1
    local r = bodies[n]
    return wrk.format("POST", "/delivery_report", {
        ["Content-Type"] = "application/x-www-form-urlencoded",
        ["X-Plivo-Signature-V3"] = r[2], ["X-Plivo-Signature-V3-Nonce"] = r[3]}, r[1])
end
"""


@dataclass
class Figures:
    """One variant's rounds."""

    per_second: list[float] = field(default_factory=list)
    cpu_micros: list[float] = field(default_factory=list)
    cores: list[float] = field(default_factory=list)  # that the servers keep busy
    load_cores: list[float] = field(default_factory=list)
    idle_cores: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    p999: list[float] = field(default_factory=list)
    errors: int = 0


def signed_posts(count: int) -> list[tuple[str, str, str]]:
    """Bodies as Plivo sends them, each with signature and nonce."""
    posts = []
    for number in range(count):
        body = (
            f"From=18445550100&MCC=310&MNC=410&MessageTime=2026-03-01+12%3A00%3A00.{number:06d}"
            f"&MessageUUID=13bd7acc-9ee3-11eb-b35e-{number:012d}&PartInfo=1+of+1&PowerpackUUID="
            f"&ParentMessageUUID=13bd7acc-9ee3-11eb-b35e-{number:012d}&Sequence=3&Status=delivered"
            "&QueuedTime=2026-03-01+12%3A00%3A00.1&SentTime=2026-03-01+12%3A00%3A01.5"
            "&DeliveryReportTime=2026-03-01+12%3A00%3A03.25&To=14045550100&TotalAmount=0.00250"
            "&TotalRate=0.00250&Type=sms&Units=1&ErrorCode=&requester_ip=192.0.2.7"
        )
        nonce = f"{number:020d}"
        asked = SignedRequest(
            method="POST", url=f"{PUBLIC_URL}/delivery_report", query=b"", body=body.encode(),
            headers={},
        )  # fmt: skip
        message = signed_message(asked, nonce.encode(), version=3)
        posts.append((body, sign(message, TOKEN).decode(), nonce))
    return posts


@contextmanager
def served(variant: str, folder: Path, **more: str) -> Iterator[Process]:
    settings = {
        "PLIVO_AUTH_ID": "MAXXXXXXXXXXXXXXXXXX", "PLIVO_AUTH_TOKEN": TOKEN, "RECEIVER_PORT": "0",
        "PUBLIC_URL": PUBLIC_URL, "DATA_DIR": str(folder / "data"),
        "RECEIVER_PROCESSES": "2" if variant == "two" else "1", **more,
    }  # fmt: skip
    arguments = ["receiver", "serve"]
    if variant not in ("ours", "two"):
        arguments = ["tests.bench.receiver_variants", variant]
    process = Process(arguments, settings, folder / "log")
    place = urlsplit(process.url)
    wait_until(lambda: _answers(place.hostname or "", place.port or 0))
    try:
        yield process
    finally:
        process.stop()


def _answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def saturate(url: str, script: Path, seconds: int, connections: int) -> tuple[float, int]:
    """Requests a second and errors, by wrk."""
    said = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script), url],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    found = re.search(r"Requests/sec:\s+([\d.]+)", said)
    assert found, said
    bad = sum(map(int, re.findall(r"(?:Non-2xx[^:]*|connect|read|write|timeout):? (\d+)", said)))
    return float(found[1]), bad


def at_rate(
    url: str, posts: list[tuple[str, str, str]], rate: int, seconds: int
) -> tuple[list[float], int]:
    """Seconds from due to answered, and errors, for posts due at an even rate."""
    place = urlsplit(url)
    took: list[float] = []
    errors = 0
    lock = threading.Lock()
    numbers = iter(range(rate * seconds))
    start = time.perf_counter() + 0.2

    def send() -> None:
        nonlocal errors
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=10)
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                connection.close()
                return
            due = start + number / rate
            time.sleep(max(0.0, due - time.perf_counter()))
            body, signature, nonce = posts[number % len(posts)]
            headers = {"X-Plivo-Signature-V3": signature, "X-Plivo-Signature-V3-Nonce": nonce}
            connection.request("POST", "/delivery_report", body, headers)
            answer = connection.getresponse()
            answer.read()
            with lock:
                took.append(time.perf_counter() - due)
                errors += answer.status != 200

    threads = [threading.Thread(target=send) for _ in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(took), errors


def cpu_seconds(leader: int) -> float:
    """User and system time of a process and its children, living ones included."""
    total = 0.0
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if leader in (int(entry.parent.name), int(fields[1])):
            total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def load() -> float:
    """Processor seconds of the load generators that have ended."""
    times = os.times()
    return times.children_user + times.children_system


def idle() -> float:
    """Processor seconds that nobody used or that waited for a disk, over all cores."""
    fields = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()
    return (int(fields[4]) + int(fields[5])) / os.sysconf("SC_CLK_TCK")


def two_loops(seconds: float = 2) -> float:
    """How much more two processes compute than one, where they share nothing but the machine."""
    loop = "n, end = 0, time.time() + seconds\nwhile time.time() < end: n += 1\nprint(n)"
    loop = f"import time; seconds = {seconds}; {loop}"
    done = {}
    for count in (1, 2):
        burning = [
            subprocess.Popen([sys.executable, "-c", loop], stdout=subprocess.PIPE)
            for _ in range(count)
        ]
        done[count] = sum(int(each.communicate()[0]) for each in burning)
    return done[2] / done[1]


def lost_after_kill(variant: str, script: Path) -> tuple[int, int]:
    """Under saturation, kill -9: how many were acknowledged by then, how many of them are gone."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        with served(variant, folder) as process:
            url = process.url
            load = subprocess.Popen(
                ["wrk", "-t1", "-c32", "-d4s", "-s", str(script), url],
                stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            time.sleep(2)
            process.kill()
            said, _ = load.communicate()
        found = re.search(r"(\d+) requests in", said)
        acked = int(found[1]) if found else 0
        sealing.seal_all(folder / "data")
        files = day_files.live_files(folder / "data" / "reports")
        stored = sum(len(day_files.read(path, ["report_id"])) for path in files)
    return acked, max(acked - stored, 0)


def measure(variant: str, figures: Figures, options: argparse.Namespace, script: Path) -> None:
    posts = signed_posts(500)
    with tempfile.TemporaryDirectory() as place, served(variant, Path(place)) as process:
        saturate(process.url, script, 1, options.connections)  # warm
        before, load_before, idle_before = cpu_seconds(process.process.pid), load(), idle()
        per_second, errors = saturate(process.url, script, options.seconds, options.connections)
        used = cpu_seconds(process.process.pid) - before
        figures.per_second.append(per_second)
        figures.cpu_micros.append(1e6 * used / max(per_second * options.seconds, 1))
        figures.cores.append(used / options.seconds)
        figures.load_cores.append((load() - load_before) / options.seconds)
        figures.idle_cores.append((idle() - idle_before) / options.seconds)
        took, wrong = at_rate(process.url, posts, options.rate, options.seconds)
        figures.errors += errors + wrong
        for share, kept in ((0.5, figures.p50), (0.99, figures.p99), (0.999, figures.p999)):
            kept.append(1000 * took[min(int(share * len(took)), len(took) - 1)])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.receiver_speed")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--rate", type=int, default=300)
    parser.add_argument("--variants", default=",".join(VARIANTS))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        print("wrk is needed: apt-get install wrk", file=sys.stderr)
        return 2
    variants = options.variants.split(",")
    with tempfile.TemporaryDirectory() as place:
        script = Path(place) / "posts.lua"
        rows = ",".join("{" + ",".join(map(json.dumps, post)) + "}" for post in signed_posts(500))
        script.write_text(LUA % rows)
        figures = {variant: Figures() for variant in variants}
        loops = []
        for _ in range(options.rounds):
            if {"ours", "two"} <= set(variants):
                loops.append(two_loops())
            for variant in variants:
                measure(variant, figures[variant], options, script)
        lost = {v: lost_after_kill(v, script) for v in variants if v in ("ours", "two")}
    _show(figures, lost)
    if loops:
        _show_what_two_bring(figures["ours"], figures["two"], loops)
    return 0


def _show(figures: dict[str, Figures], lost: dict[str, tuple[int, int]]) -> None:
    table = Table(title="signed posts, medians over the rounds")
    for title in ("", "posts/s", "of bare", "CPU µs", "p50 ms", "p99 ms", "p99.9 ms", "errors",
                  "acked, lost at kill -9"):  # fmt: skip
        table.add_column(title, justify="right")
    base = figures.get("bare")
    for name, found in figures.items():
        ratio = "–"
        if base is not None:
            pairs = zip(found.per_second, base.per_second, strict=True)
            ratio = f"{statistics.median(one / other for one, other in pairs):.0%}"
        kinds = (found.per_second, found.cpu_micros, found.p50, found.p99, found.p999)
        values = [statistics.median(kind) for kind in kinds]
        acked = f"{lost[name][0]:,}, {lost[name][1]}" if name in lost else "–"
        table.add_row(name, f"{values[0]:,.0f}", ratio, f"{values[1]:,.0f}",
                      *(f"{v:,.1f}" for v in values[2:]), str(found.errors), acked)  # fmt: skip
    Console(width=100).print(table)


def _show_what_two_bring(one: Figures, two: Figures, loops: list[float]) -> None:
    """Two processes beside one, and what the machine allows at most."""
    brought = sorted(b / a for a, b in zip(one.per_second, two.per_second, strict=True))
    print(f"two / ours: {statistics.median(brought):.2f} ({brought[0]:.2f}-{brought[-1]:.2f})")
    cores = os.cpu_count() or 1
    busy = cores - statistics.median(one.idle_cores)
    print(f"at most, at the same cost a report: {cores / busy:.2f}, since one process, the load "
          f"and the kernel keep {busy:.2f} of {cores} cores busy")  # fmt: skip
    print(f"two loops that only count / one: {statistics.median(loops):.2f}")
    for name, found in (("ours", one), ("two", two)):
        print(f"{name}: the servers keep {statistics.median(found.cores):.2f} cores busy, the load "
              f"{statistics.median(found.load_cores):.2f}, "
              f"idle are {statistics.median(found.idle_cores):.2f}")  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
