"""[pure] An explanation as JSON: all that the table shows, and the texts as they were received."""

import json
from collections.abc import Mapping
from typing import Any

from reconcile.explaining.explain import Explanation
from reconcile.rendering.flat import plain


def as_json(told: Explanation) -> str:
    """Times ISO-8601 UTC, money as strings; what is not known is null, never left out."""
    document = {
        "message": told.message,
        "parts": told.parts,
        "unplaced_reports": told.unplaced_reports,
        "linked_messages": told.linked_messages,
        "as_of": told.as_of,
        "horizon_hours": told.horizon_hours,
    }
    return json.dumps(_plain(document), indent=2, ensure_ascii=False) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return plain(value)
