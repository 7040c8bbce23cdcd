"""What routes share: the database, who may call them, and which error is which problem."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request

from common.contracts.event import UUID_PATTERN, NotificationId
from common.core.clock import TimeSource
from common.http.app import get_database
from common.http.problems import ProblemError
from common.storage.database import Database
from notifier import rendering
from notifier.domain.content import Status
from notifier.domain.errors import (
    AnswerTooLateError,
    ChannelUserTakenError,
    NothingToAcknowledgeError,
    NotificationNotFoundError,
    NotPagedError,
)
from notifier.domain.escalations import Escalation
from notifier.links import ExpiredLinkError, ForgedLinkError, Links
from notifier.store import UnitOfWork

UUID = f"^{UUID_PATTERN}$"

NotifierDatabase = Annotated[Database[UnitOfWork], Depends(get_database)]


@asynccontextmanager
async def transaction(database: Database[UnitOfWork]) -> AsyncIterator[UnitOfWork]:
    """Open a transaction; the errors of the domain become problems."""
    try:
        async with database.transaction() as uow:
            yield uow
    except NotificationNotFoundError as error:
        raise ProblemError(404, "notification-not-found", str(error.__doc__)) from error
    except NothingToAcknowledgeError as error:
        raise ProblemError(409, "nothing-to-acknowledge", str(error.__doc__)) from error
    except AnswerTooLateError as error:
        raise ProblemError(
            409,
            "answer-too-late",
            f"{_state_text(error.escalation)}. {error}",
            state=error.escalation.state,
            by=error.escalation.by,
        ) from error
    except NotPagedError as error:
        raise ProblemError(403, "not-paged", str(error.__doc__)) from error
    except ChannelUserTakenError as error:
        raise ProblemError(409, "channel-user-taken", str(error.__doc__)) from error


def request_time(request: Request) -> datetime:
    clock: TimeSource = request.app.state.clock
    return clock.utc_now()


def notification_of(token: str, request: Request) -> NotificationId:
    """Read a signed token; raises ProblemError if it is forged or has expired."""
    links: Links = request.app.state.links
    try:
        return links.read(token, request_time(request))
    except ForgedLinkError as error:
        raise ProblemError(401, "link-forged", str(error.__doc__)) from error
    except ExpiredLinkError as error:
        raise ProblemError(410, "link-expired", str(error.__doc__)) from error


def _state_text(escalation: Escalation) -> str:
    kind = "waiting" if escalation.state == "raised" else escalation.state
    return rendering.status_text(Status(kind, by=escalation.by))
