"""All that is known of one message, and why it counts as it does.

evidence ──► winning_order, verdicts, origins, reasons ──► explain
"""
