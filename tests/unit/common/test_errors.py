"""What passes by itself, and what will be the same tomorrow."""

import asyncpg
import pytest
from aiokafka.errors import (
    CommitFailedError,
    GroupAuthorizationFailedError,
    InvalidTopicError,
    KafkaConnectionError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)
from asyncpg.exceptions._base import DataError as ArgumentError
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from common.core.errors import PermanentError, TransientError, is_transient
from common.messaging.envelope import MalformedRecordError

PASSING = [
    TransientError(),
    ConnectionRefusedError(),
    TimeoutError(),
    PoolTimeoutError("no connection became free"),
    asyncpg.InterfaceError("connection is closed"),
    asyncpg.InternalClientError("another operation (2) is in progress"),
    asyncpg.ConnectionDoesNotExistError(),
    asyncpg.DeadlockDetectedError(),
    asyncpg.SerializationError(),
    asyncpg.TooManyConnectionsError(),
    asyncpg.AdminShutdownError(),
    asyncpg.CannotConnectNowError(),
    asyncpg.IdleInTransactionSessionTimeoutError(),
    asyncpg.LockNotAvailableError(),
    asyncpg.ReadOnlySQLTransactionError(),
    DBAPIError("SELECT 1", {}, Exception(), connection_invalidated=True),
    KafkaConnectionError(),
    KafkaTimeoutError(),
    UnknownTopicOrPartitionError(),
    # Until somebody corrects the access list or the password.
    TopicAuthorizationFailedError(),
    GroupAuthorizationFailedError(),
    SaslAuthenticationFailed(),
]
LASTING = [
    PermanentError(),
    MalformedRecordError(),
    ValueError(),
    KeyError(),
    asyncpg.UniqueViolationError(),
    asyncpg.CheckViolationError(),
    asyncpg.UndefinedTableError(),
    asyncpg.InsufficientPrivilegeError(),
    asyncpg.DataError(),
    ArgumentError("invalid input for query argument $1"),
    IntegrityError("INSERT", {}, Exception()),
    MessageSizeTooLargeError(),
    InvalidTopicError(),
    CommitFailedError(),
]


def named(error: Exception) -> str:
    return type(error).__name__


def caused(error: Exception, cause: BaseException) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize("error", PASSING, ids=named)
def test_transient_errors_are_recognised(error: Exception) -> None:
    assert is_transient(error)
    wrapped = caused(DBAPIError("SELECT 1", {}, Exception()), caused(Exception("driver"), error))
    assert is_transient(wrapped)


@pytest.mark.parametrize("error", LASTING, ids=named)
def test_other_errors_are_not_transient(error: Exception) -> None:
    assert not is_transient(error)
    assert not is_transient(caused(RuntimeError(), error))


def test_permanent_error_outranks_its_transient_cause() -> None:
    assert not is_transient(caused(PermanentError(), ConnectionRefusedError()))
    assert is_transient(caused(TransientError(), PermanentError()))


def test_error_without_detail_has_the_message_of_its_class() -> None:
    assert str(MalformedRecordError()) == MalformedRecordError.__doc__
    assert str(MalformedRecordError("at 7")) == "at 7"
