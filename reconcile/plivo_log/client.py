"""[I/O] One page of the message log, or one message, in spite of what may go wrong on the way.

Every request, each retry included, first takes from the budget and the quota. What comes back is a
whole page or one of the errors; a broken page is never the end of the log.
"""

import logging
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from threading import Semaphore
from typing import Any, Self, TypeVar

import requests
import stamina

from receiver.account.sdk import (
    HTTP_SECONDS,
    Answer,
    NoAnswerError,
    Params,
    Sdk,
    retry_seconds,
)
from receiver.config import Settings
from reconcile.plivo_log.budget import Budget
from reconcile.plivo_log.coverage import Span
from reconcile.plivo_log.errors import BadRequest, QuotaExhausted, Refused, Unavailable
from reconcile.plivo_log.log_row import LogRow
from reconcile.plivo_log.page import (
    PAGE_ROWS,
    START,
    BrokenPage,
    Page,
    Position,
    read_page,
    read_single,
    said_by_plivo,
)
from reconcile.plivo_log.quota import Quota, shared

RETRY_SECONDS = 50.0  # no retry begins later ...
_LAST_ANSWER_SECONDS = 10.0  # ... and its answer comes within the minute
QUOTA_PATIENCE = 300.0
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0  # after a 429 without Retry-After

_UUID = re.compile(r"[0-9A-Za-z-]{1,64}")
_PASSING = (408, 425)  # worth a retry, as every 5xx and whatever is no error but no page either
_CODES = requests.codes

log = logging.getLogger("reconcile")
# stamina logs each retry; without a handler Python would print that to stderr, from cron too.
logging.getLogger("stamina").addHandler(logging.NullHandler())

T = TypeVar("T")


class _PassingError(Exception):
    """A failure that may be over soon."""

    def __init__(self, what: str, retry_after: float | None = None) -> None:
        super().__init__(what)
        self.retry_after = retry_after


class _TooManyRequestsError(Exception):
    def __init__(self, retry_after: float | None) -> None:
        super().__init__()
        self.retry_after = retry_after


class LogClient:
    """Not for several threads: the SDK's client is not. Each has `another` of its own."""

    def __init__(
        self, settings: Settings, quota: Quota, first_retry: Semaphore | None = None
    ) -> None:
        """`first_retry` is taken by the client that tells of it. Raises SettingError."""
        self.quota = quota
        self._settings = settings
        self._first_retry = first_retry or Semaphore(1)
        self._api_url = settings.plivo_api_url
        self._sdk = Sdk(settings)
        self.account = self._sdk.account

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._sdk.close()

    def another(self) -> Self:
        """For another thread; they share the quota, and one of them tells of the first retry."""
        return type(self)(self._settings, self.quota, self._first_retry)

    def page(
        self,
        span: Span,
        position: Position = START,
        *,
        filters: Mapping[str, str] | None = None,
        budget: Budget | None = None,
    ) -> Page:
        """`filters` are parameters of Plivo. Raises PlivoLogError, budget.BudgetSpent."""
        # Whether next repeats our filters is not documented, so they are sent with every page.
        params: Params = {
            "message_time__gte": _filter_time(span.from_at),
            "message_time__lt": _filter_time(span.until_at),
            "limit": PAGE_ROWS,
            **(filters or {}),
        }
        if position.cursor is not None:
            params["cursor"] = position.cursor
        elif position.offset is not None:
            params["offset"] = position.offset

        page = self._ask(
            ("Message",), params, lambda text: read_page(text, position), budget or Budget()
        )
        if page is None:
            raise BadRequest(
                f"{self._api_url} knows no message log for this account (404). Check PLIVO_API_URL "
                "and PLIVO_AUTH_ID."
            )
        return page

    def message(self, message_uuid: str, *, budget: Budget | None = None) -> LogRow | None:
        """None where Plivo does not know it (any more)."""
        if not _UUID.fullmatch(message_uuid):
            return None  # it would become part of the path
        return self._ask(("Message", message_uuid), {}, read_single, budget or Budget())

    def _ask(
        self, path: tuple[str, ...], params: Params, read: Callable[[str], T], budget: Budget
    ) -> T | None:
        """What `read` makes of the answer, None for a 404; waits as long as Plivo says 429."""
        refused_since: float | None = None
        pause = _FIRST_PAUSE
        while True:
            try:
                return self._retrying(path, params, read, budget)
            except _TooManyRequestsError as refusal:
                now = self.quota.clock()
                refused_since = now if refused_since is None else refused_since
                wait = pause if refusal.retry_after is None else refusal.retry_after
                self.quota.back_off(min(wait, QUOTA_PATIENCE))
                if now + wait > refused_since + QUOTA_PATIENCE:
                    raise QuotaExhausted(
                        "Plivo refuses more requests for now (429, too many requests). What was "
                        "read is kept; run the same command again later. If it lasts, lower "
                        "LOG_REQUESTS_PER_MINUTE."
                    ) from refusal
                pause = min(2 * pause, _LONGEST_PAUSE)

    def _retrying(
        self, path: tuple[str, ...], params: Params, read: Callable[[str], T], budget: Budget
    ) -> T | None:
        self._admit(budget)  # before the clock of the retries starts: it may take a minute
        began_at = time.monotonic()
        try:
            for attempt in stamina.retry_context(
                on=lambda error: self._pause(error, time.monotonic() - began_at),
                attempts=None,
                timeout=RETRY_SECONDS,
                wait_initial=0.5,
            ):
                with attempt:
                    if attempt.num > 1:
                        self._admit(budget)
                    left = RETRY_SECONDS + _LAST_ANSWER_SECONDS - (time.monotonic() - began_at)
                    seconds = min(HTTP_SECONDS, max(1.0, left))
                    return self._judge(self._get(path, params, seconds), read)
        except _PassingError as failure:
            raise Unavailable(
                f"{self._api_url} did not give a whole answer in spite of retries: {failure}. "
                "What was read is kept; try again later."
            ) from failure
        raise AssertionError("stamina ends with a result or an exception")

    def _pause(self, error: Exception, elapsed: float) -> bool | float:
        """As `pause_before_retry`; the first is told of, since it would be a silent minute."""
        pause = pause_before_retry(error, elapsed)
        if pause is not False and self._first_retry.acquire(blocking=False):
            log.warning(
                "no whole answer from %s (%s); trying again, for up to %.0f seconds a request",
                self._api_url, error, RETRY_SECONDS + _LAST_ANSWER_SECONDS,
            )  # fmt: skip
        return pause

    def _admit(self, budget: Budget) -> None:
        with self.quota.turn:  # what the budget is told of the delay holds until it was waited for
            budget.spend(self.quota.delay())
            self.quota.take()

    def _judge(self, answer: Answer, read: Callable[[str], T]) -> T | None:
        status = answer.status
        if status == _CODES.ok:
            try:
                return read(answer.text)
            except BrokenPage as broken:
                raise _PassingError(f"broken answer, {broken}") from broken
        if status == _CODES.not_found:
            return None
        retry_after = retry_seconds(answer.retry_after, self.quota.clock())
        if status == _CODES.too_many_requests:
            raise _TooManyRequestsError(retry_after)
        if status >= _CODES.server_error or status < _CODES.bad_request or status in _PASSING:
            raise _PassingError(f"status {status}", retry_after)
        said = said_by_plivo(answer.text) or "no reason given"
        if status in (_CODES.unauthorized, _CODES.forbidden):
            raise Refused(
                f"Plivo refused the credentials ({status}: {said}). Check PLIVO_AUTH_ID and "
                "PLIVO_AUTH_TOKEN against the console, and whether this address may use the API."
            )
        raise BadRequest(f"Plivo refused the request ({status}: {said}).")

    def _get(self, path: tuple[str, ...], params: Params, seconds: float) -> Answer:
        try:
            return self._sdk.get(path, params, seconds=seconds)
        except NoAnswerError as failure:
            raise _PassingError(f"no answer ({failure})") from failure


def connect(settings: Settings, **clocks: Any) -> LogClient:
    """A client that shares its quota with everyone on the data folder. Raises SettingError."""
    return LogClient(
        settings, shared(settings.data_dir, settings.log_requests_per_minute, **clocks)
    )


def pause_before_retry(error: Exception, elapsed: float) -> bool | float:
    """The hook of stamina: whether to try again, or after how many seconds if the server says."""
    if not isinstance(error, _PassingError):
        return False
    if error.retry_after is None:
        return True
    return error.retry_after if elapsed + error.retry_after < RETRY_SECONDS else False


def _filter_time(at: datetime) -> str:
    """Plivo's filters are in UTC and take no suffix, whatever zone its answers are in."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
