"""Signed deliveries of outside systems: none is lost, even if nobody here can read it."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import structlog
from pydantic import ValidationError

from common.contracts.validation_messages import summarize
from common.core import trace
from common.core.errors import PermanentError, is_transient
from common.core.metrics import Metrics
from common.storage.database import Database
from common.storage.dead_letter_store import StoredDeadLetter
from common.storage.dead_letters import (
    DELIVERY_ORIGIN_PREFIX,
    DeadLetter,
    count_waiting,
    from_readable,
    store_dead_letter,
)
from intake.channel_events import AppliedEvent, PreparedEvent, apply_events, prepare_events
from intake.channels.base import Channel, MalformedBodyError, WebhookRequest
from intake.domain.customers import CustomerNamespaces
from intake.domain.model import ChannelConnection
from intake.store import UnitOfWork

log = structlog.get_logger()

# Others may hold secrets.
_KEPT_HEADERS: Final = frozenset({"content-type"})
# Kept deliveries that wait, of one connection: each may have as many bytes as a request.
MAX_KEPT: Final = 1000


class UnreadableDeliveryError(PermanentError):
    """The delivery is not of the format that this kind of channel sends."""


class TooManyKeptDeliveriesError(PermanentError):
    """Too many deliveries of this connection wait among the dead letters. Send it again later."""


class ConnectionRemovedError(PermanentError):
    """The connection that the delivery came by is not set up."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A request whose signature was right when it came."""

    channel: Channel
    connection: ChannelConnection
    request: WebhookRequest

    @property
    def origin(self) -> str:
        """The same for the same body: what is sent again is kept once."""
        return self.origin_prefix + sha256(self.request.body).hexdigest()

    @property
    def origin_prefix(self) -> str:
        return f"{DELIVERY_ORIGIN_PREFIX}{self.connection.kind}/{self.connection.connection}/"

    def read(self, namespaces: CustomerNamespaces) -> list[PreparedEvent]:
        """Raise UnreadableDeliveryError if the body is not as the channel's format says."""
        try:
            events = self.channel.parse(self.connection, self.request)
        except ValidationError as error:
            raise UnreadableDeliveryError(summarize(error, "body")) from error
        except MalformedBodyError as error:
            raise UnreadableDeliveryError(str(error)) from error
        return prepare_events(self.connection, events, namespaces)


async def receive(
    delivery: Delivery,
    namespaces: CustomerNamespaces,
    database: Database[UnitOfWork],
    metrics: Metrics,
) -> list[AppliedEvent] | None:
    """Apply the delivery; return None if it can't be read or applied and is a dead letter now.

    Raises TooManyKeptDeliveriesError if so many are that this one is not kept.
    """
    try:
        events = delivery.read(namespaces)
        async with database.transaction() as uow:
            return await apply_events(delivery.connection, events, uow)
    except Exception as error:
        # Whatever it was: few outside systems send again what was refused.
        if is_transient(error):
            raise
        if await _keep(delivery, error, database):
            metrics.dead_letters.inc()
        return None


async def receive_again(
    letter: StoredDeadLetter,
    uow: UnitOfWork,
    *,
    channels: Mapping[str, Channel],
    namespaces: CustomerNamespaces,
) -> None:
    """Apply a delivery that was kept; what of it was applied since is not applied again.

    Raises ConnectionRemovedError or UnreadableDeliveryError.
    """
    kind, name, _ = letter.origin.removeprefix(DELIVERY_ORIGIN_PREFIX).split("/")
    connection = await uow.channel_connections.get(kind, name)
    if connection is None or kind not in channels:
        raise ConnectionRemovedError
    headers = {
        header: (from_readable(value) or b"").decode("latin-1")
        for header, value in letter.headers.items()
    }
    trace.restore(letter.traceparent)
    delivery = Delivery(channels[kind], connection, WebhookRequest(headers, letter.payload or b""))
    await apply_events(connection, delivery.read(namespaces), uow)


async def _keep(delivery: Delivery, error: Exception, database: Database[UnitOfWork]) -> bool:
    """Store it as a dead letter; return False if it is stored already."""
    headers = {
        name: value.encode("latin-1")
        for name, value in delivery.request.headers.items()
        if name in _KEPT_HEADERS
    }
    letter = DeadLetter(
        origin=delivery.origin,
        error=error,
        payload=delivery.request.body,
        type=f"webhook.{delivery.connection.kind}",
        traceparent=trace.current(),
        headers=headers,
    )
    async with database.transaction() as uow:
        is_new = await store_dead_letter(uow.connection, letter, claimed=False)
        if is_new and await count_waiting(uow.connection, delivery.origin_prefix) > MAX_KEPT:
            raise TooManyKeptDeliveriesError
    log.warning("delivery_kept", origin=delivery.origin, error=type(error).__name__)
    return is_new
