"""[I/O] The receiver as one process: web server, journal, quarantine, a thread that seals."""

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from types import FrameType
from urllib.parse import urlsplit

from receiver import compaction, config, listening, sealing
from receiver.alive import Pulse
from receiver.app import build_app
from receiver.config import SettingError, Settings
from receiver.day_files import FileProblem
from receiver.journal import Journal
from receiver.journal_file import JournalError, NotDurable
from receiver.metrics import Metrics
from receiver.quarantine import Quarantine
from receiver.web_server import WebServer
from receiver.webhook import is_quick

log = logging.getLogger("receiver")

FINISH_SECONDS = 4.0  # for requests in flight …
END_SECONDS = 7.0  # … and for everything, sealing included: supervisors grow impatient at 10


class SyncFailed(Exception):
    """The disk failed to sync; only a new start knows what is really on it."""


def serve(settings: Settings, *, unsigned: bool = False, supervisor_fd: int | None = None) -> None:
    """Answer Plivo until SIGTERM or SIGINT; then make durable, seal, return within 10 s.

    `supervisor_fd` is a pipe whose end means that the supervisor is gone: then end likewise.
    Raises SettingError, JournalError, OSError before it listens; SyncFailed later.
    """
    check_settings(settings, unsigned=unsigned)
    stop = _StopSign()
    if supervisor_fd is not None:
        threading.Thread(target=stop.follow, args=(supervisor_fd,), daemon=True).start()
    metrics = Metrics(shared_folder=config.counters_folder())
    failed = threading.Event()

    def end_failed() -> None:
        failed.set()
        stop.raise_it()

    with Journal(
        settings.data_dir / "journal",
        on_fatal=end_failed,
        on_batch=metrics.batch_rows.observe,
        relaying=settings.relay_url is not None,
    ) as journal:
        journal.probe()
        metrics.watch(settings.data_dir)
        with listening.listen(settings, unsigned=unsigned) as listener:
            _answer(settings, journal, metrics, listener, stop, unsigned=unsigned)
        safe = journal.is_safe()
    if failed.is_set():
        raise SyncFailed(
            f"the disk of {settings.data_dir} failed to sync; what it acknowledged before is safe "
            "or will be named at the next start. Look at the disk, start again."
        )
    if not safe:
        raise NotDurable(
            f"{journal.path} is gone with what it had acknowledged and not yet sealed; bring the "
            "data folder back"
        )
    if _seal(settings, metrics, patience=stop.seconds_left(), enough=stop.time_is_up):
        log.info("stopped; all that was accepted is in %s", settings.data_dir / "reports")
    else:
        log.info("stopped; what is not in Parquet yet is in the journal, for the next start")
    if any(thread.name == "sealer" for thread in threading.enumerate()):
        # Ending Python under a thread that is writing Parquet would abort the process.
        logging.shutdown()
        os._exit(0)


def check_settings(settings: Settings, *, unsigned: bool) -> None:
    """Raises SettingError where the receiver could not know Plivo from anybody else."""
    _check_relay(settings)
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


def _check_relay(settings: Settings) -> None:
    """Raises SettingError where reports would go round in circles."""
    relay, own = urlsplit(settings.relay_url or ""), urlsplit(settings.public_url or "")
    if relay.netloc and relay.netloc == own.netloc and "/delivery_report" in relay.path:
        raise SettingError(
            "RELAY_URL leads back to this receiver; give it the address of your own handler"
        )


class _StopSign:
    """Raised by SIGTERM, SIGINT, or a failed sync; `then` is called when it is."""

    def __init__(self) -> None:
        self.raised_at: float | None = None
        self.then: Callable[[], None] = lambda: None
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.raise_it()

    def raise_it(self) -> None:
        self.raised_at = self.raised_at or time.monotonic()
        self.then()

    def follow(self, pipe: int) -> None:
        """Wait until nobody holds the other end any more."""
        while os.read(pipe, 1):
            pass
        self.raise_it()

    def seconds_left(self) -> float:
        began = self.raised_at or time.monotonic()
        return max(0.0, began + END_SECONDS - time.monotonic())

    def time_is_up(self) -> bool:
        return self.raised_at is not None and self.seconds_left() == 0


def _answer(
    settings: Settings,
    journal: Journal,
    metrics: Metrics,
    listener: socket.socket,
    stop: _StopSign,
    *,
    unsigned: bool,
) -> None:
    """Serve requests, seal now and then, until the stop sign is raised."""
    quarantine = Quarantine(settings.data_dir / "quarantine", not_kept=metrics.not_quarantined.inc)
    app = build_app(
        settings,
        journal,
        keep_aside=quarantine.put,
        metrics=metrics,
        now=lambda: datetime.now(UTC),
        unsigned=unsigned,
        receiver_id=journal.path.stem,
    )
    server = WebServer(
        app,
        listener,
        threads=settings.receiver_threads,
        is_quick=is_quick,
        together=journal.together,
        handed_down=settings.listen_fd is not None,
        trusted_proxy=settings.trusted_proxy,
    )
    ended = threading.Event()
    pulse = Pulse(settings.data_dir / "reports", journal.path.stem, journal.probe)
    sealer = threading.Thread(
        target=_seal_now_and_then, args=(settings, metrics, ended), name="sealer", daemon=True
    )
    sealer.start()
    threading.Thread(target=pulse.beat_until, args=(ended,), name="pulse", daemon=True).start()
    stop.then = server.stop
    if stop.raised_at is not None:
        server.stop()
    try:
        _say_where(listener, settings, unsigned=unsigned)
        server.run(finish_seconds=FINISH_SECONDS)
    finally:
        ended.set()
        pulse.beat()
        quarantine.close()
        sealer.join(stop.seconds_left())


def _say_where(listener: socket.socket, settings: Settings, *, unsigned: bool) -> None:
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
    print(f"receiver listening on {listening.url_of(listener)}", flush=True)


def _seal_now_and_then(settings: Settings, metrics: Metrics, ended: threading.Event) -> None:
    while not ended.wait(settings.seal_seconds):
        try:
            # Whoever else is sealing does the same work: not waited for.
            _seal(settings, metrics, patience=0, enough=ended.is_set)
        except Exception:
            # A mistake of ours must not end sealing until somebody looks: told each time.
            log.exception("sealing failed, the reports stay in the journal")
            metrics.seal_failures.inc()


def _seal(
    settings: Settings, metrics: Metrics, *, patience: float, enough: Callable[[], bool]
) -> bool:
    """Seal and compact; whether everything is in Parquet now.

    What fails stays in the journal and is tried again next time.
    """
    try:
        sealed = sealing.seal_all(settings.data_dir, patience=patience, enough=enough)
        if not enough():
            compaction.compact_finished_days(settings.data_dir, today=datetime.now(UTC).date())
    except (JournalError, FileProblem, OSError) as problem:
        log.error("sealing failed, the reports stay in the journal: %s", problem)
        metrics.seal_failures.inc()
        return False
    metrics.sealed.inc(sealed.reports)
    metrics.last_seal.set_to_current_time()
    return sealed.whole
