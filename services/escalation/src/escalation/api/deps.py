"""What routes share: the database, callers' roles, and which error is which problem."""

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Final, assert_never
from uuid import UUID

from fastapi import Depends, Path, Request

from common.contracts.validation_messages import InvalidField
from common.http.access import StaffUser
from common.http.app import get_database
from common.http.examples import ESCALATION_ID
from common.http.if_match import etag
from common.http.problems import ProblemError, error_responses, invalid, reason_of
from common.storage.database import Database
from escalation.api.schemas import EscalationOut
from escalation.domain import errors
from escalation.domain.settings.documents import setting_document
from escalation.domain.visibility import Viewer
from escalation.store.unit_of_work import UnitOfWork
from escalation.views import EscalationView, view_all

EscalationDatabase = Annotated[Database[UnitOfWork], Depends(get_database)]
EscalationPath = Annotated[UUID, Path(examples=[ESCALATION_ID])]


async def _viewer(caller: StaffUser, request: Request) -> Viewer:
    return Viewer(caller.actor, caller.role, request.app.state.visibility)


StaffViewer = Annotated[Viewer, Depends(_viewer)]

# Which error is which problem.
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
    errors.SettingNotFoundError: (404, "setting-not-found"),
    errors.SimulationNotFoundError: (404, "simulation-not-found"),
    errors.TooManySimulationsError: (429, "too-many-simulations"),
    errors.ForbiddenError: (403, "forbidden"),
    errors.NotOwnShiftError: (403, "not-own-shift"),
    errors.WrongStateError: (409, "wrong-state"),
    errors.StaleEscalationError: (412, "stale"),
    errors.SettingInUseError: (409, "setting-in-use"),
    errors.LimitBelowError: (409, "limit-below-supervisors"),
    errors.StaleSettingError: (412, "stale"),
}
refusals = partial(error_responses, _PROBLEMS)
# What any action on an escalation may meet.
ON_ACTION: Final = (
    errors.EscalationNotFoundError,
    errors.ForbiddenError,
    errors.WrongStateError,
    errors.StaleEscalationError,
)
_SETTING_ERRORS: Final = (
    errors.SettingInUseError,
    errors.LimitBelowError,
    errors.StaleSettingError,
    errors.InvalidSettingError,
)


@asynccontextmanager
async def transaction(
    database: Database[UnitOfWork], viewer: Viewer | None = None
) -> AsyncIterator[UnitOfWork]:
    """Open a transaction and turn errors of the domain into problems.

    A conflict shows the `viewer` the escalation as it is.
    """
    try:
        async with database.transaction() as uow:
            try:
                yield uow
            except errors.EscalationConflictError as error:
                if viewer is None:
                    raise
                (current,) = await view_all((error.escalation,), viewer, uow)
                raise _conflict(error, current) from error
    except errors.NotConcernedError as error:
        raise invalid(("body/about", str(error))) from error
    except errors.PastTimeError as error:
        raise invalid(InvalidField(f"body/{error.field}", str(error), "in-the-past")) from error
    except errors.UnknownPersonError as error:
        raise invalid(error.as_field.within("body")) from error
    except _SETTING_ERRORS as error:
        raise _setting_problem(error) from error
    except tuple(_PROBLEMS) as error:
        raise _problem(error) from error


def _problem(error: Exception) -> ProblemError:
    status, code = _PROBLEMS[type(error)]
    headers = {}
    if isinstance(error, errors.ComplaintRateError):
        headers["Retry-After"] = str(math.ceil(error.retry_after.total_seconds()))
    reason = {}
    if isinstance(error, errors.ForbiddenError | errors.InvalidChangeError):
        reason = reason_of(error.code, error.parameters)
    detail = str(error) or str(error.__doc__)
    return ProblemError(status, code, detail, headers=headers, **reason)


def _setting_problem(
    error: errors.SettingInUseError
    | errors.LimitBelowError
    | errors.StaleSettingError
    | errors.InvalidSettingError,
) -> ProblemError:
    match error:
        case errors.SettingInUseError():
            return ProblemError(
                *_PROBLEMS[errors.SettingInUseError],
                str(error),
                used_by=error.used_by,
                open_contacts=error.open_contacts,
            )
        case errors.LimitBelowError():
            return ProblemError(*_PROBLEMS[errors.LimitBelowError], str(error), places=error.places)
        case errors.StaleSettingError():
            return _stale_setting(error)
        case errors.InvalidSettingError():
            return invalid(*(each.within("body") for each in error.errors))
        case _:
            assert_never(error)


def check_length(
    start: datetime, end: datetime, longest: timedelta, place: str, *, after: str
) -> None:
    if not start < end <= start + longest:
        detail = f"It must come after {after}, by {longest.days} days at most."
        raise invalid(InvalidField(place, detail, "wrong-length", {"days": longest.days}))


def _conflict(error: errors.EscalationConflictError, current: EscalationView) -> ProblemError:
    return ProblemError(
        *_PROBLEMS[type(error)],
        str(error),
        headers={"ETag": etag(error.escalation.version)},
        **(reason_of(error.refusal.code, error.refusal.parameters) if error.refusal else {}),
        state=error.escalation.state,
        current=EscalationOut.of(current).model_dump(mode="json"),
    )


def _stale_setting(error: errors.StaleSettingError) -> ProblemError:
    current = error.current
    if current is None:
        return ProblemError(*_PROBLEMS[type(error)], str(error), current=None)
    return ProblemError(
        *_PROBLEMS[type(error)],
        str(error),
        headers={"ETag": etag(current.version)},
        current={
            "id": current.id,
            "version": current.version,
            "body": setting_document(current.body),
        },
    )
