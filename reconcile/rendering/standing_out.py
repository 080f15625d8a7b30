"""[pure] What changed and what stands out, in words for a terminal, a ticket and a notebook."""

import shlex

from reconcile.overview.record import Change, Finding
from reconcile.rendering import cells


def change_line(change: Change) -> str:
    """'2.1 points less than from 7 to 14 Nov (97.1% → 95.0%), more than chance'."""
    before = f"{change.before_from:%Y-%m-%d} to {change.now_from:%Y-%m-%d}"
    rates = f"{cells.percent(change.before.value)} → {cells.percent(change.now.value)}"
    if not change.clear:
        return f"no clear change against {before} ({rates})"
    points = f"{abs(change.points) * 100:.1f} points {'more' if change.points > 0 else 'less'}"
    return f"{points} than {before} ({rates}), beyond chance"


def facts(finding: Finding) -> str:
    """Since when, until when, and how many messages it cost; as far as known."""
    lost = finding.messages_lost
    parts = [
        f"since {cells.moment(finding.since)}" if finding.since else "",
        f"until {cells.moment(finding.until)}" if finding.until else "",
        f"{cells.counted(lost, 'message')} lost" if lost else "",
    ]
    return ", ".join(filter(None, parts))


def command(finding: Finding) -> str | None:
    """What lists the messages meant, to be copied into a shell; None where there are none."""
    if not finding.where:
        return None
    return f"python -m reconcile messages --where {shlex.quote(finding.where)}"
