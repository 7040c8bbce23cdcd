"""What the routes share: the database, the callers, and the problem for each error."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends

from common.contracts.event import ContactId, PersonId
from common.http.access import Principal
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


@asynccontextmanager
async def unit_of_work(
    database: Database[UnitOfWork], *contacts: ContactId
) -> AsyncIterator[UnitOfWork]:
    """Open a transaction that may match. Errors of the domain become problems."""
    try:
        async with database.transaction() as uow:
            await uow.prelock(contacts)
            yield uow
    except (AssignmentNotFoundError, RepresentativeNotFoundError) as error:
        raise not_found(error) from error
    except NotHolderError as error:
        raise ProblemError(403, "not-yours", str(error.__doc__)) from error
    except WrongStateError as error:
        raise ProblemError(409, "wrong-state", str(error), state=error.state) from error


def not_found(error: AssignmentNotFoundError | RepresentativeNotFoundError) -> ProblemError:
    thing = "assignment" if isinstance(error, AssignmentNotFoundError) else "representative"
    return ProblemError(404, f"{thing}-not-found", str(error.__doc__))


def restricted_to(caller: Principal) -> PersonId | None:
    """Return the representative whose contacts the caller may act on; None: all contacts."""
    return caller.person_id if caller.role == "representative" else None
