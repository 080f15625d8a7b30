"""[pure] What an engine may raise that is neither a file's fault nor a mistake in our SQL."""


class EngineProblem(Exception):
    """Spark or its cluster failed, or memory did not suffice; the message says what to do next."""
