"""Errors of devstack; each message says how to fix the problem."""


class StackError(Exception):
    """The stack can't be started or used."""


class ExitedEarlyError(StackError):
    """A process ended before it was ready; the message ends with its last log lines."""
