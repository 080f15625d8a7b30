"""[I/O] What the engine did for a piece of work, statement by statement, by its own account.

Stands in for `duckdb.connect` while the work is done, so that the code measured stays as it is.
"""

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb

_NAMES = re.compile(
    r"^\s*(?:create (?:or replace )?(?:temp )?(?:table|view|macro)|insert into|copy) +([\w.]+)", re.I
)
_SHORTEST = 0.005  # seconds; what is faster is not worth a line


@dataclass(frozen=True, slots=True)
class Statement:
    """One that took a while; `operators` are the engine's own, seconds over all its threads."""

    name: str
    seconds: float
    operators: tuple[tuple[str, float], ...]


@contextmanager
def watched() -> Iterator[list[Statement]]:
    """All that the sessions opened in the body carry out."""
    statements: list[Statement] = []
    connect = duckdb.connect
    duckdb.connect = lambda *given, **named: _Session(connect(*given, **named), statements)  # type: ignore[assignment,return-value]
    try:
        yield statements
    finally:
        duckdb.connect = connect


class _Session:
    """A session that keeps account; an answer is waited for where it is asked."""

    def __init__(
        self, session: duckdb.DuckDBPyConnection, statements: list[Statement], text: str = ""
    ) -> None:
        self._session = session
        self._statements = statements
        session.execute("pragma enable_profiling = 'no_output'")

    def __enter__(self) -> "_Session":
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def execute(self, text: str, *given: Any, **named: Any) -> Any:
        return self._timed(text, lambda: self._session.execute(text, *given, **named))

    def sql(self, text: str, *given: Any, **named: Any) -> Any:
        return _Answer(self._session.sql(text, *given, **named), lambda run: self._timed(text, run))

    def _timed(self, text: str, run: Callable[[], Any]) -> Any:
        began_at = time.monotonic()
        answer = run()
        seconds = time.monotonic() - began_at
        if seconds >= _SHORTEST:
            said = json.loads(self._session.get_profiling_information(format="json"))
            self._statements.append(Statement(_name(text), seconds, _operators(said)))
        return answer


class _Answer:
    """Work that the engine puts off until its rows are asked for."""

    def __init__(self, relation: Any, timed: Callable[[Callable[[], Any]], Any]) -> None:
        self._relation = relation
        self._timed = timed

    def __getattr__(self, name: str) -> Any:
        asked = getattr(self._relation, name)
        if not callable(asked):
            return asked
        return lambda *given, **named: self._timed(lambda: asked(*given, **named))


def _name(text: str) -> str:
    found = _NAMES.match(text)
    return found[1] if found else " ".join(text.split())[:60]


def _operators(said: dict[str, Any]) -> tuple[tuple[str, float], ...]:
    """Those that took longest, alike ones together."""
    times: dict[str, float] = {}

    def add(operator: dict[str, Any]) -> None:
        kind = str(operator.get("type", "?"))
        times[kind] = times.get(kind, 0.0) + float(operator.get("timing", 0.0))
        for child in operator.get("children", ()):
            add(child)

    for operator in said.get("operator", ()):
        add(operator)
    longest = sorted(times.items(), key=lambda pair: -pair[1])
    return tuple(pair for pair in longest if pair[1] >= _SHORTEST)[:4]
