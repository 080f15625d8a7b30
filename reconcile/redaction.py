"""[I/O] `--redact`: people's numbers become names that say nothing and stay the same.

A keyed hash of the digits, so that rows of one number still group and compare, within this data
folder; its key lies in `state/redaction_key`, and whoever lacks it cannot try numbers out. Names
and short codes of senders are nobody's number and stay.
"""

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from receiver import day_files
from reconcile.conditions import Condition
from reconcile.explaining.explain import Explanation

COLUMNS = ("from_number", "to_number")
_SHORTEST = 7  # digits; less is a short code
_SHOWN = 10  # hexadecimal digits


@dataclass(frozen=True, slots=True)
class Redaction:
    """How numbers are hidden in this data folder."""

    key: str

    def number(self, text: str) -> str:
        """The number hidden; whatever is none stays as it is."""
        digits = re.sub("[^0-9]", "", text)
        if re.fullmatch(r"[0-9+(). -]+", text) and len(digits) >= _SHORTEST:
            return "n-" + hashlib.sha256((self.key + digits).encode()).hexdigest()[:_SHOWN]
        return text

    def in_sql(self) -> dict[str, str]:
        """The same of the columns of messages, as expressions of the engine."""
        digits = "translate({}, '+(). -', '')"
        return {
            column: f"case when regexp_like({column}, '^[0-9+(). -]+\\z') "
            f"and length({digits.format(column)}) >= {_SHORTEST} "
            f"then concat('n-', substr(sha2(concat('{self.key}', {digits.format(column)}), 256), "
            f"1, {_SHOWN})) else {column} end"
            for column in COLUMNS
        }

    def condition(self, condition: Condition) -> Condition:
        """The same condition, shown without the number that it asks for."""
        if condition.name not in COLUMNS or condition.value is None:
            return condition
        return replace(condition, shown=self.number(condition.value))

    def story(self, told: Explanation) -> Explanation:
        """One message's story; its numbers are hidden in raw texts, too."""
        numbers = {
            re.sub("[^0-9]", "", str(row[column]))
            for row in _rows(told)
            for column in COLUMNS
            if row.get(column) and self.number(str(row[column])) != row[column]
        }

        def hidden(value: Any) -> Any:
            if isinstance(value, Mapping):
                return {name: hidden(inner) for name, inner in value.items()}
            if isinstance(value, list):
                return [hidden(inner) for inner in value]
            if isinstance(value, str):
                for number in sorted(numbers, key=len, reverse=True):
                    value = re.sub(rf"\+?{number}", self.number(number), value)
            return value

        return replace(
            told,
            message=hidden(told.message),
            parts=hidden(told.parts),
            unplaced_reports=hidden(told.unplaced_reports),
        )


def of(data_dir: Path) -> Redaction:
    """That of this folder; its key is made when it is first needed. Raises OSError."""
    path = data_dir / "state" / "redaction_key"
    try:
        known = path.read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        known = ""
    if not re.fullmatch("[0-9a-f]{64}", known):
        known = secrets.token_hex(32)
        day_files.make_folder(path.parent)
        day_files.write_bytes(path, known.encode())
    return Redaction(known)


def _rows(told: Explanation) -> list[Mapping[str, Any]]:
    parts = [row for part in told.parts for row in (*part["reports"], *part["log_rows"])]
    return [told.message, *told.parts, *parts, *told.unplaced_reports]
