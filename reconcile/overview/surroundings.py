"""[I/O] What the numbers stand on: spans of time that were or were not read, files, versions."""

import platform
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from importlib import metadata
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from receiver import alive, day_files
from receiver.archive import fetching
from receiver.config import Settings
from reconcile.overview.record import Band, Source
from reconcile.plivo_log import ledger
from reconcile.plivo_log.coverage import Span, coverage, overlap, without

_DATED_BY = {"reports": "received_at", "log": "message_time", "messages": "message_time"}


def bands(settings: Settings, shown: Span | None, as_of: datetime | None) -> list[Band]:
    """Within the time shown, by kind and beginning. Raises FileProblem."""
    if shown is None or as_of is None:
        return []
    read = coverage(ledger.read(settings.data_dir / "log"))
    horizon = timedelta(hours=settings.receipt_horizon_hours)
    known = {
        "outage": outages(settings, shown, as_of),
        **{
            how: [Span(each.from_at, each.until_at) for each in read if each.how == how]
            for how in ("listed", "counted", "imported")
        },
        "not_read": without([shown], [Span(each.from_at, each.until_at) for each in read]),
        "provisional": [Span(as_of - horizon, max(as_of, shown.until_at))],
    }
    return [
        Band(kind=kind, from_at=seen.from_at, until_at=seen.until_at)
        for kind, spans in known.items()
        for span in spans
        if (seen := overlap(span, shown))
    ]


def outages(settings: Settings, shown: Span, as_of: datetime) -> list[Span]:
    """When no receiver was alive, within this time."""
    gaps = alive.gaps(settings.data_dir / "reports", until=as_of)
    spans = (overlap(Span(gap.from_at, gap.until_at), shown) for gap in gaps)
    return [span for span in spans if span]


def sources(settings: Settings) -> list[Source]:
    """Files and rows as the Parquet files themselves say; dropped ones are fetched for it.

    Raises FileProblem, ArchiveError, SettingError.
    """
    return [_source_at_hand(settings, name) for name in _DATED_BY]


def versions(engine: str) -> dict[str, str]:
    """Of what could make another program come to other numbers."""
    library = {"spark": "pyspark"}.get(engine, engine)
    return {
        "plivo-delivery-reports": metadata.version("plivo-delivery-reports"),
        library: metadata.version(library),
        "python": platform.python_version(),
    }


def _source_at_hand(settings: Settings, name: str) -> Source:
    with fetching.at_hand(settings, day_files.live_files(settings.data_dir / name)) as files:
        return _source(name, files)


def _source(name: str, files: Sequence[Path]) -> Source:
    rows, moments = 0, []
    for path in files:
        try:
            described = pq.read_metadata(path)
            rows += described.num_rows
            moments += list(_borders(described, _DATED_BY[name]))
        except (pa.ArrowException, OSError) as problem:
            raise day_files.unreadable(path, problem) from problem
    first, last = min(moments, default=None), max(moments, default=None)
    return Source(name=name, files=len(files), rows=rows, first_at=first, last_at=last)


def _borders(described: pq.FileMetaData, column: str) -> Iterable[datetime]:
    """The least and the greatest moment of each row group, where the file tells."""
    names = described.schema.names
    if column not in names:
        return
    for number in range(described.num_row_groups):
        told = described.row_group(number).column(names.index(column)).statistics
        if told is not None and told.has_min_max:
            yield from _moments((told.min, told.max))


def _moments(values: Iterable[object]) -> Iterator[datetime]:
    for value in values:
        if isinstance(value, datetime):
            yield value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
