"""What routes share: the database, who may call them, and which error is which problem."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus
from math import ceil
from typing import Annotated, Final

from fastapi import Depends, Path, Request

from common.contracts.event import UUID_PATTERN
from common.contracts.notifications import Medium
from common.core.clock import TimeSource
from common.http.accept_language import preferred_language
from common.http.access import Principal
from common.http.app import get_database
from common.http.problems import ProblemError, error_responses
from common.storage.database import Database
from notifier import rendering
from notifier.channels.base import MalformedPayloadError, SignatureRefusedError
from notifier.domain.content import status_of
from notifier.domain.content_levels import ContentLevels
from notifier.domain.errors import (
    AddressIncompleteError,
    AddressNotAllowedError,
    AddressNotFoundError,
    AnswerTooLateError,
    AttemptUnderWayError,
    CaseWriteNotFailedError,
    CaseWriteNotFoundError,
    CaseWriteOutdatedError,
    ChannelUserTakenError,
    ContactMethodNotAllowedError,
    CredentialsMissingError,
    DeviceForbiddenError,
    DeviceNotFoundError,
    LinkPurposeError,
    LinkVoidError,
    MaintenanceNotFoundError,
    MaintenanceTimesError,
    NotHeldError,
    NothingToAcknowledgeError,
    NothingToTestError,
    NotificationNotFoundError,
    NotPagedError,
    NotYourselfError,
    OperationsAddressError,
    OperationsQuietHoursError,
    PushServiceError,
    ReceiverRefusedError,
    RecipientForbiddenError,
    RecipientNotFoundError,
    SecretAddressesOffError,
    StaleRecipientError,
    StaleTemplateError,
    StaleWriteBackError,
    StatusWebhookChangedError,
    StatusWebhookForbiddenError,
    StatusWebhookNotFoundError,
    StatusWebhooksOffError,
    TemplateVersionNotFoundError,
    TestNotFoundError,
    TooManyChangesError,
    TooManyCodesError,
    TooManyTestsError,
    TooSoonError,
    WebPushOffError,
    WriteBackNotFoundError,
    WriteBacksOffError,
    WrongCodeError,
)
from notifier.domain.recipients import DEFAULT_LANGUAGE, LANGUAGES
from notifier.links import (
    Capability,
    ExpiredLinkError,
    ForgedLinkError,
    Links,
    MailStopLink,
)
from notifier.secret_addresses import AddressSealer
from notifier.store.unit_of_work import UnitOfWork
from notifier.use_cases.recipients import CHANGES_WINDOW, Caller

UUID = f"^{UUID_PATTERN}$"

NotifierDatabase = Annotated[Database[UnitOfWork], Depends(get_database)]
LinkPath = Annotated[str, Path(description="What the link ends with.", examples=["…"])]


async def get_sealer(request: Request) -> AddressSealer:
    sealer: AddressSealer = request.app.state.address_sealer
    return sealer


Sealer = Annotated[AddressSealer, Depends(get_sealer)]


async def get_content_levels(request: Request) -> ContentLevels:
    levels: ContentLevels = request.app.state.content_levels
    return levels


# Which error of the domain is which problem; the class's docstring is its message.
_PROBLEMS: Mapping[type[Exception], tuple[int, str]] = {
    NotificationNotFoundError: (404, "notification-not-found"),
    NothingToAcknowledgeError: (409, "nothing-to-acknowledge"),
    NotHeldError: (409, "not-held"),
    NotPagedError: (403, "not-paged"),
    AttemptUnderWayError: (503, "attempt-under-way"),
    LinkVoidError: (410, "link-void"),
    LinkPurposeError: (403, "link-shows-only"),
    ChannelUserTakenError: (409, "channel-user-taken"),
    RecipientNotFoundError: (404, "recipient-not-found"),
    RecipientForbiddenError: (403, "not-your-recipient"),
    SecretAddressesOffError: (409, "secret-addresses-off"),
    AddressIncompleteError: (422, "address-incomplete"),
    ContactMethodNotAllowedError: (422, "contact-method-not-allowed"),
    DeviceForbiddenError: (403, "not-your-device"),
    DeviceNotFoundError: (404, "device-not-found"),
    WebPushOffError: (409, "web-push-off"),
    PushServiceError: (422, "push-service-not-allowed"),
    OperationsAddressError: (409, "operations-needs-address"),
    NotYourselfError: (403, "not-yourself"),
    AddressNotFoundError: (404, "address-not-found"),
    TooManyCodesError: (429, "too-many-codes"),
    WrongCodeError: (409, "wrong-code"),
    TooManyTestsError: (429, "too-many-tests"),
    NothingToTestError: (409, "nothing-to-test"),
    TestNotFoundError: (404, "test-not-found"),
    OperationsQuietHoursError: (409, "operations-without-quiet-hours"),
    WriteBackNotFoundError: (404, "write-back-not-found"),
    WriteBacksOffError: (409, "write-backs-off"),
    StaleWriteBackError: (412, "stale"),
    CredentialsMissingError: (422, "credentials-missing"),
    AddressNotAllowedError: (422, "address-not-allowed"),
    CaseWriteNotFoundError: (404, "write-not-found"),
    CaseWriteNotFailedError: (409, "write-not-failed"),
    CaseWriteOutdatedError: (409, "write-outdated"),
    MaintenanceNotFoundError: (404, "maintenance-not-found"),
    MaintenanceTimesError: (422, "maintenance-times"),
    TooManyChangesError: (429, "too-many-changes"),
    AnswerTooLateError: (409, "answer-too-late"),
    ForgedLinkError: (401, "link-forged"),
    ExpiredLinkError: (410, "link-expired"),
    StatusWebhooksOffError: (409, "status-webhooks-off"),
    StatusWebhookNotFoundError: (404, "status-webhook-not-found"),
    StatusWebhookForbiddenError: (403, "not-your-status-webhook"),
    StatusWebhookChangedError: (412, "stale"),
    ReceiverRefusedError: (422, "receiver-refused"),
    StaleRecipientError: (412, "stale"),
    StaleTemplateError: (412, "stale"),
    TemplateVersionNotFoundError: (404, "template-version-not-found"),
}
refusals = partial(error_responses, _PROBLEMS)
# What any link or button of a message may meet, and what an answer by it may.
ON_LINK: Final = (ForgedLinkError, ExpiredLinkError, LinkVoidError, NotificationNotFoundError)
ON_ANSWER: Final = (*ON_LINK, LinkPurposeError, NothingToAcknowledgeError, AnswerTooLateError)
# What a request of an outside system may meet that it has signed.
ON_SIGNED: Final = ((401, "signature-refused"), (400, "malformed-payload"))


@asynccontextmanager
async def transaction(database: Database[UnitOfWork]) -> AsyncIterator[UnitOfWork]:
    """Open a transaction; the errors of the domain become problems."""
    with problems():
        async with database.transaction() as uow:
            yield uow


@contextmanager
def problems() -> Iterator[None]:
    """Let the errors of the domain become problems, where no transaction is to be undone."""
    try:
        yield
    except AnswerTooLateError as error:
        escalation = error.escalation
        state = rendering.status_text(status_of(escalation, escalation.by), escalation.at)
        raise ProblemError(
            *_PROBLEMS[AnswerTooLateError],
            f"{state}. {error}",
            state=escalation.state,
            by=escalation.by,
        ) from error
    except tuple(_PROBLEMS) as error:
        status, code = next(
            problem for kind, problem in _PROBLEMS.items() if isinstance(error, kind)
        )
        wait = _wait_after(error) if status == HTTPStatus.TOO_MANY_REQUESTS else None
        headers = {"Retry-After": str(ceil(wait.total_seconds()))} if wait else None
        detail = str(error) or str(error.__doc__)
        raise ProblemError(status, code, detail, headers=headers) from error


@contextmanager
def payload_problems() -> Iterator[None]:
    """Let what is wrong with a request of an outside system become a problem."""
    try:
        yield
    except SignatureRefusedError as error:
        raise ProblemError(401, "signature-refused", str(error)) from error
    except MalformedPayloadError as error:
        code = "invalid" if error.status == HTTPStatus.UNPROCESSABLE_ENTITY else "malformed-payload"
        raise ProblemError(error.status, code, str(error)) from error


def _wait_after(error: Exception) -> timedelta:
    """Return when there is room again at the latest."""
    return error.wait if isinstance(error, TooSoonError) else CHANGES_WINDOW


def caller_of(principal: Principal) -> Caller:
    return Caller(principal.actor, principal.person_id, principal.role == "admin")


def request_time(request: Request) -> datetime:
    clock: TimeSource = request.app.state.clock
    return clock.utc_now()


async def language_of_user(medium: Medium, user_id: str, database: Database[UnitOfWork]) -> str:
    """Return the language of who answers by a channel; English for who is nobody here."""
    async with database.transaction() as uow:
        recipient = await uow.recipients.of_user(medium, user_id)
    return (recipient and recipient.language) or DEFAULT_LANGUAGE


def language_of_browser(request: Request) -> str:
    """Return the language that the browser of a stranger asks for."""
    wished = request.headers.get("accept-language", "")
    return preferred_language(wished, LANGUAGES) or DEFAULT_LANGUAGE


def capability_of(token: str, request: Request) -> Capability:
    """Read a signed token; raises ProblemError if it is forged or has expired."""
    links: Links = request.app.state.links
    with problems():
        return links.read(token, request_time(request))


def mail_stop_link_of(token: str, request: Request) -> MailStopLink:
    """Read the token of a link that stops mails; raises ProblemError as `capability_of`."""
    links: Links = request.app.state.links
    with problems():
        return links.read_mail_stop(token, request_time(request))
