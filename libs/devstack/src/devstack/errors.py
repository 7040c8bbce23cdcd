"""What can go wrong here; each message says what to do about it."""


class StackError(Exception):
    """The stack can't be started or used."""


class ExitedEarlyError(StackError):
    """A process ended before it was ready; the message ends with its last log lines."""
