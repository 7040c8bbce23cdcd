"""Webhooks of every kind of channel."""

import secrets
from collections.abc import Callable
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any, Final

import structlog
from fastapi import Path, Request, Response

from common.core.clock import TimeSource
from common.core.metrics import Metrics
from common.http.problems import ProblemError, listed
from common.http.routes import ApiRouter
from common.http.webhooks import BadSignatureError, StaleRequestError
from common.http.whole_request import WholeRequest
from common.storage.database import Database
from intake import deliveries
from intake.api.answers import DeliveryOut
from intake.api.connections import ConnectionPath, KindPath
from intake.api.deps import (
    IntakeDatabase,
    get_channel,
    get_customer_namespaces,
    get_noticed_activity,
    get_sign_reader,
    transaction,
)
from intake.api.rate_limits import require_within_limit
from intake.channels.base import Channel, RefusalOverLimit, WebhookRequest
from intake.channels.registry import REFUSALS_OVER_LIMIT
from intake.connection_secrets import SecretUnavailableError
from intake.connections.changes import MIN_SECRET_CHARACTERS
from intake.deliveries import Delivery, Outcome, TooManyKeptDeliveriesError
from intake.domain.model import ChannelConnection
from intake.store import UnitOfWork
from intake.store.connections import UnreadableConnectionError

# An admin has to replay or discard what was kept.
_RETRY_AFTER_S: Final = "600"
_RETRY_PAUSED_S: Final = "300"
_PAUSED: Final = "The connection is paused: it takes nothing. Send it again later."

log = structlog.get_logger()

PATH: Final = "/v1/channels/"

router = ApiRouter(prefix=PATH.rstrip("/"), tags=["channels"])

SecretPath = Annotated[
    str,
    Path(
        min_length=MIN_SECRET_CHARACTERS,
        max_length=300,
        description="A secret of the connection.",
        examples=["4f1d8a70c2b94e6fa3571d0c"],
    ),
]
_WEBHOOK_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    202: {"description": "Kept, and not applied.", "model": DeliveryOut},
    **listed(
        (401, "signature-refused"),
        (404, "channel-not-found"),
        (413, "too-large"),
        (429, "rate-limited"),
        (503, "connection-paused"),
        (503, "over-the-limit"),
        (503, "rate-limited"),
        (503, "secret-unavailable"),
        (503, "too-many-kept-deliveries"),
        (503, "too-many-large-bodies"),
    ),
}


@router.post("/{kind}/{connection}", response_model=DeliveryOut, responses=_WEBHOOK_RESPONSES)
async def receive_webhook(
    kind: KindPath,
    connection: ConnectionPath,
    request: WholeRequest,
    response: Response,
    database: IntakeDatabase,
) -> DeliveryOut | Response:
    """Take a webhook of an outside system.

    The outside system proves itself by its signature. A repeated delivery is answered like the
    first and changes nothing. For an unknown connection every signature is wrong.

    What is about something that is no contact (a user, an article), or about a contact that was
    over before we ever saw it, is ignored: 200 without results. Events come in any order: each
    changes only what nothing newer has changed.

    A signed delivery is never lost. What can't be read or applied answers 202 and is kept with the
    reason, among the dead letters; an admin replays it once the fault is corrected. While a
    thousand of a connection wait there, a further one answers 503: it has to be sent again. So does
    one of a connection that is paused, or whose secret can't be read.

    Of a connection with a rate limit every answer to a right signature has the headers
    `RateLimit-Policy` and `RateLimit`. A delivery over the limit answers 429 or 503, by what makes
    this kind of system send it again.
    """
    channel = get_channel(request, kind)
    webhook = WebhookRequest(request.headers, await request.body(), address_of(request))
    return await _receive(channel, connection, webhook, request, response, database)


@router.post(
    "/{kind}/{connection}/{secret}", response_model=DeliveryOut, responses=_WEBHOOK_RESPONSES
)
async def receive_webhook_by_secret(
    kind: KindPath,
    connection: ConnectionPath,
    secret: SecretPath,
    request: WholeRequest,
    response: Response,
    database: IntakeDatabase,
) -> DeliveryOut | Response:
    """Take a webhook of an outside system that can't sign: a secret is a part of its address.

    It is answered as one with a signature.
    """
    channel = get_channel(request, kind)
    body, address = await request.body(), address_of(request)
    webhook = WebhookRequest(request.headers, body, address, path_secret=secret)
    return await _receive(channel, connection, webhook, request, response, database)


def address_of(request: Request) -> str:
    """Return the address as the caller wrote it; a proxy may have changed the scheme."""
    scope = request.scope
    path = scope.get("raw_path") or scope["path"].encode()
    query = scope["query_string"]
    host = request.headers.get("host", "")
    return f"https://{host}{path.decode('latin-1')}" + (
        f"?{query.decode('latin-1')}" if query else ""
    )


async def _receive(
    channel: Channel,
    name: str,
    webhook: WebhookRequest,
    request: WholeRequest,
    response: Response,
    database: Database[UnitOfWork],
) -> DeliveryOut | Response:
    clock: TimeSource = request.app.state.clock
    metrics: Metrics = request.app.state.metrics
    now = clock.utc_now()
    note_failure = partial(get_noticed_activity(request).note_failure, channel.kind, name, now)
    connection = await _find(channel, name, note_failure, database)
    try:
        verified = await deliveries.use_body(
            webhook, lambda: _verify(channel, connection, webhook, now)
        )
    except (BadSignatureError, StaleRequestError) as error:
        # By the kind alone: a stranger does not learn which connections there are.
        detail = f"{error.__doc__} {channel.proof}"
        if connection is not None:
            note_failure("signature-refused", detail)
        raise ProblemError(HTTPStatus.UNAUTHORIZED, "signature-refused", detail) from error
    await _admit(verified, request, now)
    delivery = Delivery(channel, verified, webhook)
    namespaces, signs = get_customer_namespaces(request), get_sign_reader(request)
    try:
        outcome = await deliveries.receive(delivery, namespaces, signs, database, metrics)
    except TooManyKeptDeliveriesError as error:
        detail = str(error.__doc__)
        note_failure("too-many-kept-deliveries", detail)
        headers = {"Retry-After": _RETRY_AFTER_S}
        raise ProblemError(503, "too-many-kept-deliveries", detail, headers=headers) from error
    get_noticed_activity(request).note_delivery(channel.kind, name, now)
    if outcome.kept_because is not None:
        note_failure("delivery-kept", outcome.kept_because)
    metrics.webhooks.labels(channel.kind, _outcome(outcome)).inc()
    # After the commit: what a system takes for safe is safe.
    if reply := channel.reply(webhook):
        return Response(reply.content, media_type=reply.media_type)
    if outcome.kept:
        response.status_code = HTTPStatus.ACCEPTED
    return DeliveryOut.model_validate(
        {"results": outcome.applied, "kept": outcome.kept}, from_attributes=True
    )


async def _find(
    channel: Channel,
    name: str,
    note_failure: Callable[[str, str], None],
    database: Database[UnitOfWork],
) -> ChannelConnection | None:
    try:
        async with transaction(database) as uow:
            return await uow.channel_connections.get(channel.kind, name)
    except (SecretUnavailableError, UnreadableConnectionError) as error:
        # Nobody can say whether the signature is right: the system sends it again.
        note_failure("secret-unavailable", str(error))
        log.warning("connection_secret_unavailable", kind=channel.kind, connection=name)
        detail = "Deliveries by this connection can't be checked now. Send it again later."
        raise ProblemError(503, "secret-unavailable", detail) from error


async def _admit(connection: ChannelConnection, request: WholeRequest, now: datetime) -> None:
    """Raise ProblemError if the connection is paused, or over its rate limit."""
    activity, key = get_noticed_activity(request), (connection.kind, connection.connection)
    metrics: Metrics = request.app.state.metrics
    if connection.state == "paused":
        activity.note_failure(*key, now, "connection-paused", _PAUSED)
        metrics.webhooks.labels(connection.kind, "paused").inc()
        headers = {"Retry-After": _RETRY_PAUSED_S}
        raise ProblemError(503, "connection-paused", _PAUSED, headers=headers)
    limit = connection.rate_limit
    if limit is None:
        return
    refusal = REFUSALS_OVER_LIMIT.get(connection.kind, RefusalOverLimit())
    try:
        await require_within_limit(connection.system, limit, request, refusal)
    except ProblemError as problem:
        # It came, and will come again: the connection is not silent.
        activity.note_delivery(*key, now)
        activity.note_failure(*key, now, problem.code, problem.detail)
        metrics.webhooks.labels(connection.kind, "rate_limited").inc()
        raise


def _outcome(outcome: Outcome) -> str:
    if outcome.kept:
        return "kept"
    return "applied" if outcome.applied or outcome.cases else "ignored"


def _verify(
    channel: Channel, named: ChannelConnection | None, webhook: WebhookRequest, now: datetime
) -> ChannelConnection:
    """Return the connection; raises BadSignatureError or StaleRequestError.

    Neither the answer nor its time says which connections there are.
    """
    connection = named or ChannelConnection("", channel.kind, secrets.token_urlsafe(), {})
    channel.verify(connection, webhook, now)
    if named is None:
        raise BadSignatureError
    return named
