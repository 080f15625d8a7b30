"""Same inputs, same rate report – however often, in whatever order.

From Python and notebooks:

    import reconcile
    reconcile.messages(since="7d")                         # one row per message
    reconcile.rates(since="7d", by=["day", "country"])     # the rate report's rows
    reconcile.audit(since="7d")                            # can these numbers be trusted?
    reconcile.findings(since="30d")                        # what stands out, and since when
    reconcile.explain("…")                                 # all that is known of one message
    reconcile.report(since="30d").by_country               # every table of the HTML report

All read the data folder of the settings (environment or `.env`; DATA_DIR is `./data` unless set),
seal and merge what is new first, and give what the command gives.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reconcile.frames import audit, explain, findings, messages, rates, report

__all__ = ["audit", "explain", "findings", "messages", "rates", "report"]


def __getattr__(name: str) -> Any:
    """The commands need no pandas; importing it takes longer than most of them."""
    if name in __all__:
        from reconcile import frames  # noqa: PLC0415

        return getattr(frames, name)
    raise AttributeError(f"module 'reconcile' has no attribute '{name}'")
