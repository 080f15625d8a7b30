"""[pure] What an engine that is not in this process may raise."""


class EngineProblem(Exception):
    """Spark or its cluster failed, not a file nor our SQL; the message says what to do next."""
