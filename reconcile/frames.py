"""[I/O] What Python and notebooks are given: pandas frames, and records that show themselves.

Everywhere: `since` and `until` are half-open and take a day, a timestamp, or an age such as "7d"
before the latest sign of life on disk; `where` is what `--where` takes; `tz` is the zone of days
and hours, UTC unless named, while every time that is given back is UTC. `data_dir` goes before
the setting DATA_DIR. What is not known is null. All seal and merge what is new first.

Errors tell what to do next: selection.WrongQuestion (what was asked does not exist, with the
nearest that does), config.SettingError, receiver.day_files.FileProblem (a damaged file, by name),
locks.Busy (another process has been merging for a minute).
"""

from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from receiver import config, day_files, sealing
from receiver.config import Settings
from reconcile import conditions, message_list, selection
from reconcile.columns import MESSAGES, UTC_TIME
from reconcile.conditions import Condition
from reconcile.counted_messages import Question
from reconcile.explaining import evidence
from reconcile.explaining import explain as explaining
from reconcile.explaining.explain import Explanation
from reconcile.merging import Merged, merge
from reconcile.overview.overview import overview
from reconcile.overview.record import Overview
from reconcile.rate_report import RateReport, rate_report
from reconcile.rendering import story

_FINDINGS = pa.schema(
    [
        *((name, pa.string()) for name in ("kind", "title", "detail", "advice")),
        ("since", UTC_TIME),
        ("until", UTC_TIME),
        ("messages_lost", pa.int64()),
        ("where", pa.string()),
    ]
)

Moment = str | date | datetime | None
Where = str | Sequence[str]


def messages(
    since: Moment = None,
    until: Moment = None,
    *,
    where: Where = (),
    data_dir: str | Path | None = None,
) -> pd.DataFrame:
    """One row per message with `message_time` in [since, until), inbound ones included.

    Columns, as in `messages/` (COLUMNS.md says what each means), Arrow-backed:
    message_uuid, direction, country, carrier, from_number, to_number … string ·
    message_time, queued_at, sent_at, final_at, last_sign_at timestamp[us, UTC] ·
    outcome, state, error_code, match string · parts_expected, units, reports … int32 ·
    total_amount, carrier_fees Decimal in the account's currency · mixed, never_reported … bool.

    `pending` or `unconfirmed` is as of the merge. With `where`, such as
    "match=log_missing,country=US", the outbound messages that fulfil these conditions (or the
    inbound ones with "direction=inbound"), as of now. Sorted by time only then.
    """
    settings, merged = _prepared(data_dir)
    first, last = _moment(since, merged), _moment(until, merged)
    if where:
        asked = Question(since=first, until=last, where=_conditions(where))
        found = message_list.message_list(settings, asked, merged, columns=MESSAGES.names)
        return _frame(found.table.cast(MESSAGES))
    tables = [day_files.read(path) for path in day_files.live_files(settings.data_dir / "messages")]
    table = pa.concat_tables([MESSAGES.empty_table(), *tables])
    if first is not None:
        table = table.filter(pc.greater_equal(table["message_time"], pa.scalar(first)))
    if last is not None:
        table = table.filter(pc.less(table["message_time"], pa.scalar(last)))
    return _frame(table)


def rates(
    since: Moment = None,
    until: Moment = None,
    *,
    where: Where = (),
    by: Sequence[str] | str = ("day",),
    formula: str = "confirmed",
    units: bool = False,
    tz: str = "UTC",
    as_of: Moment = None,
    data_dir: str | Path | None = None,
) -> pd.DataFrame:
    """The rate report's rows: a row per group of outbound messages, sorted by key, nulls last.

    `by` takes names of `--by` ("country", ["day", "carrier"], "none" for the total), `formula`
    those of `--formula`; with `units`, billed units are counted instead of messages.

    Columns (COLUMNS.md has each of them): the keys · counts int64: submitted, failed, queued,
    handed_over, delivered, undelivered, unconfirmed, open · per rate float64, a share from 0 to 1,
    null without a denominator: confirmed_rate, receipt_coverage, strict_rate, lenient_rate,
    acceptance_rate, each followed by _numerator, _denominator (int64), _low, _high (Wilson 95 %) ·
    headline_rate · Decimal, account's currency: total_amount, amount_per_message,
    amount_per_delivered, amount_undelivered, carrier_fees · seconds: sent_to_receipt_p50 p90 p95
    p99, message_to_receipt_p50 … · shares within_10s, within_60s, within_5min · negative_receipts.

    No messages: an empty frame with all columns.
    """
    names = by if isinstance(by, str) else ",".join(by) or "none"
    report = _report(
        since, until, as_of, tz, data_dir, by=selection.dimensions(names), formula=formula,
        by_units=units, where=_conditions(where),
    )  # fmt: skip
    return _frame(report.table())


def audit(
    since: Moment = None,
    until: Moment = None,
    *,
    where: Where = (),
    as_of: Moment = None,
    data_dir: str | Path | None = None,
) -> dict[str, Any]:
    """The collection audit over these outbound messages, as the JSON report has it.

    match: messages by word · capture_rate with _numerator and _denominator: a share, None without
    a window that was read · never_reported, guessed_times messages · duplicate_reports,
    out_of_order_reports, state_changes reports · unknown_states messages by word · untyped_values ·
    outages of the receiver: from, until (ISO-8601 UTC), seconds · seconds_not_read of the log.
    """
    asked = _conditions(where)
    return _report(since, until, as_of, "UTC", data_dir, by=(), where=asked).audit


def report(
    since: Moment = None,
    until: Moment = None,
    *,
    where: Where = (),
    formula: str = "confirmed",
    tz: str = "UTC",
    as_of: Moment = None,
    data_dir: str | Path | None = None,
) -> Overview:
    """Everything that the HTML report tells, as one record of small tables (lists of rows).

    `report().by_time`, `.routes`, `.errors`, `.findings` and so on: `reconcile.overview.record`
    says what is in each. Rows have the columns of `rates`; `pandas.DataFrame(rows)` makes a frame.
    Seconds, Decimal money, UTC times; days and hours are in `tz`. However many messages there are,
    the record stays small. Raises as `rates` does.
    """
    settings, merged = _prepared(data_dir)
    asked = _question(since, until, as_of, tz, merged, where=_conditions(where), formula=formula)
    return overview(settings, asked, merged)


def findings(
    since: Moment = None,
    until: Moment = None,
    *,
    where: Where = (),
    tz: str = "UTC",
    as_of: Moment = None,
    data_dir: str | Path | None = None,
) -> pd.DataFrame:
    """What stands out in these outbound messages, a row each, the most messages lost first.

    Columns: `kind` (route_fell, route_poor, error_surge, receipts_missing, slow, outage,
    untrusted), `title`, `detail`, `advice` (text), `since` and `until` (UTC; null: all along, it
    lasts), `messages_lost` (int64; null where none can be said), and `where`: the condition for
    `messages(where=…)` that lists the messages meant. Raises as `rates` does.
    """
    found = report(since, until, where=where, tz=tz, as_of=as_of, data_dir=data_dir).findings
    rows = [asdict(finding) for finding in found]
    return _frame(pa.Table.from_pylist(rows, schema=_FINDINGS))


def explain(uuid: str, *, data_dir: str | Path | None = None) -> "Explained":
    """All that is known of one message, by its UUID or a part's, and why it counts as it does.

    `message`, `parts`, `unplaced_reports`, `linked_messages` as in `explain --format json`; times
    UTC, money Decimal. A notebook shows it as the command does. Raises LookupError where nothing
    on disk has the UUID, FileProblem.
    """
    settings = config.load({"DATA_DIR": str(data_dir)} if data_dir is not None else None)
    sealing.seal_all(settings.data_dir)
    held = evidence.gather(settings, uuid)
    if held is None:
        raise LookupError(f"nothing on disk has the UUID {uuid}")
    told = explaining.explain(held)
    return Explained(**{field.name: getattr(told, field.name) for field in fields(told)})


class Explained(Explanation):
    """An explanation that a notebook shows like the command."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return story.as_html(self)


def _report(
    since: Moment,
    until: Moment,
    as_of: Moment,
    tz: str,
    data_dir: str | Path | None,
    **question: Any,
) -> RateReport:
    settings, merged = _prepared(data_dir)
    asked = _question(since, until, as_of, tz, merged, **question)
    return rate_report(settings, asked, merged)


def _question(
    since: Moment, until: Moment, as_of: Moment, tz: str, merged: Merged, **question: Any
) -> Question:
    moment = _moment(as_of, merged)
    now = replace(merged, as_of=moment or merged.as_of)
    return Question(
        since=_moment(since, now, tz),
        until=_moment(until, now, tz),
        zone=str(selection.time_zone(tz)),
        as_of=moment,
        **question,
    )


def _conditions(where: Where) -> tuple[Condition, ...]:
    return conditions.parse([where] if isinstance(where, str) else where)


def _prepared(data_dir: str | Path | None) -> tuple[Settings, Merged]:
    settings = config.load({"DATA_DIR": str(data_dir)} if data_dir is not None else None)
    sealing.seal_all(settings.data_dir)
    return settings, merge(settings)


def _moment(moment: Moment, merged: Merged, zone: str = "UTC") -> datetime | None:
    if moment is None:
        return None
    if isinstance(moment, datetime) and moment.tzinfo is not None:
        return moment.astimezone(UTC)
    text = moment if isinstance(moment, str) else moment.isoformat()
    now = merged.as_of or datetime.now(UTC)  # without data any time will do
    return selection.moment(text, now=now, zone=selection.time_zone(zone))


def _frame(table: pa.Table) -> pd.DataFrame:
    frame: pd.DataFrame = table.to_pandas(types_mapper=pd.ArrowDtype)
    return frame
