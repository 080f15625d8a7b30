"""[pure] CSV as Excel opens it by double click: nothing runs, nothing is mangled.

Apart from `csv`, whose bytes are for programs and never change for Excel's sake:

- a byte order mark, without which Excel reads UTF-8 as something else; CRLF between lines
- text that a spreadsheet would take for a formula begins with an apostrophe, so that a sender
  named `=cmd|…` stays a name (OWASP, CSV injection)
- text that it would take for a number or a date – phone numbers, error codes, MCC 001, MAY24 –
  stands as `="…"`, which keeps zeros, plus signs and the sixteenth digit
- times are UTC without zone and to the second: Excel knows neither zones nor microseconds
"""

import csv
import io
import re
from datetime import datetime
from typing import Any

import pyarrow as pa

from reconcile.rendering import flat

_BYTE_ORDER_MARK = "\ufeff"
_SHORT = r"[A-Za-z0-9 .,:/+-]{1,20}"
_LIKE_A_NUMBER = re.compile(rf"(?=.*[0-9])(?:{_SHORT}|[0-9+-]+)|true|false", re.IGNORECASE)
_FORMULA_SIGNS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")


def as_csv(table: pa.Table) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(table.column_names)
    writer.writerows([_cell(value) for value in row.values()] for row in table.to_pylist())
    return (_BYTE_ORDER_MARK + out.getvalue()).encode()


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return _text(value) if isinstance(value, str) else flat.plain(value)


def _text(text: str) -> str:
    if _LIKE_A_NUMBER.fullmatch(text):
        return f'="{text}"'
    if text.lstrip().startswith(_FORMULA_SIGNS) or text[:1] in ("\t", "\r", "\n"):
        return f"'{text}"
    return text
