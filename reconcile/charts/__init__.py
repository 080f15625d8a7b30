"""[pure] The overview as Altair charts: one grammar for the page and for notebooks.

A chart is None where it would show fewer points than words would take; then say it in words.
"""
