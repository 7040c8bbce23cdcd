"""What routes share: the database, who may look, and which error is which problem."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request

from common.contracts.event import NotificationId
from common.core.clock import Clock
from common.http.access import Principal, allow
from common.http.app import get_database
from common.http.problems import Problem
from common.storage.database import Database
from notifier.domain import wording
from notifier.domain.notifications import AlreadySettled, NothingToAcknowledge
from notifier.domain.recipients import SlackUserTaken
from notifier.handlers import NotPaged, UnknownNotification
from notifier.links import Expired, Forged, Links
from notifier.store import UnitOfWork

NotifierDatabase = Annotated[Database[UnitOfWork], Depends(get_database)]
Leads = Annotated[Principal, Depends(allow("supervisor", "manager"))]


@asynccontextmanager
async def work(database: Database[UnitOfWork]) -> AsyncIterator[UnitOfWork]:
    """Open a transaction whose refusals become problems."""
    try:
        async with database.transaction() as uow:
            yield uow
    except UnknownNotification as error:
        raise Problem(404, "notification-unknown", "There is no such notification.") from error
    except NothingToAcknowledge as error:
        raise Problem(409, "nothing-to-acknowledge", str(error.__doc__)) from error
    except AlreadySettled as error:
        escalation = error.escalation
        detail = f"{wording.settled(escalation, None)}. {error}"
        raise Problem(
            409, "already-settled", detail, state=escalation.state, by=escalation.by
        ) from error
    except NotPaged as error:
        raise Problem(403, "not-paged", str(error.__doc__)) from error
    except SlackUserTaken as error:
        raise Problem(409, "slack-user-taken", str(error.__doc__)) from error


def now(request: Request) -> datetime:
    clock: Clock = request.app.state.clock
    return clock.wall()


def notification_of(token: str, request: Request) -> NotificationId:
    """Read a signed token; what is wrong with it becomes a problem."""
    links: Links = request.app.state.links
    try:
        return links.read(token, now(request))
    except Forged as error:
        raise Problem(401, "link-forged", str(error.__doc__)) from error
    except Expired as error:
        raise Problem(409, "link-expired", str(error.__doc__)) from error
