"""[pure] Into how many units a text is split: GSM 03.38 and UCS-2, as the standard splits them.

A short message carries 140 octets: 160 septets or 70 code units. Where a text takes several, each
begins with a header of six octets (3GPP TS 23.040), which leaves 153 or 67, and neither an escape
sequence nor a surrogate pair is torn apart. Plivo's own count is the one that is billed.
"""

from dataclasses import dataclass
from typing import Literal

_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = frozenset("\f^{}\\[~]|€")  # an escape and a septet
_OCTETS = 140
_HEADER_OCTETS = 6
_LONGEST = {"GSM-7": 1600, "UCS-2": 737}  # Plivo's limits, in characters


@dataclass(frozen=True, slots=True)
class TextSize:
    """`length` is in septets or UCS-2 code units; `foreign` made the text UCS-2."""

    alphabet: Literal["GSM-7", "UCS-2"]
    length: int
    units: int
    foreign: tuple[str, ...]
    longest: int
    is_too_long: bool


def measure(text: str) -> TextSize:
    """One character outside GSM 03.38 turns the whole text into UCS-2."""
    foreign = tuple(dict.fromkeys(sign for sign in text if sign not in _GSM | _EXTENSION))
    alphabet: Literal["GSM-7", "UCS-2"] = "UCS-2" if foreign else "GSM-7"
    if foreign:
        widths = [2 if sign > "\uffff" else 1 for sign in text]
        single, joined = _OCTETS // 2, (_OCTETS - _HEADER_OCTETS) // 2
    else:
        widths = [2 if sign in _EXTENSION else 1 for sign in text]
        single, joined = _OCTETS * 8 // 7, (_OCTETS - _HEADER_OCTETS) * 8 // 7
    units = 1 if sum(widths) <= single else _packed(widths, joined)
    longest = _LONGEST[alphabet]
    return TextSize(alphabet, sum(widths), units, foreign, longest, len(text) > longest)


def _packed(widths: list[int], room: int) -> int:
    units, used = 1, 0
    for width in widths:
        if used + width > room:
            units, used = units + 1, 0
        used += width
    return units
