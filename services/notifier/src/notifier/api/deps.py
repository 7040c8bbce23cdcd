"""What routes share: the database, who may look, and which error is which problem."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request

from common.contracts.event import NotificationId
from common.core.clock import TimeSource
from common.http.access import Principal, require_role
from common.http.app import get_database
from common.http.problems import ProblemError
from common.storage.database import Database
from notifier.domain import wording
from notifier.domain.notifications import AlreadySettledError, NothingToAcknowledgeError
from notifier.domain.recipients import SlackUserTakenError
from notifier.handlers import NotificationNotFoundError, NotPagedError
from notifier.links import ExpiredLinkError, ForgedLinkError, Links
from notifier.store import UnitOfWork

NotifierDatabase = Annotated[Database[UnitOfWork], Depends(get_database)]
Leads = Annotated[Principal, Depends(require_role("supervisor", "manager"))]


@asynccontextmanager
async def work(database: Database[UnitOfWork]) -> AsyncIterator[UnitOfWork]:
    """Open a transaction whose refusals become problems."""
    try:
        async with database.transaction() as uow:
            yield uow
    except NotificationNotFoundError as error:
        raise ProblemError(404, "notification-unknown", "There is no such notification.") from error
    except NothingToAcknowledgeError as error:
        raise ProblemError(409, "nothing-to-acknowledge", str(error.__doc__)) from error
    except AlreadySettledError as error:
        escalation = error.escalation
        detail = f"{wording.settled(escalation, None)}. {error}"
        raise ProblemError(
            409, "already-settled", detail, state=escalation.state, by=escalation.by
        ) from error
    except NotPagedError as error:
        raise ProblemError(403, "not-paged", str(error.__doc__)) from error
    except SlackUserTakenError as error:
        raise ProblemError(409, "slack-user-taken", str(error.__doc__)) from error


def now(request: Request) -> datetime:
    clock: TimeSource = request.app.state.clock
    return clock.utc_now()


def notification_of(token: str, request: Request) -> NotificationId:
    """Read a signed token; what is wrong with it becomes a problem."""
    links: Links = request.app.state.links
    try:
        return links.read(token, now(request))
    except ForgedLinkError as error:
        raise ProblemError(401, "link-forged", str(error.__doc__)) from error
    except ExpiredLinkError as error:
        raise ProblemError(409, "link-expired", str(error.__doc__)) from error
