"""What routes share: the database, callers' roles, `If-Match`, and which error is which problem."""

import re
from collections.abc import AsyncIterator, Container
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Depends, Header, Path
from pydantic import TypeAdapter

from common.contracts.event import PersonId
from common.http.access import Principal, StaffUser, require_role
from common.http.app import get_database
from common.http.problems import ProblemError
from common.storage.database import Database
from escalation.api.schemas import EscalationOut, etag
from escalation.domain import errors
from escalation.domain.visibility import Viewer
from escalation.store.unit_of_work import UnitOfWork

EscalationDatabase = Annotated[Database[UnitOfWork], Depends(get_database)]
EscalationPath = Annotated[UUID, Path()]
ManagerUser = Annotated[Principal, Depends(require_role("manager"))]


async def _viewer(caller: StaffUser) -> Viewer:
    return Viewer(PersonId(caller.subject), caller.role)


StaffViewer = Annotated[Viewer, Depends(_viewer)]

_ETAGS: Final = re.compile(r'(W/)?"\d{1,9}"( *, *(W/)?"\d{1,9}")*')
_IF_MATCH_FORM: Final = 'Send the ETag that you have read, for example "3", or *.'


class AnyVersion:
    """Holds every version of what exists, as `If-Match: *` asks."""

    def __contains__(self, version: object) -> bool:
        return True


async def _if_match(
    if_match: Annotated[
        str | None, Header(max_length=200, description="the ETag that you have read")
    ] = None,
) -> Container[int] | None:
    if if_match is None:
        return None
    if if_match.strip() == "*":
        return AnyVersion()
    if not _ETAGS.fullmatch(if_match):
        raise invalid(("header/if-match", _IF_MATCH_FORM))
    tags = (tag.strip().removeprefix("W/") for tag in if_match.split(","))
    return frozenset(int(tag.strip('"')) for tag in tags)


# The versions that the caller accepts; None accepts any, and a new setting too.
IfMatch = Annotated[Container[int] | None, Depends(_if_match)]


# What each error is, where its message is all that the problem says.
_PROBLEMS: Final[dict[type[Exception], tuple[int, str]]] = {
    errors.ContactNotFoundError: (404, "contact-not-found"),
    errors.EscalationNotFoundError: (404, "escalation-not-found"),
    errors.ComplaintNotFoundError: (404, "complaint-not-found"),
    errors.ContactNotOpenError: (409, "contact-not-open"),
    errors.ComplaintOpenError: (409, "complaint-open"),
    errors.ComplaintClosedError: (409, "complaint-closed"),
    errors.ComplaintRateError: (429, "too-many-complaints"),
    errors.ChangeNotFoundError: (404, "change-not-found"),
    errors.ChangeRequestNotFoundError: (404, "request-not-found"),
    errors.ChangeRequestClosedError: (409, "request-closed"),
    errors.InvalidChangeError: (409, "invalid-change"),
    errors.ForbiddenError: (403, "forbidden"),
    errors.NotOwnShiftError: (403, "forbidden"),
}


@asynccontextmanager
async def transaction(database: Database[UnitOfWork]) -> AsyncIterator[UnitOfWork]:
    """Open a transaction and turn errors of the domain into problems."""
    try:
        async with database.transaction() as uow:
            yield uow
    except tuple(_PROBLEMS) as error:
        status, code = _PROBLEMS[type(error)]
        raise ProblemError(status, code, str(error) or str(error.__doc__)) from error
    except errors.NotConcernedError as error:
        raise invalid(("body/about", str(error))) from error
    except errors.UnknownPersonError as error:
        raise invalid((f"body/{error.field}", str(error))) from error
    except errors.EscalationConflictError as error:
        raise _conflict(error) from error
    except errors.StaleSettingError as error:
        raise _stale_setting(error) from error
    except errors.InvalidSettingError as error:
        raise invalid(*((f"body/{place}", detail) for place, detail in error.errors)) from error


def invalid(*details: tuple[str, str]) -> ProblemError:
    """Return the problem of (place, detail) pairs, as for what the schema rejects."""
    listed = [{"pointer": place, "detail": detail} for place, detail in details]
    place, detail = details[0]
    return ProblemError(422, "invalid", f"{place}: {detail}", errors=listed)


def check_length(
    start: datetime, end: datetime, longest: timedelta, place: str, *, after: str
) -> None:
    if not start < end <= start + longest:
        raise invalid((place, f"It must come after {after}, by {longest.days} days at most."))


def _conflict(error: errors.EscalationConflictError) -> ProblemError:
    is_stale = isinstance(error, errors.StaleEscalationError)
    situation = error.situation
    current = EscalationOut.of(error.escalation, situation.contact, situation.at)
    return ProblemError(
        412 if is_stale else 409,
        "stale" if is_stale else "wrong-state",
        str(error),
        headers={"ETag": etag(error.escalation)},
        state=error.escalation.state,
        current=current.model_dump(mode="json"),
    )


def _stale_setting(error: errors.StaleSettingError) -> ProblemError:
    current = error.current
    if current is None:
        return ProblemError(412, "stale", str(error), current=None)
    body: TypeAdapter[Any] = TypeAdapter(type(current.body))
    return ProblemError(
        412,
        "stale",
        str(error),
        headers={"ETag": etag(current)},
        current={
            "id": current.id,
            "version": current.version,
            "body": body.dump_python(current.body, mode="json", by_alias=True),
        },
    )
