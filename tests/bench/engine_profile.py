"""[I/O] What the engine did for a piece of work, statement by statement, by its own account.

Stands in for `duckdb.connect` while the work is done, so that the code measured stays as it is.
"""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Self
from unittest.mock import patch

import duckdb

from receiver import day_files

_NAMES = re.compile(
    r"^\s*(?:create (?:or replace )?(?:temp )?(?:table|view|macro)|insert into|copy) +([\w.]+)",
    re.IGNORECASE,
)
_SHORTEST = 0.005  # seconds; what is faster is not worth a line


@dataclass(slots=True)
class Step:
    """All statements of one name, or all calls; `operators` in seconds over all threads."""

    name: str
    times: int = 0
    seconds: float = 0.0
    operators: dict[str, float] = field(default_factory=dict)

    def took(self, seconds: float, operators: Mapping[str, float]) -> None:
        self.times += 1
        self.seconds += seconds
        for kind, share in operators.items():
            self.operators[kind] = self.operators.get(kind, 0.0) + share


class Account:
    """Steps in the order of their first time."""

    def __init__(self) -> None:
        self.steps: dict[str, Step] = {}

    def took(self, name: str, seconds: float, operators: Mapping[str, float]) -> None:
        self.steps.setdefault(name, Step(name)).took(seconds, operators)


@contextmanager
def watched() -> Iterator[Account]:
    """All that the sessions opened in the body carry out, and the checking and writing of files."""
    account = Account()
    connect = duckdb.connect
    with ExitStack() as stack:
        for module, name, stand_in in (
            (duckdb, "connect", lambda *a, **named: _Session(connect(*a, **named), account)),
            (day_files, "verify", _called("checking files", day_files.verify, account)),
            (day_files, "write", _called("writing files", day_files.write, account)),
        ):
            stack.enter_context(patch.object(module, name, stand_in))
        yield account


def _called(what: str, work: Callable[..., Any], account: Account) -> Callable[..., Any]:
    def timed(*given: Any, **named: Any) -> Any:
        began_at = time.monotonic()
        answer = work(*given, **named)
        account.took(what, time.monotonic() - began_at, {})
        return answer

    return timed


class _Session:
    """A session that keeps account; an answer is waited for where it is asked."""

    def __init__(self, session: duckdb.DuckDBPyConnection, account: Account) -> None:
        self._session = session
        self._account = account
        session.execute("pragma enable_profiling = 'no_output'")

    def __enter__(self) -> Self:
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
            self._account.took(_name(text), seconds, _operators(said))
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


def _operators(said: dict[str, Any]) -> dict[str, float]:
    """Seconds by kind of operator."""
    times: dict[str, float] = {}

    def add(operator: dict[str, Any]) -> None:
        kind = str(operator.get("type", "?"))
        times[kind] = times.get(kind, 0.0) + float(operator.get("timing", 0.0))
        for child in operator.get("children", ()):
            add(child)

    for operator in said.get("operator", ()):
        add(operator)
    return times
