"""[I/O] The receiver as a process: waitress, the journal, a thread that seals now and then."""

import logging
import signal
import sys
import threading
import time
from datetime import UTC, datetime
from types import FrameType
from typing import Any

import waitress.channel
import waitress.server

from receiver import compaction, sealing
from receiver.app import MOST_BODY_BYTES, build_app
from receiver.config import SettingError, Settings
from receiver.day_files import FileProblem
from receiver.journal import Journal
from receiver.journal_file import JournalError
from receiver.metrics import Metrics
from receiver.quarantine import Quarantine

log = logging.getLogger("receiver")

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class _Channel(waitress.channel.HTTPChannel):  # type: ignore[misc]  # waitress has no types
    """A connection that wakes the main loop only for output which a worker could not send.

    waitress 3.0.2 asks to be woken while a busy channel has any output pending, then declines to
    send it because a task is running: with more busy keep-alive connections than threads its loop
    spins and starves the workers.
    """

    def writable(self) -> bool:
        if self.requests and not self.will_close:
            return bool(self.total_outbufs_len >= self.adj.outbuf_high_watermark)
        return bool(super().writable())


def serve(settings: Settings, *, unsigned: bool = False) -> None:
    """Answer Plivo until SIGTERM or SIGINT; then make durable, seal, return.

    Raises SettingError, JournalError, OSError (port taken) before it listens.
    """
    check_settings(settings, unsigned=unsigned)
    metrics = Metrics()
    _stop_on_signals()
    try:
        with Journal(settings.data_dir / "journal") as journal:
            journal.probe()
            _answer(settings, journal, metrics, unsigned=unsigned)
    except SystemExit:
        pass  # a signal; the journal is closed, with everything that was accepted in it
    _seal(settings, metrics)
    log.info("stopped; all that was accepted is in %s", settings.data_dir / "reports")


def _answer(settings: Settings, journal: Journal, metrics: Metrics, *, unsigned: bool) -> None:
    """Serve requests, seal now and then, until a signal comes."""
    quarantine = Quarantine(settings.data_dir / "quarantine", not_kept=metrics.not_quarantined.inc)
    app = build_app(
        settings,
        journal,
        keep_aside=quarantine.put,
        metrics=metrics,
        now=lambda: datetime.now(UTC),
        unsigned=unsigned,
    )
    server = waitress.server.create_server(
        app,
        listen=f"{_bracketed(_host(settings, unsigned=unsigned))}:{settings.receiver_port}",
        threads=settings.receiver_threads,
        max_request_body_size=MOST_BODY_BYTES + 1,  # waitress refuses at this size, not above
        ident=None,
        clear_untrusted_proxy_headers=False,  # /metrics wants to see them
    )
    server.channel_class = _Channel
    stop_sealing = threading.Event()
    sealer = threading.Thread(
        target=_seal_now_and_then, args=(settings, metrics, stop_sealing), name="sealer"
    )
    sealer.start()
    try:
        _say_where(server, settings, unsigned=unsigned)
        server.run()
    finally:
        stop_sealing.set()
        server.close()
        sealer.join()
        quarantine.close()


def check_settings(settings: Settings, *, unsigned: bool) -> None:
    """Raises SettingError where the receiver could not know Plivo from anybody else."""
    if unsigned:
        return
    if not settings.tokens:
        raise SettingError(
            "PLIVO_AUTH_TOKEN is missing: without it nobody can tell whether a report is from "
            "Plivo. Set it (Plivo console, Overview), or try on this machine with --unsigned."
        )
    if not settings.public_url:
        raise SettingError(
            "PUBLIC_URL is missing: signatures are checked against the address that Plivo calls, "
            "such as https://sms.example.org. Set it, or try on this machine with --unsigned."
        )


def _host(settings: Settings, *, unsigned: bool) -> str:
    """Whoever takes reports from anybody listens to this machine only."""
    if unsigned and settings.receiver_host not in _LOOPBACK:
        return _LOOPBACK[0]
    return settings.receiver_host


def _say_where(server: Any, settings: Settings, *, unsigned: bool) -> None:
    host, port = _address(server)
    if unsigned:
        log.warning(
            "UNSIGNED: listening on this machine only, and anybody on it can write reports. "
            "Never use this for real."
        )
    elif settings.receiver_path_secret is None:
        log.warning(
            "no RECEIVER_PATH_SECRET: a V2 signature leaves the body open, so whoever has seen one "
            "callback could forge others. Set it, and put it behind /delivery_report/ in your URLs."
        )
    print(f"receiver listening on http://{_bracketed(host)}:{port}", flush=True)


def _address(server: Any) -> tuple[str, int]:
    listening = getattr(server, "effective_listen", None)
    if listening:
        return str(listening[0][0]), int(listening[0][1])
    name = server.socket.getsockname()
    return str(name[0]), int(name[1])


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _stop_on_signals() -> None:
    def stop(_number: int, _frame: FrameType | None) -> None:
        sys.exit(0)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


def _seal_now_and_then(settings: Settings, metrics: Metrics, stop: threading.Event) -> None:
    while not stop.wait(settings.seal_seconds):
        _seal(settings, metrics)


def _seal(settings: Settings, metrics: Metrics) -> None:
    """Seal and compact; what fails stays in the journal and is tried again next time."""
    try:
        sealed = sealing.seal_all(settings.data_dir)
        compaction.compact_finished_days(settings.data_dir, today=datetime.now(UTC).date())
    except (JournalError, FileProblem, OSError) as problem:
        log.error("sealing failed, the reports stay in the journal: %s", problem)
        return
    metrics.sealed.inc(sealed.reports)
    metrics.last_seal.set(time.time())
