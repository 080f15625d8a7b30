"""Each report goes on to RELAY_URL: after its 200, from disk, in a process of its own.

    journal: report + copy in its outbox, one transaction ──► relay ──► RELAY_URL
                      200 ◄─┘                     └── 2xx: out of the outbox; else later again

For users who have a handler already: a message has one `url` only.
"""
