"""Webhooks of every kind of channel, and the connections that they come by."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import Depends, Path, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from common.core.clock import TimeSource
from common.core.metrics import Metrics
from common.core.secret_strength import split_secrets, weakness
from common.http.access import require_role
from common.http.app import Slug
from common.http.problems import ProblemError, listed
from common.http.routes import ApiRouter
from common.http.webhooks import BadSignatureError, StaleRequestError
from common.storage.database import Database
from intake import deliveries
from intake.api.answers import DeliveryOut
from intake.api.deps import (
    IntakeDatabase,
    get_channel,
    get_customer_namespaces,
    get_sign_reader,
    transaction,
)
from intake.api.schemas import ConnectionIn
from intake.channels.base import Channel, WebhookRequest
from intake.deliveries import Delivery, Outcome, TooManyKeptDeliveriesError
from intake.domain.model import ChannelConnection
from intake.store import UnitOfWork

# The outside system chooses it, and some choose short ones.
_MIN_SECRET_CHARACTERS = 16
# An admin has to replay or discard what was kept.
_RETRY_AFTER_S: Final = "600"

PATH: Final = "/v1/channels/"

router = ApiRouter(prefix=PATH.rstrip("/"), tags=["channels"])

KindPath = Annotated[Slug, Path(description="The kind of channel.", examples=["zendesk"])]
SecretPath = Annotated[
    str,
    Path(
        min_length=_MIN_SECRET_CHARACTERS,
        max_length=300,
        description="A secret of the connection.",
        examples=["4f1d8a70c2b94e6fa3571d0c"],
    ),
]
ConnectionPath = Annotated[Slug, Path(description="The name of the connection.", examples=["acme"])]


@router.put(
    "/{kind}/{connection}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=listed((404, "channel-not-found"), (422, "weak-secret")),
    dependencies=[Depends(require_role("manager"))],
)
async def connect_channel(
    kind: KindPath,
    connection: ConnectionPath,
    body: ConnectionIn,
    request: Request,
    database: IntakeDatabase,
) -> None:
    """Connect an outside system, or change its secret and options."""
    channel = get_channel(request, kind)
    if not request.app.state.trial:
        _require_strong_secrets(body.secret)
    with _invalid_at("body", "options"):
        options = channel.options.model_validate(body.options).model_dump(mode="json")
    async with transaction(database) as uow:
        await uow.channel_connections.save(
            ChannelConnection(connection, channel.kind, body.secret, options)
        )


_WEBHOOK_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    202: {"description": "Kept, and not applied.", "model": DeliveryOut},
    **listed(
        (401, "signature-refused"),
        (404, "channel-not-found"),
        (413, "too-large"),
        (503, "over-the-limit"),
        (503, "too-many-kept-deliveries"),
        (503, "too-many-large-bodies"),
    ),
}


@router.post("/{kind}/{connection}", response_model=DeliveryOut, responses=_WEBHOOK_RESPONSES)
async def receive_webhook(
    kind: KindPath,
    connection: ConnectionPath,
    request: Request,
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
    thousand of a connection wait there, a further one answers 503: it has to be sent again.
    """
    channel = get_channel(request, kind)
    webhook = WebhookRequest(request.headers, await request.body(), _address(request))
    return await _receive(channel, connection, webhook, request, response, database)


@router.post(
    "/{kind}/{connection}/{secret}", response_model=DeliveryOut, responses=_WEBHOOK_RESPONSES
)
async def receive_webhook_by_secret(
    kind: KindPath,
    connection: ConnectionPath,
    secret: SecretPath,
    request: Request,
    response: Response,
    database: IntakeDatabase,
) -> DeliveryOut | Response:
    """Take a webhook of an outside system that can't sign: a secret is a part of its address.

    It is answered as one with a signature.
    """
    channel = get_channel(request, kind)
    body, address = await request.body(), _address(request)
    webhook = WebhookRequest(request.headers, body, address, path_secret=secret)
    return await _receive(channel, connection, webhook, request, response, database)


def _address(request: Request) -> str:
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
    connection: str,
    webhook: WebhookRequest,
    request: Request,
    response: Response,
    database: Database[UnitOfWork],
) -> DeliveryOut | Response:
    async with transaction(database) as uow:
        named = await uow.channel_connections.get(channel.kind, connection)
    clock: TimeSource = request.app.state.clock
    try:
        now = clock.utc_now()
        connected = await deliveries.use_body(
            webhook, lambda: _verify(channel, named, webhook, now)
        )
    except (BadSignatureError, StaleRequestError) as error:
        # By the kind alone: a stranger does not learn which connections there are.
        detail = f"{error.__doc__} {channel.proof}"
        raise ProblemError(HTTPStatus.UNAUTHORIZED, "signature-refused", detail) from error
    delivery = Delivery(channel, connected, webhook)
    metrics: Metrics = request.app.state.metrics
    namespaces, signs = get_customer_namespaces(request), get_sign_reader(request)
    try:
        outcome = await deliveries.receive(delivery, namespaces, signs, database, metrics)
    except TooManyKeptDeliveriesError as error:
        detail = str(error.__doc__)
        headers = {"Retry-After": _RETRY_AFTER_S}
        raise ProblemError(503, "too-many-kept-deliveries", detail, headers=headers) from error
    metrics.webhooks.labels(channel.kind, _outcome(outcome)).inc()
    # After the commit: what a system takes for safe is safe.
    if reply := channel.reply(webhook):
        return Response(reply.content, media_type=reply.media_type)
    if outcome.kept:
        response.status_code = HTTPStatus.ACCEPTED
    return DeliveryOut.model_validate(
        {"results": outcome.applied, "kept": outcome.kept}, from_attributes=True
    )


def _outcome(outcome: Outcome) -> str:
    if outcome.kept:
        return "kept"
    return "applied" if outcome.applied else "ignored"


def _require_strong_secrets(secret: str) -> None:
    for each in split_secrets(secret) or ("",):
        if reason := weakness(each, min_characters=_MIN_SECRET_CHARACTERS):
            raise ProblemError(422, "weak-secret", f"body/secret: {reason}.")


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


@contextmanager
def _invalid_at(*place: str) -> Iterator[None]:
    """Report what is wrong with a part of the request by its place, as FastAPI does itself."""
    try:
        yield
    except ValidationError as error:
        details: list[Any] = error.errors(include_url=False)
        raise RequestValidationError(
            [{**detail, "loc": (*place, *detail["loc"])} for detail in details]
        ) from error
