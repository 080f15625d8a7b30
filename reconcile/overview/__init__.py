"""The whole picture of one question: what the HTML page and the notebooks show, as tables.

engine ──► overview (I/O) ──► Overview ──► charts [pure] ──► page · notebooks
                └── findings [pure]: what stands out, since when, what it costs
"""
