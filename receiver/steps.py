"""[pure] Named points on a report's way to disk. Nothing happens here.

The crash test puts something else in the place of `reached` that kills the process at one of them.
"""


def reached(step: str) -> None:
    """The process is at this step; everything before it has happened."""
