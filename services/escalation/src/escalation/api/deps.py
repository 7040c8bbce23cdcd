"""What routes share: the database, and which error is which problem."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Depends, Header, Path
from pydantic import TypeAdapter

from common.http.access import Principal, require_role
from common.http.app import get_database
from common.http.problems import ProblemError
from common.storage.database import Database
from escalation.api.schemas import etag, shown
from escalation.domain import reactions
from escalation.domain.escalations import actions
from escalation.handlers import (
    ConflictError,
    EscalationNotFoundError,
    InvalidSettingError,
    StaleSettingError,
)
from escalation.store.unit_of_work import ContactNotFoundError, UnitOfWork

EscalationDatabase = Annotated[Database[UnitOfWork], Depends(get_database)]
Upstairs = Annotated[Principal, Depends(require_role("supervisor", "manager"))]
Manager = Annotated[Principal, Depends(require_role("manager"))]
EscalationPath = Annotated[UUID, Path()]
Staff = Annotated[Principal, Depends(require_role("representative", "supervisor", "manager"))]

_ETAGS: Final = r'^(\*|(W/)?"\d{1,9}"( *, *(W/)?"\d{1,9}")*)$'


async def _seen(
    if_match: Annotated[
        str | None,
        Header(pattern=_ETAGS, max_length=200, description="the ETag of what you saw"),
    ] = None,
) -> frozenset[int] | None:
    if if_match in (None, "*"):
        return None
    tags = (tag.strip().removeprefix("W/") for tag in if_match.split(","))
    return frozenset(int(tag.strip('"')) for tag in tags)


# In which versions the caller has seen what is to be changed; nil if any will do.
Seen = Annotated[frozenset[int] | None, Depends(_seen)]


@asynccontextmanager
async def work(database: Database[UnitOfWork]) -> AsyncIterator[UnitOfWork]:
    """Open a transaction whose refusals become problems."""
    try:
        async with database.transaction() as uow:
            yield uow
    except ContactNotFoundError as error:
        raise ProblemError(404, "contact-unknown", "There is no such contact.") from error
    except EscalationNotFoundError as error:
        raise ProblemError(404, "escalation-unknown", "There is no such escalation.") from error
    except reactions.NotOpenError as error:
        raise ProblemError(409, "contact-not-open", "The contact is not open.") from error
    except ConflictError as error:
        raise _conflict(error) from error
    except StaleSettingError as error:
        raise _superseded(error) from error
    except actions.ForbiddenError as error:
        raise ProblemError(403, "forbidden", str(error)) from error
    except InvalidSettingError as error:
        raise invalid(*((f"body/{place}", detail) for place, detail in error.places)) from error


def invalid(*faults: tuple[str, str]) -> ProblemError:
    """Say (place, what is wrong there) as it is said of what the schema refuses."""
    errors = [{"pointer": place, "detail": detail} for place, detail in faults]
    place, detail = faults[0]
    return ProblemError(422, "invalid", f"{place}: {detail}", errors=errors)


def check_length(
    start: datetime, end: datetime, longest: timedelta, place: str, *, after: str
) -> None:
    if not start < end <= start + longest:
        raise invalid((place, f"It must come after {after}, by {longest.days} days at most."))


def cause_of(caller: Principal) -> str:
    return f"{caller.role}:{caller.subject}"


def _conflict(error: ConflictError) -> ProblemError:
    present = shown(error.escalation, error.situation.watch, error.situation.at)
    return ProblemError(
        409,
        error.code,
        str(error),
        headers={"ETag": etag(error.escalation)},
        state=error.escalation.state,
        present=present.model_dump(mode="json"),
    )


def _superseded(error: StaleSettingError) -> ProblemError:
    present = error.present
    if present is None:
        return ProblemError(409, "stale", str(error), present=None)
    body: TypeAdapter[Any] = TypeAdapter(type(present.body))
    return ProblemError(
        409,
        "stale",
        str(error),
        headers={"ETag": etag(present)},
        present={
            "id": present.id,
            "version": present.version,
            "body": body.dump_python(present.body, mode="json", by_alias=True),
        },
    )
