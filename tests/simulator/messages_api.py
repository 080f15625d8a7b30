"""Plivo's HTTP API of messages: sending, the log page by page, one row."""

import json
import time
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import bottle

from tests.simulator import page_faults
from tests.simulator.answers import Answers, parameters
from tests.simulator.log_rows import log_row
from tests.simulator.message_log import LogEntry, log_state_at
from tests.simulator.messages import LogState, Order
from tests.simulator.paging import RETENTION, BadFilterError, next_query, parse_request
from tests.simulator.simulation import Simulation


class MessagesApi:
    """The handlers behind /Message/."""

    def __init__(self, simulation: Simulation, answers: Answers) -> None:
        self._simulation = simulation
        self._answers = answers
        self._chance = Random(f"{simulation.settings.seed}/pages")
        self._zone = ZoneInfo(simulation.settings.account.time_zone)

    def send(self, auth_id: str) -> Any:
        """202, one UUID for each destination that is a number."""
        wanted = parameters()
        destinations = [dst for dst in str(wanted.get("dst") or "").split("<") if dst]
        src, powerpack = wanted.get("src"), wanted.get("powerpack_uuid")
        if not destinations or not wanted.get("text"):
            return self._answers.error(400, "dst and text are required")
        if bool(src) == bool(powerpack):
            return self._answers.error(400, "Specify either powerpack_uuid or src")
        url = wanted.get("url") or None
        if url is not None and not str(url).startswith(("http://", "https://")):
            return self._answers.error(400, "url should be an http or https URL")
        valid = [dst for dst in destinations if is_phone_number(dst)]
        if not valid:
            return self._answers.error(400, "no valid destination number")
        uuids = [
            self._simulation.send(
                Order(
                    dst=dst,
                    text=str(wanted["text"]),
                    src=src,
                    powerpack=powerpack,
                    log=str(wanted.get("log") or "true").lower(),
                    subaccount=auth_id if auth_id.startswith("SA") else None,
                    requester_ip=bottle.request.environ.get("REMOTE_ADDR") or "127.0.0.1",
                ),
                url,
                wanted.get("method") or "POST",
            )
            for dst in valid
        ]
        answer: dict[str, Any] = {"message": "message(s) queued", "message_uuid": uuids}
        invalid = [dst for dst in destinations if dst not in valid]
        if invalid:
            answer["invalid_number"] = invalid
        return self._answers.answer(202, answer)

    def list_rows(self, auth_id: str) -> Any:
        """A page of the log; the quota is counted before anything can go wrong."""
        simulation, faults = self._simulation, self._simulation.settings.faults
        granted = simulation.take_list_request()
        with simulation.lock:
            refused = not granted or self._chance.random() < faults.page_429
            broken = self._chance.random() < faults.page_error
            simulation.counts.list_requests_refused += refused
            simulation.counts.list_requests_answered += not refused
        if faults.slow_page:
            time.sleep(faults.slow_page)
        if refused:
            wait = simulation.settings.retry_after
            headers = {} if wait is None else {"Retry-After": str(wait)}
            return self._answers.error(429, "too many requests", headers)
        query = {name: bottle.request.query.getunicode(name) for name in bottle.request.query}
        if auth_id.startswith("SA"):
            query["subaccount"] = auth_id
        try:
            page = self._page(auth_id, query)
        except BadFilterError as error:
            return self._answers.error(400, str(error))
        if broken:
            with simulation.lock:
                status, kind, body = page_faults.broken(self._chance, json.dumps(page))
            return bottle.HTTPResponse(body, status, {"Content-Type": kind})
        return self._answers.answer(200, page)

    def get_row(self, auth_id: str, message_uuid: str) -> Any:
        """One row, as the list would show it; outside the list's quota."""
        simulation = self._simulation
        with simulation.lock:
            now = simulation.now
            entry = simulation.find(message_uuid)
            state = log_state_at(entry.part, now) if entry else None
            if entry is None or state is None or entry.message.message_time < now - RETENTION:
                return self._answers.error(404, "not found")
            if auth_id.startswith("SA") and entry.message.auth_id != auth_id:
                return self._answers.error(404, "not found")
            return self._answers.answer(200, self._row(entry, state))

    def _page(self, auth_id: str, query: dict[str, str]) -> dict[str, Any]:
        simulation, settings = self._simulation, self._simulation.settings
        with simulation.lock:
            now = simulation.now
            request = parse_request(query, now, settings.paging)
            page = simulation.page(request)
            rows = [self._row(entry, state) for entry, state in page.rows]
        path = f"/v1/Account/{auth_id}/Message/"
        full = len(rows) == request.limit and settings.full_page_has_next
        following = previous = None
        if page.more or full:
            query_text = next_query(
                query, request, page, settings.paging, keep=settings.next_keeps_filters
            )
            following = f"{path}?{query_text}"
        if settings.paging == "offset" and request.offset:
            back = max(0, request.offset - request.limit)
            previous = f"{path}?limit={request.limit}&offset={back}"
        meta = {"limit": request.limit, "next": following, "previous": previous}
        if settings.paging == "offset":
            meta["offset"] = request.offset
        return {"meta": meta, "objects": rows}

    def _row(self, entry: LogEntry, state: LogState) -> dict[str, Any]:
        settings = self._simulation.settings
        return log_row(
            entry.message,
            entry.part,
            state,
            self._zone,
            with_mcc=settings.rows_have_mcc,
            with_parent=settings.legacy_rows_name_parent,
        )


def is_phone_number(written: str) -> bool:
    """E.164 with or without the plus."""
    digits = written.removeprefix("+")
    return digits.isascii() and digits.isdigit() and 7 <= len(digits) <= 15
