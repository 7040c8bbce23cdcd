"""Status webhooks: a channel sets where it is told what becomes of its contacts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import Depends, Path, Query, Request, Response
from pydantic import StringConstraints, TypeAdapter

from common.contracts.contract import Instant
from common.contracts.event import ID_PATTERN, ContactId, SystemName
from common.core.ids import new_id
from common.core.preconditions import Precondition
from common.core.sealed_secrets import SecretBox
from common.http.access import Principal, require_role
from common.http.examples import CHANNEL_SYSTEM
from common.http.if_match import IfMatch, WritePrecondition, etag
from common.http.pagination import Cursor, Limit, Page, decode_cursor
from common.http.routes import ApiRouter
from notifier.api.deps import UUID, NotifierDatabase, refusals, request_time, transaction
from notifier.api.status_webhook_schemas import (
    ReplayIn,
    ReplayOut,
    RotationIn,
    StatusDeliveryOut,
    StatusWebhookDetailOut,
    StatusWebhookIn,
    StatusWebhookOut,
    TestOut,
    delivery_out,
    detail_out,
    fields_of,
)
from notifier.channels.receiver_guard import ForbiddenReceiverError
from notifier.channels.status_calls import StatusCaller, make_secret, write_test_body
from notifier.domain import errors
from notifier.domain.status_webhooks import CallResult, DeliveryState, StatusWebhook
from notifier.store.status_webhooks import DeliveryFilter
from notifier.store.unit_of_work import UnitOfWork
from notifier.use_cases import status_webhooks
from notifier.use_cases.status_webhooks import PutStatusWebhook

_SYSTEM_PATTERN: Final = f"^{ID_PATTERN}:{ID_PATTERN}$"
# Tests of all callers at a time in one process.
_TESTS: Final = asyncio.Semaphore(4)
_SOURCE_KEY = TypeAdapter(Annotated[SystemName, StringConstraints(pattern=_SYSTEM_PATTERN)])
_DELIVERY_KEY = TypeAdapter(tuple[Instant, Annotated[str, StringConstraints(pattern=UUID)]])

SourcePath = Annotated[
    SystemName,
    Path(
        pattern=_SYSTEM_PATTERN,
        description="The system whose contacts it is about, as `received_from` names it.",
        examples=[CHANNEL_SYSTEM],
    ),
]
WebhookUser = Annotated[Principal, Depends(require_role("channel", "manager"))]


router = ApiRouter(prefix="/v1/status-webhooks", tags=["status webhooks"])
# Their answers have secrets, which are stored nowhere in clear: `Idempotency-Key` is not heeded.
PATHS_WITH_SECRETS: Final = tuple(
    f"{router.prefix}{path}" for path in ("/{source}", "/{source}/rotate-secret")
)
_ON_ONE: Final = (errors.StatusWebhookForbiddenError, errors.StatusWebhookNotFoundError)


@router.put(
    "/{source}",
    responses=refusals(
        errors.StatusWebhookForbiddenError,
        errors.StatusWebhooksOffError,
        errors.StatusWebhookChangedError,
        errors.ReceiverRefusedError,
    ),
)
async def put_webhook(
    source: SourcePath,
    body: StatusWebhookIn,
    request: Request,
    database: NotifierDatabase,
    principal: WebhookUser,
    precondition: WritePrecondition,
    response: Response,
) -> StatusWebhookOut:
    """Post the statuses of this system's contacts there; it replaces what was set before.

    Statuses are posted from a few seconds later on, each at least once, those of a contact in their
    order. A webhook that was disabled is active again, and gets what waited. A secret that is made
    is in this answer and stored encrypted only, so `Idempotency-Key` is not heeded.
    """
    async with _opened(database, principal, source) as uow:
        box = _secret_box(request)
        _check_url(body.url, request)
        secret = body.secret
        before = await uow.status_webhooks.lock_name(source)
        if secret is None and not (before and before.secrets):
            secret = make_secret()
        command = PutStatusWebhook(
            source,
            body.url,
            tuple(dict.fromkeys(body.statuses)),
            None if secret is None else box.seal(secret),
            principal.actor,
        )
        webhook = await status_webhooks.put_webhook(command, precondition, uow)
    response.headers["ETag"] = etag(webhook.version)
    return StatusWebhookOut(**fields_of(webhook), secret=secret)


@router.get("/{source}", responses=refusals(*_ON_ONE))
async def show_webhook(
    source: SourcePath, database: NotifierDatabase, principal: WebhookUser, response: Response
) -> StatusWebhookDetailOut:
    """Show the webhook, whether its receiver fails, and what waits for it."""
    async with _opened(database, principal, source) as uow:
        webhook = await status_webhooks.get_webhook(source, uow)
        counts = await uow.status_deliveries.count([source])
    response.headers["ETag"] = etag(webhook.version)
    return detail_out(webhook, counts[source])


@router.get("")
async def list_webhooks(
    database: NotifierDatabase,
    principal: WebhookUser,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[StatusWebhookDetailOut]:
    """List the webhooks by system, and what waits for each: a channel sees its own."""
    after = decode_cursor(cursor, _SOURCE_KEY)
    async with transaction(database) as uow:
        if principal.role == "channel":
            own = await uow.status_webhooks.get(SystemName(principal.name))
            listed = [own] if own else []
        else:
            listed = await uow.status_webhooks.page(after, limit + 1)
        counts = await uow.status_deliveries.count([webhook.source for webhook in listed[:limit]])
    return Page[StatusWebhookDetailOut].of(
        listed,
        limit,
        key=lambda webhook: webhook.source,
        show=lambda webhook: detail_out(webhook, counts[webhook.source]),
    )


@router.delete(
    "/{source}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=refusals(errors.StatusWebhookForbiddenError, errors.StatusWebhookChangedError),
)
async def remove_webhook(
    source: SourcePath, database: NotifierDatabase, principal: WebhookUser, versions: IfMatch
) -> Response:
    """Post nothing more; what waits is removed too. Again is fine."""
    async with _opened(database, principal, source) as uow:
        await status_webhooks.remove_webhook(source, Precondition(versions), uow)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.post("/{source}/test", responses=refusals(*_ON_ONE, errors.StatusWebhooksOffError))
async def test_webhook(
    source: SourcePath, request: Request, database: NotifierDatabase, principal: WebhookUser
) -> TestOut:
    """Post a message of the type `contact.test` now, once, and say how the receiver answers."""
    async with _opened(database, principal, source) as uow:
        webhook = await status_webhooks.get_webhook(source, uow)
        _secret_box(request)
    webhook_id, at = new_id(), request_time(request)
    result = await _call(request, webhook, webhook_id, at)
    return TestOut(
        delivered=result.is_success,
        webhook_id=webhook_id,
        answer=result.answer,
        detail=result.detail,
    )


@router.post("/{source}/rotate-secret", responses=refusals(*_ON_ONE, errors.StatusWebhooksOffError))
async def rotate_secret(
    source: SourcePath,
    body: RotationIn,
    request: Request,
    database: NotifierDatabase,
    principal: WebhookUser,
    response: Response,
) -> StatusWebhookOut:
    """Sign by a new secret, and for a while by the one before too: a message has both signatures.

    Let the receiver accept the new one before the old one ends. The answer has the secret, so
    `Idempotency-Key` is not heeded.
    """
    secret = body.secret or make_secret()
    overlap = timedelta(hours=body.overlap_hours)
    async with _opened(database, principal, source) as uow:
        sealed = _secret_box(request).seal(secret)
        by = principal.actor
        webhook = await status_webhooks.rotate_secret(source, sealed, overlap, by, uow)
    response.headers["ETag"] = etag(webhook.version)
    return StatusWebhookOut(**fields_of(webhook), secret=secret)


@router.post("/{source}/replay", status_code=HTTPStatus.ACCEPTED, responses=refusals(*_ON_ONE))
async def replay(
    source: SourcePath, body: ReplayIn, database: NotifierDatabase, principal: WebhookUser
) -> ReplayOut:
    """Post statuses again that were delivered or have failed, in their order.

    Each has the `webhook-id` that it had. They are kept for 14 days.
    """
    async with _opened(database, principal, source) as uow:
        count = await status_webhooks.replay(source, body.since, body.contact_id, uow)
    return ReplayOut(replayed=count)


@router.get("/{source}/deliveries", responses=refusals(*_ON_ONE))
async def list_deliveries(
    source: SourcePath,
    database: NotifierDatabase,
    principal: WebhookUser,
    state: Annotated[DeliveryState | None, Query(description="Only those in this state.")] = None,
    contact_id: Annotated[
        ContactId | None, Query(pattern=UUID, description="Only those of this contact.")
    ] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[StatusDeliveryOut]:
    """List the statuses that were posted or wait, the latest first."""
    filters: dict[str, Any] = {"source": source, "state": state, "contact_id": contact_id}
    before = decode_cursor(cursor, _DELIVERY_KEY, filters)
    criteria = DeliveryFilter(source, state, contact_id)
    async with _opened(database, principal, source) as uow:
        await status_webhooks.get_webhook(source, uow)
        listed = await uow.status_deliveries.latest(criteria, before, limit + 1)
    return Page[StatusDeliveryOut].of(
        listed,
        limit,
        key=lambda each: (each.occurred_at, each.change_id),
        show=delivery_out,
        filters=filters,
    )


@asynccontextmanager
async def _opened(
    database: Any, principal: Principal, source: SystemName
) -> AsyncIterator[UnitOfWork]:
    async with transaction(database) as uow:
        if principal.role == "channel" and principal.name != source:
            raise errors.StatusWebhookForbiddenError
        yield uow


def _caller(request: Request) -> StatusCaller:
    caller: StatusCaller = request.app.state.status_caller
    return caller


def _secret_box(request: Request) -> SecretBox:
    box = _caller(request).box
    if box is None:
        raise errors.StatusWebhooksOffError
    return box


def _check_url(url: str, request: Request) -> None:
    try:
        _caller(request).guard.check_url(url)
    except ForbiddenReceiverError as error:
        raise errors.ReceiverRefusedError(f"body/url: {error}.") from error


async def _call(
    request: Request, webhook: StatusWebhook, webhook_id: str, at: datetime
) -> CallResult:
    # Of its own, since its connections belong to this call.
    shared = _caller(request)
    caller = StatusCaller(shared.box, shared.guard, shared.timeout_s)
    try:
        async with _TESTS, asyncio.timeout(shared.timeout_s):
            return await caller.call(webhook, webhook_id, write_test_body(webhook, at), at)
    except TimeoutError:
        return CallResult(None, f"no answer within {shared.timeout_s:g} s")
    finally:
        await caller.close()
