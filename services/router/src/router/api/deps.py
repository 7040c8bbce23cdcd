"""What routes share: the database, who may call, and which error is which problem."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends

from common.contracts.event import ContactId, PersonId
from common.http.access import Principal, require_role
from common.http.app import get_database
from common.http.problems import ProblemError
from common.storage.database import Database
from router.domain.errors import (
    AssignmentNotFoundError,
    NotHolderError,
    RepresentativeNotFoundError,
    WrongStateError,
)
from router.store import UnitOfWork

RouterDatabase = Annotated[Database[UnitOfWork], Depends(get_database)]
Staff = Annotated[Principal, Depends(require_role("representative", "supervisor", "manager"))]


@asynccontextmanager
async def work(database: Database[UnitOfWork], *contacts: ContactId) -> AsyncIterator[UnitOfWork]:
    """Open a transaction that may match; its refusals become problems."""
    try:
        async with database.transaction() as uow:
            await uow.prelock(contacts)
            yield uow
    except (AssignmentNotFoundError, RepresentativeNotFoundError) as error:
        raise unknown(error) from error
    except NotHolderError as error:
        raise ProblemError(403, "not-yours", str(error)) from error
    except WrongStateError as error:
        raise ProblemError(409, "wrong-state", str(error), state=error.state) from error


def unknown(error: AssignmentNotFoundError | RepresentativeNotFoundError) -> ProblemError:
    code = (
        "contact-unknown"
        if isinstance(error, AssignmentNotFoundError)
        else "representative-unknown"
    )
    return ProblemError(404, code, str(error.__doc__))


def person(caller: Principal) -> PersonId | None:
    """Return whose contacts the caller may act on; None stands for everybody's."""
    return PersonId(caller.subject) if caller.role == "representative" else None
