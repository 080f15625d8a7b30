"""[pure] Bars made of block signs: a course of shares as one line, a number as a length."""

from collections.abc import Iterable, Sequence

_BARS = "▁▂▃▄▅▆▇█"
_WIDTH = 24  # of the longest bar

Scale = tuple[float, float]


def scale(courses: Iterable[Sequence[float | None]]) -> Scale | None:
    """From the lowest to the highest of all lines that stand together; None without any value."""
    values = [value for course in courses for value in course if value is not None]
    return (min(values), max(values)) if values else None


def sparkline(course: Sequence[float | None], among: Scale) -> str:
    """A bar for each value, a blank for none; the tallest is the highest of the scale."""
    low, high = among
    step = (high - low) / len(_BARS) or 1
    return "".join(
        " " if value is None else _BARS[min(int((value - low) / step), len(_BARS) - 1)]
        for value in course
    )


def bar(number: int, most: int) -> str:
    """As long as the number is large; whatever is there shows."""
    return "█" * max(round(_WIDTH * number / most), 1) if number else ""
