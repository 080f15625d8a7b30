"""The command line: every setting and every fault is a flag."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import get_args

from tests.simulator.faults import Faults
from tests.simulator.settings import Account, Credentials, Paging, PartInfo, Settings, Signatures
from tests.simulator.times import parse_iso


@dataclass(frozen=True)
class Options:
    """What the process needs beside the settings of the world."""

    settings: Settings
    host: str
    port: int
    threads: int
    posters: int
    speed: float
    until: datetime | None
    forward: dict[str, str]


def parse_options(arguments: Sequence[str] | None = None) -> Options:
    """Exits with 2 and a usage line when an argument is wrong."""
    parser = _parser()
    given = parser.parse_args(arguments)
    try:
        return Options(
            settings=_settings(given),
            host=given.host,
            port=given.port,
            threads=given.threads,
            posters=given.posters,
            speed=given.speed,
            until=given.until,
            forward=dict(pair.split("=", 1) for pair in given.forward),
        )
    except ValueError as error:
        parser.error(str(error))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulator", description="A pretend Plivo on this machine."
    )
    default = Settings()
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="an address, not a name")
    add("--port", type=int, default=0, help="0: any free one, printed (default)")
    add("--threads", type=int, default=16, help="that answer API requests")
    add("--posters", type=int, default=4, help="threads that post reports")
    add("--speed", type=float, default=1.0, help="virtual seconds in a real one; 0: stand still")
    add("--start", type=parse_iso, default=default.start, help="virtual time to begin at")
    add("--until", type=parse_iso, help="virtual time beyond which only a settle goes")
    add("--forward", action="append", default=[], metavar="PUBLIC=REAL", help="post there instead")
    add("--seed", type=int, default=default.seed)
    add("--auth-id", default=default.account.main.auth_id)
    add("--auth-token", default=default.account.main.auth_token)
    add("--subaccount", action="append", metavar="SA…:TOKEN", help="may be repeated")
    add("--time-zone", default=default.account.time_zone)
    add("--signatures", choices=get_args(Signatures), default=default.signatures)
    add("--legacy-rate", type=float, default=0.0, help="share of messages with one UUID per part")
    add("--callbacks-2017-rate", type=float, default=0.0)
    add("--part-info", choices=get_args(PartInfo), default=default.part_info)
    add("--paging", choices=get_args(Paging), default=default.paging)
    add("--bare-next", action="store_true", help="meta.next without the filters")
    add("--full-page-has-next", action="store_true")
    add("--rows-without-mcc", action="store_true")
    add("--legacy-rows-without-parent", action="store_true")
    add("--list-requests-per-minute", type=int, default=20, help="0: no limit")
    add("--updates-reset", action="store_true", help="what an application's update leaves out")
    add("--retry-after", type=int, help="seconds, as a header of a 429")
    add("--faults", type=json.loads, default={}, metavar="JSON", help='such as {"lost": 0.05}')
    for fault in fields(Faults):
        add(f"--{fault.name.replace('_', '-')}", type=float, dest=f"fault_{fault.name}")
    return parser


def _settings(given: argparse.Namespace) -> Settings:
    flags = {fault.name: getattr(given, f"fault_{fault.name}") for fault in fields(Faults)}
    unknown = set(given.faults) - set(flags)
    if unknown:
        raise ValueError(f"--faults: there is no {', '.join(sorted(unknown))}")
    faults = {**given.faults, **{name: rate for name, rate in flags.items() if rate is not None}}
    account = Account(
        main=Credentials(given.auth_id, given.auth_token),
        subaccounts=_subaccounts(given.subaccount),
        time_zone=given.time_zone,
    )
    return Settings(
        seed=given.seed,
        start=given.start,
        account=account,
        faults=Faults(**faults),
        signatures=given.signatures,
        legacy_rate=given.legacy_rate,
        callbacks_2017_rate=given.callbacks_2017_rate,
        part_info=given.part_info,
        paging=given.paging,
        next_keeps_filters=not given.bare_next,
        full_page_has_next=given.full_page_has_next,
        rows_have_mcc=not given.rows_without_mcc,
        legacy_rows_name_parent=not given.legacy_rows_without_parent,
        list_requests_per_minute=given.list_requests_per_minute or None,
        updates_reset=given.updates_reset,
        retry_after=given.retry_after,
    )


def _subaccounts(written: list[str] | None) -> tuple[Credentials, ...]:
    if written is None:
        return Account().subaccounts
    pairs = [pair.partition(":") for pair in written]
    return tuple(Credentials(auth_id, token) for auth_id, _, token in pairs)
