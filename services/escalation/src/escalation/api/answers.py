"""What routes share: the database, and which error is which problem."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Path

from common.access import Principal, allow
from common.database import Database
from common.http import get_database
from common.problems import Problem
from escalation.api.showing import etag, shown
from escalation.domain import decide, working
from escalation.handlers import Conflict, Faulty, UnknownEscalation
from escalation.store import UnitOfWork, UnknownContact

EscalationDatabase = Annotated[Database[UnitOfWork], Depends(get_database)]
Upstairs = Annotated[Principal, Depends(allow("supervisor", "manager"))]
Manager = Annotated[Principal, Depends(allow("manager"))]
EscalationPath = Annotated[UUID, Path()]
Staff = Annotated[Principal, Depends(allow("representative", "supervisor", "manager"))]


@asynccontextmanager
async def work(database: Database[UnitOfWork]) -> AsyncIterator[UnitOfWork]:
    """Open a transaction whose refusals become problems."""
    try:
        async with database.transaction() as uow:
            yield uow
    except UnknownContact as error:
        raise Problem(404, "contact-unknown", "There is no such contact.") from error
    except UnknownEscalation as error:
        raise Problem(404, "escalation-unknown", "There is no such escalation.") from error
    except decide.NotOpen as error:
        raise Problem(409, "contact-not-open", "The contact is not open.") from error
    except Conflict as error:
        raise _conflict(error) from error
    except working.Forbidden as error:
        raise Problem(403, "forbidden", str(error)) from error
    except Faulty as error:
        places = [{"pointer": f"body/{place}", "detail": detail} for place, detail in error.places]
        detail = f"{places[0]['pointer']}: {places[0]['detail']}"
        raise Problem(422, "invalid", detail, errors=places) from error


def cause_of(caller: Principal) -> str:
    return f"{caller.role}:{caller.subject}"


def _conflict(error: Conflict) -> Problem:
    present = shown(error.escalation, error.situation.watch, error.situation.at)
    return Problem(
        409,
        error.code,
        str(error),
        headers={"ETag": etag(error.escalation)},
        state=error.escalation.state,
        present=present.model_dump(mode="json"),
    )
