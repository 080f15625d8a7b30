"""[I/O] What is on disk of the parts that should stand in an account's log."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from types import TracebackType
from typing import Self

from receiver.config import Settings
from reconcile.deriving import at_hand, derive, inputs_of
from reconcile.engines.choice import engine_of
from reconcile.engines.engine import Engine
from reconcile.merging.about import inputs_about
from reconcile.plivo_log.coverage import SECOND, Span
from reconcile.plivo_log.held import Held

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_WIDEST_ZONE = timedelta(hours=15)


@dataclass(frozen=True, slots=True)
class Part:
    """`word`: its state by either side; `asked_at`: when its latest row was pulled, if one was."""

    message_uuid: str
    message_time: datetime
    final: bool
    word: str | None
    asked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Known:
    """Parts of a span: those certain to stand in the log, and when the others are said to.

    `doubtful`: reports that Plivo did not sign as a whole, of an unknown account, or without a
    MessageTime; where they say that they stand, only listing tells.
    """

    held: Held
    doubtful: list[datetime]
    parts: list[Part]


class KnownParts:
    """Of the folder as it is when a day is first asked for. Use as context manager.

    A pull may take hours, and the receiver compacts meanwhile.
    """

    def __init__(self, settings: Settings, account: str) -> None:
        self._settings = settings
        self._account = account
        self._sign = "signed_time" if settings.count_from == "v3" else "said_time"
        self._engine: Engine | None = None
        self._derived: Span | None = None
        self._last: tuple[Span, Known] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._engine:
            self._engine.__exit__(kind, error, trace)
            self._engine = None

    def of(self, span: Span) -> Known:
        """Those of the span, and of an hour around it, so that borders can be chosen clear.

        Raises FileProblem, ArchiveError, SettingError, EngineProblem.
        """
        if self._last is None or self._last[0] != span:
            self._last = span, self._read(self._derive(_whole_days(span)), span)
        return self._last[1]

    def _derive(self, days: Span) -> Engine:
        """The stages carried out over what is said of these days, and of an hour around them."""
        if self._engine and self._derived == days:
            return self._engine
        self.__exit__(None, None, None)
        spill = self._settings.data_dir / "state" / "pull-spill"
        self._engine, self._derived = engine_of(self._settings, spill=spill), days
        around = Span(days.from_at - _HOUR, days.until_at + _HOUR)
        inputs = inputs_of(self._settings.data_dir)
        about = inputs_about(_days(around), inputs, self._settings)
        with at_hand(about, self._settings) as files:
            rows = _rows_of(around, self._settings.callback_time_zone)
            derive(self._engine, files, self._settings, only_rows=rows)
            self._engine.run(["countable_parts"])
        return self._engine

    def _read(self, engine: Engine, span: Span) -> Known:
        rows = engine.query(
            f"select message_uuid, message_time, final, state, in_log, pulled_at, {self._sign} "
            "as sure_time, coalesce(account, '') in ($account, '') or account like $subaccounts "
            "as ours, coalesce(account, '') <> '' as named from countable_parts "
            "where message_time >= cast($since as timestamp) "
            "and message_time < cast($until as timestamp)",
            {
                "account": self._account,
                "subaccounts": "" if self._account.startswith("SA") else "SA%",
                "since": (span.from_at - _HOUR).replace(tzinfo=None),
                "until": (span.until_at + _HOUR).replace(tzinfo=None),
            },
        ).to_pylist()
        held: dict[str, datetime] = {}
        doubtful, parts = [], []
        for row in rows:
            at = row["message_time"].replace(tzinfo=UTC)
            if row["in_log"] or (row["sure_time"] and row["ours"] and row["named"]):
                sure = row["message_time"] if row["in_log"] else row["sure_time"]
                held[row["message_uuid"]] = sure.replace(tzinfo=UTC)
                asked_at = row["pulled_at"] and row["pulled_at"].replace(tzinfo=UTC)
                parts.append(
                    Part(row["message_uuid"], at, bool(row["final"]), row["state"], asked_at)
                )
            elif row["ours"]:
                doubtful.append(at)
        return Known(Held(held), doubtful, [p for p in parts if span.holds(p.message_time)])


def _days(span: Span) -> list[date]:
    first, last = span.from_at.date(), (span.until_at - SECOND).date()
    return [first + _DAY * number for number in range((last - first).days + 1)]


def _whole_days(span: Span) -> Span:
    days = _days(span)
    begin, end = (datetime.combine(day, time.min, UTC) for day in (days[0], days[-1]))
    return Span(begin, end + _DAY)


def _rows_of(span: Span, zone: str) -> dict[str, str]:
    """What tells the rows of these messages from most others, as SQL: cheap, and never too few."""
    margin = timedelta(0) if zone == "UTC" else _WIDEST_ZONE
    texts = [f"'{at:%Y-%m-%d %H}'" for at in (span.from_at - margin, span.until_at + margin)]
    hour = f"replace(left({{}}, 13), 'T', ' ') between {' and '.join(texts)}"
    low, high = (f"timestamp '{at:%Y-%m-%d %H:%M:%S}'" for at in (span.from_at, span.until_at))
    return {
        # by the hour that is written; where an offset says otherwise, whichever it is
        "reports": (
            "case when message_time like '____-__-__%' then "
            "case when substr(message_time, -6, 1) in ('+', '-') then true else "
            f"{hour.format('message_time')} end "
            f"else (received_at >= {low} and received_at < {high}) "
            f"or coalesce({hour.format('queued_time')}, false) end"
        ),
        "log_rows": f"message_time is null or (message_time >= {low} and message_time < {high})",
    }
