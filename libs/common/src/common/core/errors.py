"""The two roots of every error that the runtime handles."""

from collections.abc import Iterator

import asyncpg
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    IllegalSaslStateError,
    KafkaError,
    KafkaTimeoutError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    UnsupportedSaslMechanismError,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError


class PermanentError(Exception):
    """The message can never be handled as it is."""

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail or self.__doc__)


class ContentError(PermanentError):
    """The content of one message is at fault, and not this version of the service."""


class TransientError(Exception):
    """A dependency is unavailable for a while; the same message can succeed later."""

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail or self.__doc__)


# SQLSTATE classes: connection, rollback (deadlock, serialization), resources, operator.
_TRANSIENT_CLASSES = ("08", "40", "53", "57")
# lock_not_available, idle_in_transaction_session_timeout, read_only_sql_transaction (a fail-over).
_TRANSIENT_STATES = ("55P03", "25P03", "25006")
# Another transaction has published an event of the same key meanwhile.
_TRANSIENT_CONSTRAINTS = ("event_sequence",)
# What asyncpg makes of a session that the server ended between two statements, and of a statement
# that was prepared before a migration changed a column: each session notices that on its own.
_SESSION_ERRORS = (asyncpg.InternalClientError, asyncpg.InvalidCachedStatementError)
# data_exception (asyncpg: an argument does not fit its type), string_data_right_truncation,
# numeric_value_out_of_range, invalid_datetime_format, datetime_field_overflow,
# character_not_in_repertoire, invalid_parameter_value, invalid_text_representation,
# untranslatable_character.
_BAD_VALUE_STATES = frozenset(
    ("22000", "22001", "22003", "22007", "22008", "22021", "22023", "22P02", "22P05")
)
# program_limit_exceeded: too long for an index, nested too deep.
_LIMIT_CLASS = "54"

# The broker does not admit us until somebody corrects a password or an access list.
_REFUSED_ACCESS = (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    IllegalSaslStateError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    UnsupportedSaslMechanismError,
)


def is_transient(error: BaseException) -> bool:
    """Return whether a plain retry may succeed."""
    for cause in _causes(error):
        if isinstance(cause, PermanentError):
            return False
        if _is_transient(cause):
            return True
    return False


def is_bad_value(error: BaseException) -> bool:
    """Return whether the database refused a value that a caller or a message gave."""
    return any(_is_bad_value(cause) for cause in _causes(error))


def _is_bad_value(error: BaseException) -> bool:
    if isinstance(error, asyncpg.PostgresError):
        state = error.sqlstate or ""
        return state in _BAD_VALUE_STATES or state.startswith(_LIMIT_CLASS)
    return isinstance(error, UnicodeError)


def _is_transient(error: BaseException) -> bool:
    if isinstance(error, _SESSION_ERRORS):
        return True
    if isinstance(error, asyncpg.PostgresError):
        state = error.sqlstate or ""
        return (
            state.startswith(_TRANSIENT_CLASSES)
            or state in _TRANSIENT_STATES
            or error.constraint_name in _TRANSIENT_CONSTRAINTS
        )
    if isinstance(error, KafkaError):
        # aiokafka does not call it `retriable` when its buffer is full because the broker is down.
        return bool(error.retriable) or isinstance(error, (KafkaTimeoutError, *_REFUSED_ACCESS))
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    if isinstance(error, asyncpg.InterfaceError):
        # A closed connection; but it is a ValueError too when an argument does not fit its type.
        return not isinstance(error, ValueError)
    return isinstance(error, TransientError | OSError | PoolTimeoutError)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and what it was raised from: drivers wrap theirs."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__
