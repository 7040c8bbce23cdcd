"""What routes share: the database, the callers, and which error is which problem."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, Header, Request

from common.contracts.event import PersonId, Role, SystemName
from common.http.access import Principal, require_role
from common.http.app import get_database
from common.http.group_commit import CommandBatcher
from common.http.idempotency import DESCRIPTION, MAX_CHARACTERS
from common.http.if_match import etag
from common.http.problems import ProblemError, error_responses, invalid
from common.storage.database import Database
from intake.channels.base import Channel
from intake.connections.activity import NoticedActivity
from intake.domain import errors
from intake.domain.actors import Actor, Reach
from intake.domain.customers import CustomerNamespaces
from intake.domain.receipts import Receipt
from intake.domain.understanding.signs import SignReader
from intake.reception import ReceiveRequest
from intake.store import UnitOfWork

IntakeDatabase = Annotated[Database[UnitOfWork], Depends(get_database)]
ChannelUser = Annotated[Principal, Depends(require_role("channel"))]
ChannelOrStaffUser = Annotated[
    Principal, Depends(require_role("channel", "representative", "supervisor", "manager"))
]
KeyHeader = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=MAX_CHARACTERS,
        description=DESCRIPTION,
    ),
]

_PROBLEMS: Mapping[type[Exception], tuple[HTTPStatus, str]] = {
    errors.ContactNotFoundError: (HTTPStatus.NOT_FOUND, "contact-not-found"),
    errors.NotYourContactError: (HTTPStatus.FORBIDDEN, "not-your-contact"),
    errors.PersonNotYourselfError: (HTTPStatus.FORBIDDEN, "person-not-yourself"),
    errors.CustomerNotFoundError: (HTTPStatus.NOT_FOUND, "customer-not-found"),
    errors.CustomerMergeTargetError: (HTTPStatus.CONFLICT, "customer-merge-target"),
    errors.CustomerMergedElsewhereError: (HTTPStatus.CONFLICT, "customer-merged"),
    errors.StaleCustomerError: (HTTPStatus.PRECONDITION_FAILED, "stale"),
    errors.TooManyContactsError: (HTTPStatus.CONFLICT, "too-many-contacts"),
    errors.EarlierContactNotFoundError: (
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "earlier-contact-not-found",
    ),
    errors.SupervisorQuestionNotFoundError: (
        HTTPStatus.CONFLICT,
        "supervisor-question-not-found",
    ),
    errors.SurveyNotFoundError: (HTTPStatus.NOT_FOUND, "survey-not-found"),
    errors.TimeOutOfBoundsError: (HTTPStatus.UNPROCESSABLE_ENTITY, "time-out-of-bounds"),
    errors.MergeTargetError: (HTTPStatus.UNPROCESSABLE_ENTITY, "merge-target-not-found"),
    errors.ResolutionNotFoundError: (HTTPStatus.CONFLICT, "resolution-not-found"),
    errors.ScoreOutOfScaleError: (HTTPStatus.UNPROCESSABLE_ENTITY, "score-out-of-scale"),
    errors.InteractionNotOverError: (HTTPStatus.UNPROCESSABLE_ENTITY, "interaction-not-over"),
    errors.KeyReusedError: (HTTPStatus.UNPROCESSABLE_ENTITY, "idempotency-key-reused"),
    errors.OtherCustomerError: (HTTPStatus.CONFLICT, "contact-of-another-customer"),
    errors.WrongStateError: (HTTPStatus.CONFLICT, "wrong-state"),
    errors.MergeTargetEndedError: (HTTPStatus.CONFLICT, "merge-target-ended"),
    errors.ConnectionNotFoundError: (HTTPStatus.NOT_FOUND, "connection-not-found"),
    errors.StaleConnectionError: (HTTPStatus.PRECONDITION_FAILED, "stale"),
    errors.WeakSecretError: (HTTPStatus.UNPROCESSABLE_ENTITY, "weak-secret"),
}


refusals = partial(error_responses, _PROBLEMS)
# What any route about one contact may refuse.
ON_CONTACT = (errors.ContactNotFoundError, errors.NotYourContactError)
# And any route that changes it, also one about what a person did with it.
ON_CHANGE = (*ON_CONTACT, errors.WrongStateError)
ON_ACTION = (*ON_CHANGE, errors.PersonNotYourselfError)
_REACHES: Mapping[Role, Reach] = {
    "channel": "received",
    "representative": "assigned",
    "supervisor": "all",
    "manager": "all",
    "admin": "all",
}


def make_actor(caller: Principal, person_id: PersonId | None = None) -> Actor:
    """Return who acts: the caller, and the person whom the request names.

    Raises PersonNotYourselfError if a person names somebody else.
    """
    reach = _REACHES[caller.role]
    system = SystemName(caller.name) if caller.person_id is None else None
    actor = Actor(reach, person_id=caller.person_id, system=system)
    return actor.naming(person_id)


def get_customer_namespaces(request: Request) -> CustomerNamespaces:
    namespaces: CustomerNamespaces = request.app.state.customer_namespaces
    return namespaces


def get_sign_reader(request: Request) -> SignReader:
    reader: SignReader = request.app.state.sign_reader
    return reader


def get_noticed_activity(request: Request) -> NoticedActivity:
    noticed: NoticedActivity = request.app.state.noticed_activity
    return noticed


def get_receive_batcher(
    request: Request,
) -> CommandBatcher[UnitOfWork, ReceiveRequest, Receipt]:
    batcher: CommandBatcher[UnitOfWork, ReceiveRequest, Receipt]
    batcher = request.app.state.receive_batcher
    return batcher


def get_channel(request: Request, kind: str) -> Channel:
    channels: Mapping[str, Channel] = request.app.state.channels
    channel = channels.get(kind)
    if channel is None:
        kinds = ", ".join(sorted(channels))
        detail = f"There is no kind of channel {kind}. The kinds are: {kinds}."
        raise ProblemError(HTTPStatus.NOT_FOUND, "channel-not-found", detail)
    return channel


@asynccontextmanager
async def transaction(database: Database[UnitOfWork]) -> AsyncIterator[UnitOfWork]:
    """Open a transaction; refusals of the domain become problems."""
    with problems():
        async with database.transaction() as uow:
            yield uow


@contextmanager
def problems() -> Iterator[None]:
    """Turn refusals of the domain into problem documents."""
    try:
        yield
    except (errors.WrongStateError, errors.MergeTargetEndedError) as error:
        raise _conflict(error) from error
    except errors.StaleConnectionError as error:
        headers = {} if error.version is None else {"ETag": etag(error.version)}
        raise ProblemError(*_PROBLEMS[type(error)], str(error), headers=headers) from error
    except errors.InvalidConnectionError as error:
        place = f"body/{error.place}"
        if isinstance(error, errors.WeakSecretError):
            errors_by_place = [{"pointer": place, "detail": str(error)}]
            raise ProblemError(
                *_PROBLEMS[type(error)], f"{place}: {error}", errors=errors_by_place
            ) from error
        raise invalid((place, str(error))) from error
    except errors.CustomerMergedElsewhereError as error:
        status, code = _PROBLEMS[type(error)]
        raise ProblemError(status, code, str(error), merged_into=error.merged_into) from error
    except tuple(_PROBLEMS) as error:
        status, code = _PROBLEMS[type(error)]
        raise ProblemError(status, code, str(error)) from error


def _conflict(error: errors.WrongStateError | errors.MergeTargetEndedError) -> ProblemError:
    """Say in which state the contact is and, if it was merged, where its work goes on."""
    extensions: dict[str, Any] = {"state": error.state}
    if error.merged_into is not None:
        extensions["merged_into"] = error.merged_into
    return ProblemError(*_PROBLEMS[type(error)], str(error), **extensions)
