"""Pure: into how many billed units a text is split."""

_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_EXTENSION = frozenset("\f^{}\\[~]|€")
_GSM_ALL = _GSM | _GSM_EXTENSION

LONGEST_GSM = 1600
LONGEST_UCS2 = 737


def _septets(text: str) -> int:
    return len(text) + sum(character in _GSM_EXTENSION for character in text)


def _code_units(text: str) -> int:
    return len(text.encode("utf-16-be", "surrogatepass")) // 2


def units_of(text: str) -> int:
    """One non-GSM character turns the whole text into UCS-2."""
    if _GSM_ALL.issuperset(text):
        length, single, joined = _septets(text), 160, 153
    else:
        length, single, joined = _code_units(text), 70, 67
    return 1 if length <= single else -(-length // joined)


def too_long(text: str) -> bool:
    """Beyond what Plivo accepts: error 110."""
    if _GSM_ALL.issuperset(text):
        return _septets(text) > LONGEST_GSM
    return _code_units(text) > LONGEST_UCS2
