"""Pure: what may go wrong, as shares of the reports, parts, messages or pages it may hit."""

from dataclasses import dataclass, fields


@dataclass(frozen=True, kw_only=True)
class Faults:
    """All 0 by default: a world in which everything works."""

    # per report
    lost: float = 0.0  # never posted at all
    doubled: float = 0.0  # posted once more after it got its 200
    late: float = 0.0  # posted one hour to two days after it was generated
    reordered: float = 0.0  # posted just after a later report of its part

    # per part
    no_receipt: float = 0.0  # handed over, and never heard of again
    status_conflict: float = 0.0  # the log ends in another final state than the report said
    final_change: float = 0.0  # two different final reports; the later one is the truth
    unknown_word: float = 0.0  # a report with a status word nobody has documented
    log_behind: float = 0.0  # the log says sent for ever, whatever was reported
    late_row: float = 0.0  # the row shows in the log minutes after its message_time

    # per message
    redacted: float = 0.0  # To ends in ***, in the reports, in the log, or in both
    no_sequence: float = 0.0  # reports without Sequence

    # per request for a page of the log
    page_error: float = 0.0  # 500, 502 in HTML, 503, half a JSON document, or nothing
    page_429: float = 0.0  # refused although the quota has room
    slow_page: float = 0.0  # not a share: real seconds every page takes

    def __post_init__(self) -> None:
        for field in fields(self):
            share = getattr(self, field.name)
            if share < 0 or (field.name != "slow_page" and share > 1):
                raise ValueError(f"{field.name} is {share}, a share is from 0 to 1")
