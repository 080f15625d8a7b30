"""[pure] Phone numbers as Plivo writes them, and as they may stand in messages of ours."""

import re

from receiver.config import SettingError

_LONG_NUMBER = re.compile(r"\+?[0-9]{3,}(?=[0-9]{4}(?![0-9]))")


def digits_of(number: str) -> str:
    """As Plivo writes it: +1 (415) 555-0100 is 14155550100. Raises SettingError."""
    digits = re.sub(r"[ ().+-]", "", number)
    if not re.fullmatch(r"[0-9]{3,15}", digits):
        raise SettingError(f"'…{number[-4:]}' is no number; write it whole: +14155550100")
    return digits


def masked(text: str) -> str:
    """Of every phone number in it only the last four digits."""
    return _LONG_NUMBER.sub("…", text)
