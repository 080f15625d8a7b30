"""[I/O] One file per journal and finished day: many small sealed files become one.

Only ranges that the journal has cleared are taken, so that a sealing which a crash interrupted
never writes again what compaction has moved. The narrow files stay for a grace period.
"""

from datetime import date
from pathlib import Path

import pyarrow as pa

from receiver import day_files, journal_file, sealing, steps
from receiver.columns import REPORTS
from receiver.day_files import FileName


def compact_finished_days(data_dir: Path, *, today: date) -> int:
    """Compact every day before `today` (UTC) for the journals of this folder; how many files made.

    Raises as sealing does.
    """

    def compact(path: Path) -> int:
        with journal_file.opened(path) as connection:
            cleared = sealing.cleared_up_to(connection)
        return sum(
            _tidy(reports, day, path.stem, cleared, today) for day in day_files.days(reports)
        )

    reports = data_dir / "reports"
    return sum(made or 0 for made in sealing.each_journal(data_dir, compact, patience=0))


def _tidy(reports: Path, day: date, source: str, cleared: int, today: date) -> int:
    day_files.remove_leftovers(reports, day, source=source)
    if day >= today:
        return 0
    made = _compact(reports, day, source=source, cleared=cleared)
    day_files.remove_superseded(reports, day)
    return made


def _compact(reports: Path, day: date, *, source: str, cleared: int) -> int:
    live = day_files.live_files_of(reports, day)
    if any(map(day_files.is_away, live)):
        return 0  # a wider name would cover rows that it does not hold
    narrow = {
        path: name
        for path in live
        if (name := FileName.parse(path.name)) and name.source == source and name.last <= cleared
    }
    if len(narrow) <= 1:
        return 0
    table = pa.concat_tables([day_files.read(path, REPORTS.names) for path in narrow]).sort_by(
        "report_id"
    )
    wide = FileName(
        source, min(n.first for n in narrow.values()), max(n.last for n in narrow.values())
    )
    path = day_files.partition(reports, day) / str(wide)
    day_files.write(table, path)
    steps.reached("day compacted")
    if day_files.read(path, ["report_id"])["report_id"] != table["report_id"]:
        path.unlink()
        raise day_files.FileProblem(f"{path} did not read back as written; the disk may be failing")
    return 1
