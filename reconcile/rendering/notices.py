"""[I/O] What the commands say beside their result: progress on a terminal, summaries, hints."""

import logging
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from reconcile.counted_messages import Question
from reconcile.merging import Merged
from reconcile.plivo_log.course import Progress
from reconcile.plivo_log.forecast import Forecast
from reconcile.plivo_log.pull import PullResult
from reconcile.rate_report import RateReport
from reconcile.rendering.cells import counted, percent


def progress() -> Callable[[str], None]:
    """Overwrites one line of stderr, and only on a terminal; an empty text clears it."""
    if not sys.stderr.isatty():
        return lambda _: None

    def tell(text: str) -> None:
        print(f"\r\033[K{text and text + ' …'}", end="", file=sys.stderr, flush=True)

    return tell


def diagnoses() -> None:
    """What is logged meanwhile goes to stderr, piped or not, in the place of a line of progress."""
    handler = logging.StreamHandler(sys.stderr)
    clear = "\r\033[K" if sys.stderr.isatty() else ""
    handler.setFormatter(logging.Formatter(f"{clear}reconcile: %(message)s"))
    logging.getLogger("reconcile").handlers = [handler]


def pulling() -> Callable[[Progress], None]:
    tell = progress()

    def told(state: Progress) -> None:
        left = "" if state.minutes_left is None else f", about {state.minutes_left:,.0f} min left"
        tell(
            f"reading the log: window {state.windows_done} of {state.windows}, "
            f"{counted(state.rows, 'row')}, {counted(state.requests, 'request')}{left}"
        )
        if state.windows_done == state.windows and sys.stderr.isatty():
            print(file=sys.stderr)

    return told


def pulled(result: PullResult) -> str:
    text = (
        f"read {counted(result.rows, 'log row')} in {counted(result.requests, 'request')}; "
        f"{counted(result.windows, 'window')} done"
    )
    if not result.complete:
        text += f"; stopped by {result.why_stopped}, the same command goes on from here"
    return text


def plan(told: Forecast, now: datetime) -> str:
    done_at = now + timedelta(minutes=told.minutes)
    cost = f"{counted(told.requests, 'request')}, {told.minutes:,.1f} minutes at the quota"
    by = f"done by {done_at:%Y-%m-%d %H:%M} UTC or later"
    lines = [f"{counted(told.windows, 'window')}, at least {cost}: {by}"]
    if told.counted_windows:
        lines.append(
            f"{told.counted_windows:,} of the windows are counted; to list them all (--full) takes "
            f"{counted(told.requests_by_listing, 'request')}"
        )
    if told.windows_asked_singly:
        lines.append(
            f"{told.windows_asked_singly:,} of the windows were listed before: their "
            f"{told.single_messages:,} open messages are asked for one by one, which is fewer "
            "requests than listing them again"
        )
    lines.append(
        f"listing keeps up with {told.sustained_a_day:,} messages a day, each read "
        f"{told.readings:.1f} times"
        + (
            ""
            if told.counted_windows
            else "; larger days are counted, where their reports allow it"
        )
    )
    return "\n".join(lines)


def summary(result: PullResult, report: RateReport) -> str:
    total = report.total or {}
    rate = report.headline
    return (
        f"{pulled(result)}\n{counted(total.get('submitted', 0), 'message')}, {percent(rate.value)} "
        f"{report.formula.name} ({rate.numerator:,} of {rate.denominator:,}), "
        f"receipt coverage {percent(total.get('receipt_coverage'))}, "
        f"capture rate {percent(report.audit['capture_rate'])}"
    )


def clock_shift(report: RateReport) -> str | None:
    """A warning where most messages show that the callbacks' times are in another zone."""
    shift = report.audit["clock_shift"]
    if not shift or 2 * shift["messages"] <= shift["compared"]:
        return None
    hours = f"{abs(shift['minutes']) // 60}:{abs(shift['minutes']) % 60:02}"
    side = "ahead of" if shift["minutes"] > 0 else "behind"
    return (
        f"the times in callbacks run {hours} h {side} the log's ({shift['messages']:,} of "
        f"{shift['compared']:,} messages): set CALLBACK_TIME_ZONE to the zone they are in, such as "
        f"{report.clock_zones}; until then times to receipt from message_time leave these out"
    )


def none_found(question: Question, merged: Merged, data_dir: Path) -> str:
    """Nothing fulfils the conditions, or nothing is there at all."""
    if not question.where or merged.as_of is None:
        return no_data(merged, data_dir)
    asked = ", ".join(map(str, question.where))
    return f"no message fulfils {asked}; {data_dir} holds {counted(merged.messages, 'message')}"


def no_data(merged: Merged, data_dir: Path) -> str:
    if (data_dir / "quarantine" / "refused.sqlite").exists():
        return (
            f"{data_dir} holds no data for this, but requests that were refused for their "
            "signature: python -m receiver doctor says which setting would admit them, then "
            "python -m receiver recheck"
        )
    if merged.as_of is None:
        return (
            f"{data_dir} holds no data yet. Let reports come in (python -m receiver serve), read "
            "Plivo's message log (python -m reconcile run), or see it all work: make demo"
        )
    until = merged.as_of.strftime("%Y-%m-%d %H:%M UTC")
    return f"no outbound messages in this time; what {data_dir} holds reaches to {until}"


def unknown(uuid: str, *, fetched: bool) -> str:
    hint = "" if fetched else f"; ask Plivo for it: python -m reconcile explain --fetch {uuid}"
    return f"nothing on disk knows {uuid}{hint}"
