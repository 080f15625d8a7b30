"""[I/O] What is on disk of the parts that should stand in an account's log."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

from receiver.config import Settings
from reconcile.deriving import at_hand, derive, inputs_of
from reconcile.engines.choice import engine_of
from reconcile.plivo_log.coverage import Span
from reconcile.plivo_log.held import Held

_HOUR = timedelta(hours=1)


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
    """The folder as it was when this was made. Use as context manager."""

    def __init__(self, settings: Settings, account: str) -> None:
        """Raises FileProblem."""
        self._engine = engine_of(settings)
        self._account = account
        self._sign = "signed_time" if settings.count_from == "v3" else "said_time"
        with at_hand(inputs_of(settings.data_dir), settings) as inputs:
            derive(self._engine, inputs, settings)
            self._engine.run(["countable_parts"])
        self._last: tuple[Span, Known] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._engine.__exit__()

    def of(self, span: Span) -> Known:
        """Those of the span, and of an hour around it, so that borders can be chosen clear."""
        if self._last is None or self._last[0] != span:
            self._last = span, self._read(span)
        return self._last[1]

    def _read(self, span: Span) -> Known:
        rows = self._engine.query(
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
