"""Pure: what the faults do to the life of a part: its steps, its log row, its reports' posts."""

from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

from tests.simulator.faults import Faults
from tests.simulator.lives import Life, Step
from tests.simulator.messages import Fate, LogState
from tests.simulator.times import seconds

_UNDOCUMENTED_WORDS = ("accepted", "buffered", "enroute")


def bend_course(mishaps: Random, steps: list[Step], faults: Faults) -> tuple[list[Step], list[str]]:
    """The faults that change what happens, and with it what is reported and logged."""
    no_receipt, change, unknown = mishaps.random(), mishaps.random(), mishaps.random()
    receipted = steps[-1].word in ("delivered", "undelivered")
    suffered = []
    if receipted and no_receipt < faults.no_receipt:
        suffered.append("no_receipt")
        steps = steps[:-1]
    elif receipted and change < faults.final_change:
        suffered.append("final_change")
        changed_at = steps[-1].at + seconds(mishaps.uniform(30, 3600))
        steps = [*steps, _opposite(mishaps, steps[-1], changed_at)]
    if unknown < faults.unknown_word:
        suffered.append("unknown_word")
        steps = _with_unknown_word(mishaps, steps)
    return steps, suffered


def _with_unknown_word(mishaps: Random, steps: list[Step]) -> list[Step]:
    """Between the last state that is not final and what follows it."""
    before = max(number for number, step in enumerate(steps) if not step.final)
    if before + 1 < len(steps):
        at = steps[before].at + (steps[before + 1].at - steps[before].at) / 2
    else:
        at = steps[before].at + seconds(9)
    word = mishaps.choice(_UNDOCUMENTED_WORDS)
    return [*steps[: before + 1], Step(word, at, known_to_log=False), *steps[before + 1 :]]


def part_ways(mishaps: Random, life: Life, faults: Faults, *, clocked: bool) -> None:
    """The faults by which log and reports disagree; `clocked`: the reports carry their times."""
    behind, conflict, early = mishaps.random(), mishaps.random(), mishaps.random()
    if not life.receipted or "final_change" in life.faults:
        return
    if behind < faults.log_behind:
        life.faults.append("log_behind")
        life.log.pop()
    elif conflict < faults.status_conflict:
        # Whichever side is later tells the truth; without times nobody could see that
        # the report is, so then it never is.
        if clocked and early < 0.5:
            _log_spoke_earlier(mishaps, life)
        else:
            _log_speaks_later(mishaps, life)


def _log_spoke_earlier(mishaps: Random, life: Life) -> None:
    life.faults.append("status_conflict_log_earlier")
    sent_at, said = life.log[-2].at, life.log[-1]
    at = sent_at + (life.steps[-1].at - sent_at) * mishaps.uniform(0.2, 0.8)
    life.log[-1] = _otherwise(said, _opposite(mishaps, life.steps[-1], at))


def _log_speaks_later(mishaps: Random, life: Life) -> None:
    life.faults.append("status_conflict_log_later")
    said = life.log[-1]
    other = _opposite(mishaps, life.steps[-1], said.at + seconds(mishaps.uniform(30, 3600)))
    life.log.append(_otherwise(said, other))
    life.fates.append(Fate(other.at, other.word, other.error_code))


def _otherwise(said: LogState, other: Step) -> LogState:
    code = "000" if other.word == "delivered" else other.error_code
    return replace(said, at=other.at, word=other.word, error_code=code)


def _opposite(mishaps: Random, step: Step, at: datetime) -> Step:
    if step.word == "delivered":
        return Step("undelivered", at, mishaps.choice(("80", "30", None)), final=True)
    return Step("delivered", at, None, final=True)


def shuffle_posts(
    mishaps: Random, faults: Faults, times: list[datetime]
) -> tuple[list[datetime], list[list[str]]]:
    """When each report of a part is posted after all, and what it suffered."""
    suffered: list[list[str]] = [[] for _ in times]
    times = list(times)
    for number in range(len(times)):
        late, swapped = mishaps.random(), mishaps.random()
        hours, other = mishaps.uniform(1, 48), mishaps.random()
        if late < faults.late:
            suffered[number].append("late")
            times[number] += timedelta(hours=hours)
        elif swapped < faults.reordered and number + 1 < len(times):
            # A report cannot be posted before it exists: the earlier of the two waits.
            later = number + 1 + int(other * (len(times) - number - 1))
            suffered[number].append("reordered")
            times[number] = times[later] + seconds(1 + other * 4)
    return times, suffered
