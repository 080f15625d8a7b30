"""From reports and log to `messages/`, at the cost of what has changed.

    files ──► batches ──► travellers ──► units ──► compositions ──► messages/date=…/messages.parquet
              which days    parts of        a day's     a day's file, sorted,
              they touch    several days    messages    written where it differs

Each row of an input has a home, the day that it says its message is of. A part whose rows all have
one home is derived with its day alone, or, where little of the day is new, with those that this
concerns; the few others travel, and are derived by the earliest of their days. What is remembered
of all this lies in `state/merge/`, changes no number, and may be deleted: the next merge then reads
everything again.
"""

from reconcile.merging.merge import merge
from reconcile.merging.note import Merged

__all__ = ["Merged", "merge"]
