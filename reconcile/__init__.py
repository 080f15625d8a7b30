"""Same inputs, same rate report – however often, in whatever order.

From Python and notebooks:

    import reconcile
    reconcile.messages(since="7d")                         # one row per message
    reconcile.rates(since="7d", by=["day", "country"])     # the rate report's rows

Both read the data folder of the settings (environment or `.env`; DATA_DIR is `./data` unless set),
seal and merge what is new first, and give what the command gives.
"""

from reconcile.frames import messages, rates

__all__ = ["messages", "rates"]
