"""[I/O] Several processes under one roof: started, watched, started again, stopped.

The supervisor binds the port and hands the listening socket down; each receiver has its own
journal, so none waits for another and a crash loses nothing but its own requests in flight, which
Plivo sends again. The relay, where there is one, is a process like them.
"""

import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import FrameType

from prometheus_client.multiprocess import mark_process_dead

from receiver import config, listening
from receiver.config import Settings
from receiver.serve import check_settings

log = logging.getLogger("receiver")

_PATIENCE_SECONDS = 9.5
_PAUSE_SECONDS = 1.0  # before a process that died is started again


@dataclass(slots=True)
class _Worker:
    process: subprocess.Popen[str]
    started_at: float
    is_relay: bool = False


class Supervisor:
    """`arguments` are those of the command line; every process gets them again."""

    def __init__(
        self, settings: Settings, arguments: Sequence[str], *, unsigned: bool = False
    ) -> None:
        check_settings(settings, unsigned=unsigned)
        self._settings = settings
        self._arguments = arguments
        self._stopping = False
        self._pipe = os.pipe()  # nobody writes: it ends when we do, however we do
        self._counters = tempfile.TemporaryDirectory(prefix="receiver-counters-")
        self._listener = listening.listen(settings, unsigned=unsigned)

    def run(self) -> int:
        """Until SIGTERM or SIGINT: then 0. A process that cannot start ends all with its code."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        workers: list[_Worker] = []
        code = 0
        while not code and not self._stopping and len(workers) < self._settings.receiver_processes:
            worker = self._start()
            workers.append(worker)
            code = worker.process.poll() or 0
        if not code:
            if self._settings.relay_url is not None:
                workers.append(self._start_relay())
            print(f"receiver listening on {listening.url_of(self._listener)}", flush=True)
        while not self._stopping and not code:
            time.sleep(0.1)
            workers = [self._watched(worker) for worker in workers]
        self._end(workers)
        self._listener.close()
        self._counters.cleanup()
        return code

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _start(self) -> _Worker:
        """A process that listens, or has ended instead."""
        descriptor = self._listener.fileno()
        process = self._spawn("serve", "--listen-fd", str(descriptor), pass_fds=(descriptor,))
        assert process.stdout is not None  # noqa: S101  asked for below
        if "listening" not in process.stdout.readline():
            process.wait()
        return _Worker(process, time.monotonic())

    def _start_relay(self) -> _Worker:
        return _Worker(self._spawn("relay"), time.monotonic(), is_relay=True)

    def _spawn(
        self, command: str, *more: str, pass_fds: tuple[int, ...] = ()
    ) -> subprocess.Popen[str]:
        given = list(self._arguments)
        given[given.index("serve")] = command
        return subprocess.Popen(
            [sys.executable, "-m", "receiver", *given, *more, "--supervisor-fd",
             str(self._pipe[0])],
            env=config.of_a_child(PROMETHEUS_MULTIPROC_DIR=self._counters.name),
            pass_fds=(*pass_fds, self._pipe[0]),
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # a Ctrl-C is passed on by us, once
        )  # fmt: skip

    def _watched(self, worker: _Worker) -> _Worker:
        """The worker, or the one that took the place of a dead one."""
        if (code := worker.process.poll()) is None:
            return worker
        mark_process_dead(worker.process.pid, self._counters.name)  # type: ignore[no-untyped-call]
        kind = "relay" if worker.is_relay else "receiver"
        log.error("a %s process ended with %s; starting another", kind, code)
        if time.monotonic() - worker.started_at < _PAUSE_SECONDS:
            time.sleep(_PAUSE_SECONDS)
        return self._start_relay() if worker.is_relay else self._start()

    def _end(self, workers: Sequence[_Worker]) -> None:
        give_up_at = time.monotonic() + _PATIENCE_SECONDS
        for worker in workers:
            worker.process.terminate()
        for worker in workers:
            try:
                worker.process.wait(max(0.1, give_up_at - time.monotonic()))
            except subprocess.TimeoutExpired:
                worker.process.kill()
                worker.process.wait()
