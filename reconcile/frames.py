"""[I/O] What Python and notebooks are given: pandas frames, and records that show themselves.

Everywhere: `since` and `until` are half-open and take a day, a timestamp, or an age such as "7d"
before the latest sign of life on disk; `where` is what `--where` takes; `tz` is the zone of days
and hours, UTC unless named, while every time that is given back is UTC. `data_dir` goes before
the setting DATA_DIR. What is not known is null. All seal and merge what is new first.

Errors tell what to do next: selection.WrongQuestion (what was asked does not exist, with the
nearest that does), config.SettingError, receiver.day_files.FileProblem (a damaged file, by name),
locks.Busy (another process has been merging for a minute).
"""

import html
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
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
from reconcile.overview import overview
from reconcile.overview.record import Overview
from reconcile.rate_report import RateReport, rate_report
from reconcile.rendering import story

_FINDINGS = pa.schema(
    [(name, pa.string()) for name in ("kind", "title", "detail", "advice")]
    + [("since", UTC_TIME), ("until", UTC_TIME), ("messages_lost", pa.int64())]
    + [("where", pa.string())]
)

Moment = str | date | datetime | None
Where = str | Sequence[str]


@dataclass(frozen=True, slots=True)
class Story:
    """One message, told; in a notebook and in `print` as the terminal shows it."""

    told: Explanation

    def __str__(self) -> str:
        return story.as_text(self.told)

    def _repr_html_(self) -> str:
        return f'<pre style="line-height: 1.3">{html.escape(str(self))}</pre>'


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


def picture(
    since: Moment = None,
    until: Moment = None,
    *,
    where: Where = (),
    formula: str = "confirmed",
    units: bool = False,
    tz: str = "UTC",
    as_of: Moment = None,
    data_dir: str | Path | None = None,
) -> Overview:
    """Everything the HTML page shows, as one record: what `reconcile.charts` draws.

    Its fields are lists of rows by time, country, route, error code …, what changed, what stands
    out, how receipts mature; a row has the columns of `rates`. Empty lists where there is nothing.
    """
    settings, merged, question = _asked(
        since, until, as_of, tz, data_dir, by=("day",), formula=formula, by_units=units,
        where=_conditions(where),
    )  # fmt: skip
    return overview.overview(settings, question, merged)


def findings(
    since: Moment = None,
    until: Moment = None,
    *,
    where: Where = (),
    tz: str = "UTC",
    as_of: Moment = None,
    data_dir: str | Path | None = None,
) -> pd.DataFrame:
    """What stands out, a row each, the most messages lost first; empty where nothing does.

    kind, title, detail, advice string · since, until timestamp[us, UTC], until null: it lasts ·
    messages_lost int64, beyond what the rate before would have lost · where string: conditions for
    `messages(where=…)` that list the messages meant.
    """
    found = picture(since, until, where=where, tz=tz, as_of=as_of, data_dir=data_dir).findings
    rows = [asdict(finding) for finding in found]
    return _frame(pa.Table.from_pylist(rows, schema=_FINDINGS))


def explain(uuid: str, *, data_dir: str | Path | None = None) -> Story | None:
    """All that is known of one message, by its UUID or that of a part: what wins, and why.

    Shows itself as `explain` does in a terminal; `.told` holds it as a record: message (the columns
    of `messages` and why), parts with reports and log_rows, the winner first. None: nothing on disk
    knows the UUID.
    """
    settings, _ = _prepared(data_dir)
    held = evidence.gather(settings, uuid)
    return None if held is None else Story(explaining.explain(held))


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


def _report(
    since: Moment,
    until: Moment,
    as_of: Moment,
    tz: str,
    data_dir: str | Path | None,
    **question: Any,
) -> RateReport:
    settings, merged, asked = _asked(since, until, as_of, tz, data_dir, **question)
    return rate_report(settings, asked, merged)


def _asked(
    since: Moment,
    until: Moment,
    as_of: Moment,
    tz: str,
    data_dir: str | Path | None,
    **question: Any,
) -> tuple[Settings, Merged, Question]:
    settings, merged = _prepared(data_dir)
    moment = _moment(as_of, merged)
    now = replace(merged, as_of=moment or merged.as_of)
    asked = Question(
        since=_moment(since, now, tz),
        until=_moment(until, now, tz),
        zone=str(selection.time_zone(tz)),
        as_of=moment,
        **question,
    )
    return settings, merged, asked


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
