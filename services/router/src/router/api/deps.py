"""What the routes share: the database, the callers, and the problem for each error."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import Depends
from pydantic import BaseModel

from common.contracts.event import ContactId, PersonId
from common.contracts.validation_messages import InvalidField
from common.http.access import Principal
from common.http.app import get_database
from common.http.if_match import etag
from common.http.problems import ProblemError, error_responses, invalid
from common.storage.database import Database
from router.api.adjustment_schemas import AdjustmentOut
from router.api.schemas import PersonOut
from router.domain.errors import (
    AssignmentNotFoundError,
    FrequentChangesError,
    InvalidAdjustmentError,
    InvalidPersonError,
    NotHolderError,
    PersonForbiddenError,
    PersonNotFoundError,
    RepresentativeNotFoundError,
    WrongStateError,
)
from router.domain.staffing.adjustments import StaleAdjustmentError
from router.domain.staffing.people import StalePersonError
from router.store import UnitOfWork
from router.use_cases import CONTACT_CHANGES_WINDOW, Caller

RouterDatabase = Annotated[Database[UnitOfWork], Depends(get_database)]
# By then there is room for another change at the latest.
_RETRY_AFTER_S: Final = str(int(CONTACT_CHANGES_WINDOW.total_seconds()))


NOT_YOURS: Final = (403, "not-yours")
# Which error of the domain is which problem; without words of its own its docstring says it.
_PROBLEMS: Final[Mapping[type[Exception], tuple[int, str]]] = {
    AssignmentNotFoundError: (404, "assignment-not-found"),
    RepresentativeNotFoundError: (404, "representative-not-found"),
    PersonNotFoundError: (404, "person-not-found"),
    NotHolderError: NOT_YOURS,
    PersonForbiddenError: (403, "not-below-you"),
    FrequentChangesError: (429, "too-many-changes"),
    WrongStateError: (409, "wrong-state"),
    StalePersonError: (412, "stale"),
    StaleAdjustmentError: (412, "stale"),
}
refusals = partial(error_responses, _PROBLEMS)
# What a representative's action on a contact may meet, or a supervisor's.
ON_ACTION: Final = (AssignmentNotFoundError, NotHolderError, WrongStateError)


@asynccontextmanager
async def unit_of_work(
    database: Database[UnitOfWork], caller: Principal, *contacts: ContactId
) -> AsyncIterator[UnitOfWork]:
    """Open a transaction of the caller that may match. Errors of the domain become problems."""
    try:
        async with database.transaction() as uow:
            uow.outbox.cause = caller.name
            await uow.prelock(contacts)
            yield uow
    except InvalidPersonError as error:
        parameters = {"people": list(error.people)}
        field = InvalidField(f"body/{error.place}", str(error), error.code, parameters)
        raise invalid(field) from error
    except InvalidAdjustmentError as error:
        raise invalid((f"body/{error.place}", str(error))) from error
    except StalePersonError as error:
        person = error.current
        shown = PersonOut.model_validate(person) if person else None
        raise _stale(error, shown, person.version if person else None) from error
    except StaleAdjustmentError as error:
        adjustment = error.current
        out = AdjustmentOut.model_validate(adjustment) if adjustment else None
        raise _stale(error, out, adjustment.number if adjustment else None) from error
    except WrongStateError as error:
        raise ProblemError(*_PROBLEMS[WrongStateError], str(error), state=error.state) from error
    except tuple(_PROBLEMS) as error:
        raise problem_of(error) from error


def problem_of(error: Exception) -> ProblemError:
    status, code = _PROBLEMS[type(error)]
    headers = {"Retry-After": _RETRY_AFTER_S} if status == HTTPStatus.TOO_MANY_REQUESTS else None
    return ProblemError(status, code, str(error) or str(error.__doc__), headers=headers)


def _stale(error: Exception, current: BaseModel | None, version: int | None) -> ProblemError:
    """Answer with what is in force, so that the caller can look at it and try again."""
    return ProblemError(
        *_PROBLEMS[type(error)],
        str(error),
        headers=None if version is None else {"ETag": etag(version)},
        current=current.model_dump(mode="json") if current else None,
    )


def caller_of(principal: Principal) -> Caller:
    return Caller(principal.actor, is_admin=principal.role == "admin")


def restricted_to(caller: Principal) -> PersonId | None:
    """Return the representative whose contacts the caller may act on; None: all contacts."""
    return caller.person_id if caller.role == "representative" else None
