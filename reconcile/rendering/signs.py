"""[pure] Signs that an old terminal's encoding lacks, as ASCII of the same width.

Tables stay in line wherever they are read; letters of names become escapes, which lose nothing.
"""

ERRORS = "reconcile.lookalikes"  # the name under which streams know it

_LOOKALIKES = str.maketrans(
    {
        "–": "-", "−": "-", "─": "-", "━": "-", "·": "|", "×": "x", "÷": "/", "±": "~", "…": "~",
        "→": ">", "▼": "v", "▲": "^", "’": "'", "“": '"', "”": '"', "\u00a0": " ",
        "▁": "_", "▂": ".", "▃": "-", "▄": "=", "▅": "+", "▆": "*", "▇": "%", "█": "#",
    }
)  # fmt: skip


def lookalikes(problem: UnicodeError) -> tuple[str, int]:
    """For `codecs.register_error`: what to write instead, and where to go on."""
    if not isinstance(problem, UnicodeEncodeError):
        raise problem
    shown = problem.object[problem.start : problem.end].translate(_LOOKALIKES)
    return shown.encode("ascii", "backslashreplace").decode("ascii"), problem.end
