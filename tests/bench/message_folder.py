"""A folder `messages/` of any size, made by the engine itself: the same seed, the same messages.

Thirty days of traffic to forty countries with three carriers each, as the merge would have written
them: most are delivered in some seconds, some are undelivered or failed with a code, some give no
receipt. From the twentieth day on Nigeria's first carrier loses half of what it gets.
"""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb

from reconcile.columns import MESSAGES
from reconcile.engines.duckdb_text import sql_type

FIRST_DAY = date(2026, 3, 1)
DAYS = 30
AS_OF = datetime(2026, 3, 31, tzinfo=UTC)
# fmt: off
COUNTRIES = (
    "US", "IN", "GB", "NG", "BR", "DE", "FR", "MX", "ID", "PH", "ZA", "KE", "PK", "BD", "EG", "TR",
    "ES", "IT", "PL", "NL", "CA", "AU", "JP", "KR", "TH", "VN", "MY", "SG", "AE", "SA", "CO", "AR",
    "CL", "PE", "GH", "TZ", "UG", "MA", "RO", "UA",
)
# fmt: on

# {n}: a number from 0 up to 1, as good as random and the same again for the same message
_CHANCE = "(hash(i, {day}, {seed}, {n}) % 1000000007) / 1000000007.0"


def make(data_dir: Path, messages: int, *, seed: int = 1) -> datetime:
    """Write so many messages below `data_dir`; what counts as now."""
    with duckdb.connect() as session:
        session.execute("set TimeZone = 'UTC'")
        session.execute("set enable_progress_bar = false")
        for number in range(DAYS):
            day = FIRST_DAY + timedelta(days=number)
            folder = data_dir / "messages" / f"date={day}"
            folder.mkdir(parents=True)
            share = messages * (number + 1) // DAYS - messages * number // DAYS
            session.execute(
                f"copy ({_day(day, number, share, seed)}) to '{folder / 'messages.parquet'}' "
                "(format parquet, compression zstd)"
            )
    return AS_OF


def _day(day: date, number: int, messages: int, seed: int) -> str:
    """One message a row, all columns of `messages/`, by time."""
    chances = ", ".join(f"{_CHANCE.format(day=number, seed=seed, n=n)} as c{n}" for n in range(8))
    countries = "[" + ", ".join(f"'{country}'" for country in COUNTRIES) + "]"
    bad = f"country = 'NG' and carrier = 'NG 1' and {number >= 20}"
    old = number < DAYS - 3
    named = {
        "message_uuid": "uuid",
        "direction": "case when c7 < 0.02 then 'inbound' else 'outbound' end",
        "type": "'sms'",
        "from_number": "'1415555' || lpad(cast(cast(floor(c4 * 200) as int) as varchar), 4, '0')",
        "to_number": "'1' || lpad(cast(cast(floor(c5 * 1e9) as bigint) as varchar), 10, '0')",
        "country": "country",
        "carrier": "carrier",
        "message_time": "begun_at",
        "queued_at": "begun_at",
        "sent_at": "case when outcome <> 'failed' then begun_at + interval 1 second * c6 end",
        "final_at": "case when outcome in ('delivered', 'undelivered') "
        "then begun_at + interval 1 second * (c6 + 2 + 4 * (1 / (1.0001 - c3) - 1)) end",
        "state": "case when outcome in ('unconfirmed', 'pending') then 'sent' else outcome end",
        "outcome": "outcome",
        "error_code": "case when outcome in ('failed', 'undelivered') then "
        f"case when {bad} and c5 < 0.9 then '30' else ['10', '30', '50', '70', '80', '200', '300']"
        "[cast(floor(c5 * c5 * 7) as int) + 1] end end",
        "parts_seen": "1",
        "parts_expected": "1",
        "units": "cast(1 + floor(c4 * c4 * 3) as int)",
        "total_amount": "cast(0.005 * (1 + floor(c4 * c4 * 3)) as decimal(18, 5))",
        "carrier_fees": "cast(0.003 as decimal(18, 5))",
        "match": "case when c5 < 0.97 then 'agree' else 'report_missing' end",
        "report_state": "case when c5 < 0.97 then outcome else 'sent' end",
        "log_state": "outcome",
        "reports": "3",
        "duplicate_reports": "case when c6 < 0.01 then 1 else 0 end",
        "mixed": "false",
        "last_sign_at": "begun_at",
        "final_parts": "case when outcome in ('unconfirmed', 'pending') then 0 else 1 end",
        "final_parts_reported": "case when c5 < 0.97 and outcome not in "
        "('unconfirmed', 'pending') then 1 else 0 end",
        "out_of_order_reports": "0",
        "state_changes": "0",
        "guessed_time": "false",
        "never_reported": "false",
        "account": "'MABENCH'",
        "tag": "case when c6 < 0.5 then 'otp' when c6 < 0.7 then 'news' end",
        "untyped_values": "0",
        "window_read": "true",
        "window_how": "'listed'",
        "clock_shift_minutes": "0",
    }
    columns = ", ".join(
        f"cast({named.get(field.name, 'null')} as {sql_type(field.type)}"
        f"{' with time zone' if str(field.type).startswith('timestamp') else ''}) as {field.name}"
        for field in MESSAGES
    )
    return (
        f"with drawn as (select i, {chances}, md5(cast(hash(i, {number}, {seed}) as varchar)) "
        f"as uuid from range({messages}) as numbers(i)), "
        f"placed as (select *, {countries}[cast(floor(c0 * c0 * {len(COUNTRIES)}) as int) + 1] "
        f"as country, timestamptz '{day} 00:00:00Z' + to_microseconds(cast(floor("
        f"86400000000.0 * i / {max(messages, 1)}) as bigint)) as begun_at from drawn), "
        "carried as (select *, country || ' ' || cast(cast(floor(c1 * 3) as int) + 1 as varchar) "
        "as carrier from placed), "
        f"ended as (select *, case when {bad} and c2 < 0.5 then 'undelivered' "
        "when c2 < 0.90 then 'delivered' when c2 < 0.94 then 'undelivered' "
        f"when c2 < 0.96 then 'failed' when {old} then 'unconfirmed' else 'pending' end as outcome "
        "from carried) "
        f"select {columns} from ended order by begun_at"
    )
