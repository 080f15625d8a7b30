"""[pure] What a `doctor` says: one line a check, each with what mends it.

    ok       as it should be
    warning  works, but not for long, or not as well as it could
    broken   reports get lost or numbers are wrong until it is mended

Every check stands alone: one that fails is a line itself, whatever it fails with.
"""

import json
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

Level = Literal["ok", "warning", "broken"]

WIDTH = 80
_LEVEL_WIDTH = 9
_SHORTEST_SECRET = 4  # a shorter one would blacken half of the text, and protects nothing


@dataclass(frozen=True, slots=True)
class Line:
    """`mend` is the command or setting that mends it; empty where all is well."""

    check: str
    level: Level
    said: str
    mend: str = ""


Check = tuple[str, Callable[[], Iterable[Line]]]


def examined(checks: Iterable[Check], *, secrets: Iterable[str] = ()) -> list[Line]:
    """All lines, in the order of the checks, without the secrets that a failure may quote."""
    hidden = [secret for secret in secrets if len(secret) >= _SHORTEST_SECRET]
    lines = []
    for name, look in checks:
        try:
            lines += list(look())
        except Exception as problem:  # noqa: BLE001  whatever is broken, the others are told
            said = f"could not be checked: {str(problem) or type(problem).__name__}"
            lines.append(Line(name, "broken", said, "mend that, and run doctor again"))
    return [_without(hidden, line) for line in lines]


def exit_code(lines: Iterable[Line]) -> int:
    return 1 if any(line.level == "broken" for line in lines) else 0


def as_json(lines: Sequence[Line]) -> str:
    """{"sound": …, "lines": [{"check", "level", "said", "mend"}]}"""
    said = {"sound": exit_code(lines) == 0, "lines": [asdict(line) for line in lines]}
    return json.dumps(said, indent=2, ensure_ascii=False) + "\n"


def as_text(lines: Sequence[Line]) -> str:
    """A table for people, and how many of each level there are."""
    checks = max((len(line.check) for line in lines), default=0) + 2
    written = [row for line in lines for row in _rows(line, checks)]
    counts = [f"{sum(line.level == level for line in lines)} {level}" for level in _LEVELS]
    return "\n".join([*written, "", " · ".join(counts)]) + "\n"


_LEVELS: tuple[Level, ...] = ("ok", "warning", "broken")


def _rows(line: Line, checks: int) -> list[str]:
    """What was said, and under it, behind an arrow, what mends it."""
    margin = " " * (_LEVEL_WIDTH + checks)
    said = _wrapped(line.said, len(margin))
    mend = _wrapped(line.mend, len(margin) + 2) if line.mend else []
    first = f"{line.level:<{_LEVEL_WIDTH}}{line.check:<{checks}}{said[0]}"
    more = [f"{margin}{row}" for row in said[1:]]
    arrows = [f"{margin}{'  ' if place else '→ '}{row}" for place, row in enumerate(mend)]
    return [first, *more, *arrows]


def _wrapped(text: str, margin: int) -> list[str]:
    """Commands and addresses stay whole, so that they can be copied."""
    whole = " ".join(text.split())
    return textwrap.wrap(
        whole, WIDTH - margin, break_long_words=False, break_on_hyphens=False
    ) or [""]  # fmt: skip


def _without(secrets: Iterable[str], line: Line) -> Line:
    said, mend = line.said, line.mend
    for secret in secrets:
        said, mend = said.replace(secret, "***"), mend.replace(secret, "***")
    return Line(line.check, line.level, said, mend)
