"""Pure: what kind of Plivo this is; one frozen record."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from tests.simulator.faults import Faults

Signatures = Literal["v2", "v3", "both", "none"]
PartInfo = Literal["one", "empty", "units", "mixed"]
Paging = Literal["offset", "cursor", "hybrid"]


@dataclass(frozen=True)
class Credentials:
    """An auth id and its token."""

    auth_id: str
    auth_token: str


@dataclass(frozen=True, kw_only=True)
class Account:
    """The main account, its subaccounts, and the zone in which its log prints times."""

    main: Credentials = Credentials("MAPRETENDPLIVOACCT01", "pretend-token-of-the-main-account")
    subaccounts: tuple[Credentials, ...] = (
        Credentials("SAPRETENDPLIVOSUBA01", "pretend-token-of-the-subaccount"),
    )
    time_zone: str = "Asia/Kolkata"

    def token_of(self, auth_id: str) -> str | None:
        """The token of the main account or of one of its subaccounts."""
        for known in (self.main, *self.subaccounts):
            if known.auth_id == auth_id:
                return known.auth_token
        return None


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that is decided before the first message is sent."""

    seed: int = 7
    start: datetime = datetime(2026, 11, 14, tzinfo=UTC)
    account: Account = field(default_factory=Account)
    faults: Faults = field(default_factory=Faults)

    # Which header families a callback carries. Documentation says V2, live traffic of 2026 says V3.
    signatures: Signatures = "both"

    # Share of messages that live as around 2015: one UUID, report series and log row per part.
    legacy_rate: float = 0.0
    # Share of messages whose callbacks look as in 2017: no Sequence, no times, no Type.
    callbacks_2017_rate: float = 0.0
    # PartInfo of today's long message, which nobody has documented: "1 of 1", "", "1 of N", or any.
    part_info: PartInfo = "one"

    paging: Paging = "offset"
    next_keeps_filters: bool = True
    # plivo-python's list fixture has a next after its last full page.
    full_page_has_next: bool = False
    # mcc and mnc stand in the rows of the 2021 documentation and in no newer one.
    rows_have_mcc: bool = True
    # Plivo's old guide to split messages says to look for the parent in the log.
    legacy_rows_name_parent: bool = True

    # Per minute of virtual time; None: as many as one likes.
    list_requests_per_minute: int | None = 20
    # Whether the update of an application resets what it does not name: nobody has documented it.
    updates_reset: bool = False
    # Seconds in a 429's Retry-After; None: no such header (none is documented).
    retry_after: int | None = None

    def __post_init__(self) -> None:
        if self.start.tzinfo is None:
            raise ValueError("start needs a zone")
