"""[I/O] Reading Plivo's log into the folder: what is asked next, and the cron run that does it all.

One run: lock, seal, merge (to know what is open), pull, merge again.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from receiver import day_files, sealing
from receiver.config import Settings
from reconcile import merging
from reconcile.columns import LOG, MESSAGES
from reconcile.engines.choice import engine_of
from reconcile.locks import holding
from reconcile.merging import Merged
from reconcile.plivo_log import ledger, log_compaction, outages, unfinished, windows
from reconcile.plivo_log.asked_states import AskedStates
from reconcile.plivo_log.counted_pull import CountedPull
from reconcile.plivo_log.course import Progress
from reconcile.plivo_log.coverage import Span, Window, overlap
from reconcile.plivo_log.forecast import Forecast, Load, forecast, most_listed_a_day
from reconcile.plivo_log.known_parts import KnownParts
from reconcile.plivo_log.pull import PullResult, fetch_one, pull
from reconcile.plivo_log.reader import Reader
from reconcile.plivo_log.rereads import Open, Step, span_of

if TYPE_CHECKING:
    from reconcile.plivo_log.client import LogClient

RUN_MINUTES = 50.0  # an hourly cron job is done before the next one starts
_FIRST_LOOK = timedelta(days=7)
_HOUR = timedelta(hours=1)

Tell = Callable[[Progress], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What of the log to read, and when to stop. None: from the oldest report; up to now."""

    mode: windows.Mode
    asked: str  # the question as it was given, by which a stopped pull is known again
    since: datetime | None = None
    until: datetime | None = None
    again: bool = False
    full: bool = False  # list all, count nothing
    max_requests: int | None = None
    max_minutes: float | None = None


@dataclass(frozen=True, slots=True)
class _Plan:
    steps: list[Step]
    ledger: list[Window]
    unheard: list[Span]
    counts: bool


def run(settings: Settings, task: Task, *, tell: Tell | None = None) -> tuple[PullResult, Merged]:
    """One cron run. Raises locks.Busy, plivo_log.errors, SettingError, FileProblem.

    Whatever stops the reading, what was read is merged.
    """
    with alone(settings.data_dir):
        sealing.seal_all(settings.data_dir)
        try:
            result = _pull(settings, task, tell)
        finally:
            merged = merging.merge(settings)
    return result, merged


def pull_only(settings: Settings, task: Task, *, tell: Tell | None = None) -> PullResult:
    """The log into `log/`, resumable. Raises as `run`."""
    with alone(settings.data_dir):
        return _pull(settings, task, tell)


def planned(settings: Settings, task: Task) -> Forecast:
    """What `pull` would ask, and what it would cost; no request is made."""
    now = datetime.now(UTC)
    began_at = unfinished.going_on(settings.data_dir / "state", task.asked, now)
    plan = _plan(settings, task, now, started_at=began_at)
    return forecast(
        plan.steps,
        plan.ledger,
        _load(settings, now),
        per_minute=settings.log_requests_per_minute,
        counts=plan.counts,
    )


def fetch(settings: Settings, message_uuid: str) -> bool:
    """Ask Plivo for one message now; False where it does not know it. Raises as `run`."""
    with alone(settings.data_dir), _connect(settings) as client:
        return fetch_one(settings, message_uuid, client=client, now=lambda: datetime.now(UTC))


def _connect(settings: Settings) -> "LogClient":
    from reconcile.plivo_log import client  # noqa: PLC0415  it brings the SDK, which few need

    return client.connect(settings)


@contextmanager
def alone(data_dir: Path) -> Iterator[None]:
    """Nobody else writes into `log/` meanwhile. Raises locks.Busy."""
    with holding(data_dir / "state" / "run.lock", wait_seconds=0, what="run"):
        yield


def _pull(settings: Settings, task: Task, tell: Tell | None) -> PullResult:
    state = settings.data_dir / "state"
    with _connect(settings) as client:  # settings first: nothing is done with wrong ones
        started_at = unfinished.begin(state, task.asked, datetime.now(UTC))
        plan = _plan(settings, task, datetime.now(UTC), started_at=started_at)
        with ExitStack() as stack:
            result = pull(
                settings,
                plan.steps,
                client=client,
                max_requests=task.max_requests,
                max_minutes=task.max_minutes,
                now=lambda: datetime.now(UTC),
                progress=tell,
                counting=_counting(settings, plan, stack) if plan.counts else None,
            )
    log_compaction.compact(settings.data_dir / "log")
    if result.complete:
        unfinished.finish(state)
    return result


def _counting(settings: Settings, plan: _Plan, stack: ExitStack) -> Callable[[Reader], CountedPull]:
    def made(reader: Reader) -> CountedPull:
        return CountedPull(
            reader,
            stack.enter_context(KnownParts(settings, reader.account)),
            AskedStates(settings.data_dir / "state", reader.account),
            ledger=plan.ledger,
            unheard=plan.unheard,
            now=datetime.now(UTC),
            per_minute=settings.log_requests_per_minute,
        )

    return made


def _plan(settings: Settings, task: Task, now: datetime, *, started_at: datetime | None) -> _Plan:
    read = ledger.read(settings.data_dir / "log", account=settings.plivo_auth_id)
    merging.merge(settings)
    known = _known(settings, now)
    counts = not task.full and settings.count_from != "never" and known.largest_day > (
        most_listed_a_day(settings.log_requests_per_minute)
    )  # fmt: skip
    steps = windows.plan(
        since=task.since or known.oldest_reported or now - _FIRST_LOOK,
        until=task.until or now,
        ledger=read,
        still_open=known.still_open,
        now=now,
        mode=task.mode,
        again=task.again,
        started_at=started_at,
        counted_is_read=counts,
    )
    # What no receiver was there to hear is only in the log: it is read first.
    unheard = outages.unheard(settings.data_dir / "reports", until=now)
    steps.sort(key=lambda step: not any(overlap(span_of(step), span) for span in unheard))
    return _Plan(steps, read, unheard, counts)


@dataclass(frozen=True, slots=True)
class _Known:
    oldest_reported: datetime | None
    still_open: list[Open]
    largest_day: int


def _known(settings: Settings, now: datetime) -> _Known:
    """When the first reported message was sent, which are open, how many the largest day has."""
    horizon = timedelta(hours=settings.receipt_horizon_hours)
    with engine_of(settings) as engine:
        engine.read("messages", day_files.live_files(settings.data_dir / "messages"), MESSAGES)
        oldest = engine.query("select min(message_time) as t from messages where reports > 0")
        largest = engine.query(
            "select coalesce(max(day.messages), 0) as n from (select count(*) as messages "
            "from messages where direction = 'outbound' group by cast(message_time as date)) as day"
        )
        still_open = engine.query(
            "select message_uuid, message_time, parts_seen, parts_expected "
            "from messages where direction = 'outbound' "
            # a row that showed late in the log is missed for good unless it is looked for again
            "and (outcome in ('pending', 'unconfirmed') or match = 'log_missing') "
            "and coalesce(last_sign_at, message_time) >= cast($since as timestamp) "
            # another account's messages do not stand in this one's log
            "and (account is null or account = $account or account like $subaccounts)",
            {
                "since": (now - horizon).replace(tzinfo=None),
                "account": settings.plivo_auth_id,
                "subaccounts": "" if (settings.plivo_auth_id or "").startswith("SA") else "SA%",
            },
        )
    return _Known(
        oldest_reported=_utc(oldest.to_pylist()[0]["t"]),
        still_open=_when_asked(settings, still_open.to_pylist()),
        largest_day=largest.to_pylist()[0]["n"],
    )


def _when_asked(settings: Settings, messages: list[dict[str, Any]]) -> list[Open]:
    """Of messages of one part, when the log was last asked for it."""
    log = settings.data_dir / "log"
    days = {message["message_time"].date() for message in messages}
    files = [path for day in sorted(days) for path in day_files.live_files_of(log, day)]
    asked_at: dict[str, datetime] = {}
    if files:
        with engine_of(settings) as engine:
            engine.read("log", files, LOG)
            engine.narrow("log", "message_uuid", {m["message_uuid"] for m in messages})
            asked = engine.query(
                "select message_uuid, max(pulled_at) as at from log group by message_uuid"
            )
            asked_at = {row["message_uuid"]: row["at"] for row in asked.to_pylist()}
    return [
        Open(
            message["message_uuid"],
            message["message_time"].replace(tzinfo=UTC),
            _utc(asked_at.get(message["message_uuid"]))
            if max(message["parts_seen"], message["parts_expected"]) == 1
            else None,
        )
        for message in messages
    ]


def _load(settings: Settings, now: datetime) -> Load:
    """What is known of each hour of the last 90 days."""
    with engine_of(settings) as engine:
        engine.read("messages", day_files.live_files(settings.data_dir / "messages"), MESSAGES)
        found = engine.query(
            "select date_trunc('hour', message_time) as hour, cast(sum(parts_seen) as bigint) "
            "as parts, count(case when final_parts < parts_seen then 1 end) as still_open, "
            "count(case when window_read then 1 end) as was_read, "
            "count(case when window_read and never_reported then 1 end) as unreported "
            "from messages where direction = 'outbound' "
            "group by date_trunc('hour', message_time)"
        ).to_pylist()
    hours = {row["hour"].replace(tzinfo=UTC): row for row in found}
    unheard = outages.unheard(settings.data_dir / "reports", until=now)
    listening = [
        row
        for hour, row in hours.items()
        if not any(overlap(Span(hour, hour + _HOUR), span) for span in unheard)
    ]
    was_read = sum(row["was_read"] for row in listening)
    return Load(
        {hour: row["parts"] for hour, row in hours.items()},
        {hour: row["still_open"] for hour, row in hours.items()},
        unheard,
        sum(row["unreported"] for row in listening) / was_read if was_read else 0.0,
    )


def _utc(moment: datetime | None) -> datetime | None:
    return moment and moment.replace(tzinfo=UTC)
