"""[I/O] Which files say something of a day, as far as the last merge found out."""

from collections.abc import Collection
from dataclasses import replace
from datetime import date
from pathlib import Path

from receiver.config import Settings
from reconcile import deriving
from reconcile.deriving import Inputs
from reconcile.merging import batches, memory
from reconcile.merging.incremental import SHELF


def inputs_about(days: Collection[date], inputs: Inputs, settings: Settings) -> Inputs:
    """Of these files those with rows of these days; those that no merge looked at are among them.

    Rows of other days are in them, too.
    """
    known = memory.read(settings.data_dir / SHELF, deriving.rules(settings))
    hold, _, _ = batches.sorted_out(
        known.batches if known else [], batches.as_they_are(settings.data_dir)
    )
    elsewhere = {
        (batch.folder, batch.day.isoformat(), name)
        for batch in hold
        if not any(day in batch.homes for day in days)
        for name in batch.files
    }

    def about(path: Path) -> bool:
        place = (path.parent.parent.name, path.parent.name.removeprefix("date="), path.name)
        return place not in elsewhere

    return replace(
        inputs, reports=tuple(filter(about, inputs.reports)), log=tuple(filter(about, inputs.log))
    )
