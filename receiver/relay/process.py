"""[I/O] The relay as a process beside the receivers, so that it slows none of them."""

import os
import signal
import threading
from types import FrameType

from receiver import config
from receiver.config import Settings
from receiver.metrics import Metrics
from receiver.relay import relay
from receiver.relay.posting import Poster


def carry_out(settings: Settings, supervisor_fd: int | None) -> None:
    """Relay until SIGTERM, SIGINT, or the end of the supervisor's pipe."""
    if settings.relay_url is None:
        return
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    if supervisor_fd is not None:
        threading.Thread(target=_follow, args=(supervisor_fd, stop), daemon=True).start()
    tries = Metrics(shared_folder=config.counters_folder()).relay_tries
    relay.run(
        settings.data_dir, Poster(settings.relay_url), stop,
        count=lambda result: tries.labels(result).inc(),
    )  # fmt: skip


def _follow(descriptor: int, stop: threading.Event) -> None:
    os.read(descriptor, 1)
    stop.set()
