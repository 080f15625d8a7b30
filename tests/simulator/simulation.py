"""The world: a virtual clock, a heap of things to come, and everything that was ever sent."""

import heapq
import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from tests.simulator.account_book import AccountBook
from tests.simulator.callbacks import Callback, callback_of
from tests.simulator.inbound import arrive, judge
from tests.simulator.message_log import LogEntry, MessageLog
from tests.simulator.messages import Message, Order, Part, Report, quiet_at
from tests.simulator.outbound import accept
from tests.simulator.paging import Page, PageRequest, read_page
from tests.simulator.posting import Deliver, HttpPoster
from tests.simulator.quota import Quota
from tests.simulator.settings import Settings
from tests.simulator.times import iso, seconds
from tests.simulator.truth import MessageTruth, truth_of

# After the first post and after each failed one; then Plivo gives up.
RETRY_SECONDS = (60, 120, 240)


@dataclass(frozen=True, slots=True)
class Posting:
    """A report's post that is due; `message.index` tells whose order it must keep."""

    due_at: datetime
    attempt: int
    message: Message
    part: Part
    report: Report


@dataclass(slots=True)
class Counts:
    """Running totals; a report is acked at its first 200, failed when Plivo gives it up."""

    messages: int = 0
    reports_posted: int = 0
    reports_acked: int = 0
    reports_failed: int = 0
    list_requests_answered: int = 0
    list_requests_refused: int = 0


class Simulation:
    """Safe between threads; `clock`, if one is attached, says how late it is between events."""

    def __init__(self, settings: Settings | None = None, deliver: Deliver | None = None) -> None:
        self.settings = settings or Settings()
        self.deliver: Deliver = deliver or HttpPoster()
        self.book = AccountBook(
            self.settings.account.main.auth_id, updates_reset=self.settings.updates_reset
        )
        self.log = MessageLog()
        self.counts = Counts()
        self.lock = threading.RLock()
        self.clock: Callable[[], datetime] | None = None
        self._sent: list[Message] = []
        self.messages: Sequence[Message] = self._sent
        self._now = self.settings.start
        self._quiet_at = self._now
        self._heap: list[tuple[datetime, int, Posting | Callable[[], None]]] = []
        self._tickets = itertools.count()
        self._quota = Quota()

    def send(self, order: Order, url: str | None = None, method: str = "POST") -> str:
        """Accepts an outbound message, at `order.at` or now, and returns its UUID."""
        with self.lock:
            message = accept(
                order,
                at=order.at or self.now,
                index=len(self.messages),
                settings=self.settings,
                url=url,
                method=method,
            )
            self._admit(message)
            return message.message_uuid

    def receive(self, order: Order, message_url: str | None = None, method: str = "POST") -> str:
        """A phone (`src`) writes to one of our numbers (`dst`); returns the message's UUID."""
        with self.lock:
            found = self.book.message_url_of(order.dst)
            if message_url is None and found is not None:
                message_url, method = found
            message = arrive(
                order,
                at=order.at or self.now,
                index=len(self.messages),
                settings=self.settings,
                url=message_url,
                method=method.upper(),
            )
            self._admit(message)
            return message.message_uuid

    def generate(
        self, orders: Iterable[Order], url: str | None = None, method: str = "POST"
    ) -> None:
        """Sends each order when its time comes; `orders` must be sorted by `at`, and are lazy."""
        self._schedule_next(iter(orders), lambda order: self.send(order, url, method))

    def generate_inbound(
        self, orders: Iterable[Order], message_url: str | None = None, method: str = "POST"
    ) -> None:
        """As `generate`, for messages from phones."""
        self._schedule_next(iter(orders), lambda order: self.receive(order, message_url, method))

    @property
    def now(self) -> datetime:
        """The virtual time, UTC; never goes back."""
        with self.lock:
            if self.clock is not None:
                self._now = max(self._now, self.clock())
            return self._now

    def advance(self, until: datetime) -> None:
        """Lets everything up to `until` happen, in order, each post answered before the next."""
        while (posting := self.next_posting(until)) is not None:
            self.answered(posting, self.post(posting))
        with self.lock:
            self._now = max(self._now, until)

    def settle(self) -> None:
        """Lets everything happen that is still to come, and stops when nothing changes any more."""
        while (posting := self.next_posting(None)) is not None:
            self.answered(posting, self.post(posting))
        self.skip_to_quiet()

    def skip_to_quiet(self) -> datetime:
        """Moves on to the last change of any log row, and returns that moment."""
        with self.lock:
            self._now = max(self._now, self._quiet_at)
            return self._now

    def next_posting(self, until: datetime | None) -> Posting | None:
        """Takes the next post that is due by `until`; what else is due on the way happens."""
        with self.lock:
            while self._heap and (until is None or self._heap[0][0] <= until):
                at, _, event = heapq.heappop(self._heap)
                self._now = max(self._now, at)
                if isinstance(event, Posting):
                    return event
                event()
            return None

    def has_events(self) -> bool:
        """Whether anything is still to come, posts under way left aside."""
        with self.lock:
            return bool(self._heap)

    def callback_of(self, posting: Posting) -> Callback:
        """The request that this post is."""
        account, signatures = self.settings.account, self.settings.signatures
        return callback_of(posting.message, posting.part, posting.report, account, signatures)

    def post(self, posting: Posting) -> int:
        """Delivers it, without holding the lock; 0 if there was no answer."""
        callback = self.callback_of(posting)
        try:
            return self.deliver(callback.url, callback.method, callback.headers, callback.payload)
        except (OSError, TimeoutError):
            return 0

    def answered(self, posting: Posting, status: int) -> None:
        """Writes down what the receiver said, and plans the retry or the copy that follows."""
        with self.lock:
            report = posting.report
            report.posted_at.append(posting.due_at)
            first_ok = status == 200 and 200 not in report.answers
            report.answers.append(status)
            self.counts.reports_posted += 1
            self.counts.reports_acked += first_ok
            if status != 200:
                self._retry(posting)
            elif report.plan.copy_after is not None and not report.copied:
                report.copied = True
                copy = replace(posting, due_at=posting.due_at + report.plan.copy_after, attempt=0)
                self._push(copy.due_at, copy)
            if posting.message.direction == "inbound":
                given_up = posting.attempt >= len(RETRY_SECONDS)
                judge(posting.part, posting.due_at, ok=status == 200, given_up=given_up)
                self._quiet_at = max(self._quiet_at, posting.part.log[-1].at)

    def _retry(self, posting: Posting) -> None:
        if posting.attempt >= len(RETRY_SECONDS):
            self.counts.reports_failed += 200 not in posting.report.answers
            return
        wait = seconds(RETRY_SECONDS[posting.attempt])
        again = replace(posting, due_at=posting.due_at + wait, attempt=posting.attempt + 1)
        self._push(again.due_at, again)

    def page(self, request: PageRequest) -> Page:
        """A page of the log as of now."""
        return read_page(self.log, request, self.now)

    def find(self, message_uuid: str) -> LogEntry | None:
        """The log's row of a part, whether it shows yet or not."""
        return self.log.find(message_uuid)

    def take_list_request(self) -> bool:
        """One request of the log's quota; False when this minute of virtual time has no more."""
        with self.lock:
            return self._quota.take(self.now, self.settings.list_requests_per_minute)

    def truth(self) -> list[MessageTruth]:
        """What really happened up to now, message by message in the order of sending."""
        return list(self.iter_truth())

    def iter_truth(self) -> Iterator[MessageTruth]:
        """As `truth`, holding the lock for one message at a time."""
        for message in itertools.islice(self.messages, len(self.messages)):
            with self.lock:
                told = truth_of(message, self.now)
            yield told

    def status(self) -> dict[str, object]:
        """Where the world stands."""
        with self.lock:
            return {"now": iso(self.now), "events_pending": len(self._heap), **asdict(self.counts)}

    def _admit(self, message: Message) -> None:
        self._sent.append(message)
        self.log.add(message)
        self.counts.messages += 1
        for part in message.parts:
            self._quiet_at = max(self._quiet_at, quiet_at(part))
            for report in part.reports:
                if message.url is not None and report.plan.post_at is not None:
                    posting = Posting(report.plan.post_at, 0, message, part, report)
                    self._push(posting.due_at, posting)

    def _schedule_next(self, orders: Iterator[Order], send: Callable[[Order], str]) -> None:
        order = next(orders, None)
        if order is None:
            return

        def happen() -> None:
            send(order)
            self._schedule_next(orders, send)

        self._push(order.at or self.now, happen)

    def _push(self, at: datetime, event: Posting | Callable[[], None]) -> None:
        with self.lock:
            self._quiet_at = max(self._quiet_at, at)
            heapq.heappush(self._heap, (at, next(self._tickets), event))
