"""The two roots of every failure that the runtime knows how to treat."""

from collections.abc import Iterator

import asyncpg
from aiokafka.errors import KafkaError, KafkaTimeoutError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError


class PermanentError(Exception):
    """The message can never be handled as it is."""

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail or self.__doc__)


class TransientError(Exception):
    """Something outside is away for a while; the same message will do later."""

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail or self.__doc__)


# SQLSTATE classes: connection, rollback (deadlock, serialization), resources, operator.
_PASSING_CLASSES = ("08", "40", "53", "57")
# lock_not_available, idle_in_transaction_session_timeout, read_only_sql_transaction (a fail-over).
_PASSING_STATES = ("55P03", "25P03", "25006")


def is_transient(error: BaseException) -> bool:
    """Tell whether the same work may succeed later with nothing changed but the world."""
    for one in _chain(error):
        if isinstance(one, PermanentError):
            return False
        if _is_transient(one):
            return True
    return False


def _is_transient(error: BaseException) -> bool:
    if isinstance(error, asyncpg.PostgresError):
        state = error.sqlstate or ""
        return state.startswith(_PASSING_CLASSES) or state in _PASSING_STATES
    if isinstance(error, KafkaError):
        # A full buffer before a broker that is away is not `retriable` to aiokafka.
        return bool(error.retriable) or isinstance(error, KafkaTimeoutError)
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    if isinstance(error, asyncpg.InternalClientError):
        # What asyncpg makes of a session that the server ended between two statements.
        return True
    if isinstance(error, asyncpg.InterfaceError):
        # A closed connection; but it is a ValueError too when an argument does not fit its type.
        return not isinstance(error, ValueError)
    return isinstance(error, TransientError | OSError | PoolTimeoutError)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and what it was raised from: drivers wrap theirs."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__
