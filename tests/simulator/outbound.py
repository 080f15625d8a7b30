"""Pure: an order becomes a message, with all that will happen to it."""

from datetime import datetime
from urllib.parse import parse_qs, urlencode, urlsplit
from zlib import crc32

from tests.simulator.callbacks import full_url
from tests.simulator.messages import Message, Order, Part, Report
from tests.simulator.planning import plan_message
from tests.simulator.routes import country_of, route_of
from tests.simulator.settings import Settings

_POOL_ELSEWHERE = ("18445550100",)


def accept(
    order: Order, *, at: datetime, index: int, settings: Settings, url: str | None, method: str
) -> Message:
    """The message in the state it has when the API answers 202."""
    dst = order.dst.lstrip("+")
    route = route_of(dst)
    plan = plan_message(order, at, route, index, settings)
    if url is not None and order.tag is not None:
        url = full_url(url, urlencode({"tag": order.tag}))
    return Message(
        index=index,
        direction="outbound",
        order=order,
        auth_id=order.subaccount or settings.account.main.auth_id,
        message_time=plan.message_time,
        src=_sender(order, dst),
        dst=dst,
        route=route,
        units=plan.units,
        manners=plan.manners,
        url=url,
        method=method.upper(),
        tag=_tag_of(url) or order.tag,
        parts=[
            Part(part, list(part.log), [Report(report) for report in part.reports])
            for part in plan.parts
        ],
    )


def _sender(order: Order, dst: str) -> str:
    """The one asked for, or the one a powerpack always uses towards this destination."""
    if order.src is not None:
        return order.src.lstrip("+")
    country = country_of(dst)
    pool = country.senders if country else _POOL_ELSEWHERE
    return pool[crc32(dst.encode()) % len(pool)]


def _tag_of(url: str | None) -> str | None:
    tags = parse_qs(urlsplit(url).query).get("tag") if url else None
    return tags[-1] if tags else None
