"""A stand-in for a receiver: remembers what was posted, answers as told."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl


@dataclass(frozen=True)
class Posted:
    """One request as the receiver got it."""

    url: str
    method: str
    headers: Mapping[str, str]
    payload: str
    answer: int

    @property
    def parameters(self) -> dict[str, str]:
        """Plivo's parameters, empty ones included."""
        return dict(parse_qsl(self.payload, keep_blank_values=True))


class Recorder:
    """A `Deliver`; `answer` is told the request and how many came before it."""

    def __init__(self, answer: Callable[[Mapping[str, str], int], int] | None = None) -> None:
        self.posted: list[Posted] = []
        self._answer = answer or (lambda _parameters, _before: 200)

    def __call__(self, url: str, method: str, headers: Mapping[str, str], payload: str) -> int:
        """Answers and remembers."""
        parameters = dict(parse_qsl(payload, keep_blank_values=True))
        status = self._answer(parameters, len(self.posted))
        self.posted.append(Posted(url, method, headers, payload, status))
        return status

    def of(self, message_uuid: str) -> list[dict[str, str]]:
        """The parameters of each post about this part, in the order of arrival."""
        parameters = [posted.parameters for posted in self.posted]
        return [one for one in parameters if one.get("MessageUUID") == message_uuid]
