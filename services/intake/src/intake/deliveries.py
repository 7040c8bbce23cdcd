"""Signed deliveries of outside systems: none is lost, even if nobody here can read it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, TypeVar

import structlog
from pydantic import ValidationError

from common.contracts.validation_messages import InvalidField, invalid_parts, summarize
from common.core import trace
from common.core.errors import PermanentError, is_transient
from common.core.metrics import Metrics
from common.http.limits import MAX_BODY_BYTES
from common.storage.database import Database
from common.storage.dead_letter_store import StoredDeadLetter
from common.storage.dead_letters import (
    DELIVERY_ORIGIN_PREFIX,
    DeadLetter,
    from_readable,
    measure_waiting,
    store_dead_letter,
)
from intake.channel_events import AppliedEvent, apply_events
from intake.channels.base import (
    CaseToRead,
    Channel,
    MalformedBodyError,
    UnreadablePart,
    WebhookRequest,
)
from intake.domain.customers import CustomerNamespaces
from intake.domain.model import ChannelConnection
from intake.domain.understanding.signs import SignReader
from intake.event_preparation import PreparedEvent, prepare_events
from intake.store import UnitOfWork

T = TypeVar("T")

log = structlog.get_logger()

# What a channel reads of a kept delivery besides its body. Others may hold secrets.
KEPT_HEADERS: Final = frozenset(
    {
        *("content-type", "webhook-id", "x-ms-dynamics-entity-name"),
        *("x-ms-dynamics-msg-size-exceeded", "x-ms-dynamics-request-name"),
    }
)
# The attributes of a CloudEvent in binary mode.
_KEPT_PREFIX: Final = "ce-"
# Kept deliveries that wait, of one connection, and the bytes of their bodies.
MAX_KEPT: Final = 1000
MAX_KEPT_BYTES: Final = 256 * 1024 * 1024
_SHOWN_PARTS: Final = 3


class UnreadableDeliveryError(PermanentError):
    """The delivery is not of the format that this kind of channel sends."""

    def __init__(self, detail: str, errors: Sequence[InvalidField] = ()) -> None:
        super().__init__(detail)
        self.errors = errors


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
    def kept_headers(self) -> Mapping[str, bytes]:
        headers = ((name.lower(), value) for name, value in self.request.headers.items())
        return {
            name: value.encode("latin-1", "replace")
            for name, value in sorted(headers)
            if name in KEPT_HEADERS or name.startswith(_KEPT_PREFIX)
        }

    @property
    def origin(self) -> str:
        """The same for the same body and kept headers: what is sent again is kept once."""
        digest = sha256(repr(self.kept_headers).encode())
        digest.update(self.request.body)
        return self.origin_prefix + digest.hexdigest()

    @property
    def origin_prefix(self) -> str:
        return f"{DELIVERY_ORIGIN_PREFIX}{self.connection.kind}/{self.connection.connection}/"

    def read(self, namespaces: CustomerNamespaces, signs: SignReader) -> "ReadDelivery":
        """Raise UnreadableDeliveryError if the body is not as the channel's format says."""
        try:
            parts = self.channel.parse(self.connection, self.request)
        except ValidationError as error:
            invalid = invalid_parts(error.errors(include_url=False), body=None)
            raise UnreadableDeliveryError(summarize(error, "body"), invalid) from error
        except MalformedBodyError as error:
            malformed = InvalidField("", str(error), error.code, error.parameters)
            raise UnreadableDeliveryError(str(error), (malformed,)) from error
        events = [part for part in parts if not isinstance(part, UnreadablePart | CaseToRead)]
        return ReadDelivery(
            prepare_events(self.connection, events, namespaces, signs),
            [part for part in parts if isinstance(part, UnreadablePart)],
            [
                UnreadCase(part, prepare_events(self.connection, part.otherwise, namespaces, signs))
                for part in parts
                if isinstance(part, CaseToRead)
            ],
        )


@dataclass(frozen=True, slots=True)
class UnreadCase:
    """A case that is to be read in its system; `otherwise` counts while it can't be read."""

    part: CaseToRead
    otherwise: Sequence[PreparedEvent]


@dataclass(frozen=True, slots=True)
class ReadDelivery:
    """The events of a delivery, what of it can't be read, and what is to be read elsewhere."""

    events: Sequence[PreparedEvent]
    unreadable: Sequence[UnreadablePart]
    cases: Sequence[UnreadCase] = ()

    def require_whole(self) -> None:
        """Raise UnreadableDeliveryError if a part can't be read."""
        reasons = [f"{part.place}: {part.reason}" for part in self.unreadable[:_SHOWN_PARTS]]
        if reasons:
            count = f"{len(self.unreadable)} parts can't be read. "
            raise UnreadableDeliveryError(count + " ".join(reasons))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done with a delivery; `kept_because`: not all of it could be applied.

    `cases` are to be read in their system.
    """

    applied: Sequence[AppliedEvent] = ()
    cases: int = 0
    kept_because: str | None = None

    @property
    def kept(self) -> bool:
        return self.kept_because is not None


async def receive(
    delivery: Delivery,
    namespaces: CustomerNamespaces,
    signs: SignReader,
    database: Database[UnitOfWork],
    metrics: Metrics,
) -> Outcome:
    """Apply the delivery; what can't be read or applied is a dead letter now.

    Raises TooManyKeptDeliveriesError if so many are that this one is not kept.
    """
    applied: Sequence[AppliedEvent] = ()
    cases = 0
    try:
        content = await use_body(delivery.request, lambda: delivery.read(namespaces, signs))
        async with database.transaction() as uow:
            applied = await _apply(delivery, content, uow)
        cases = len(content.cases)
        content.require_whole()
    except Exception as error:
        # Whatever it was: few outside systems send again what was refused.
        if is_transient(error):
            raise
        if await keep(delivery, error, database):
            metrics.dead_letters.inc()
        return Outcome(applied, cases, kept_because=_reason(error))
    return Outcome(applied, cases)


async def _apply(
    delivery: Delivery, content: ReadDelivery, uow: UnitOfWork
) -> Sequence[AppliedEvent]:
    """Apply its events, and have the cases read that it leaves out."""
    events = list(content.events)
    for case in content.cases:
        is_added = await uow.case_reads.add(
            delivery.connection.system,
            {name: value.decode("latin-1") for name, value in delivery.kept_headers.items()},
            delivery.request.body,
            case.part.case,
        )
        if not is_added:
            events += case.otherwise
    return await apply_events(delivery.connection, events, uow)


async def try_to_read(
    delivery: Delivery, namespaces: CustomerNamespaces, signs: SignReader
) -> tuple[ReadDelivery, UnreadableDeliveryError | None]:
    """Read a delivery that is not applied; the error says why nothing of it can be read."""
    try:
        content = await use_body(delivery.request, lambda: delivery.read(namespaces, signs))
    except UnreadableDeliveryError as error:
        return ReadDelivery((), ()), error
    except Exception as error:
        if is_transient(error):
            raise
        return ReadDelivery((), ()), UnreadableDeliveryError(_reason(error))
    return content, None


def _reason(error: Exception) -> str:
    """Say why it was kept, without any of its words: other errors may quote them."""
    return str(error) if isinstance(error, UnreadableDeliveryError) else type(error).__name__


async def use_body(request: WebhookRequest, use: Callable[[], T]) -> T:
    """Call `use`, in a thread if the body is large: other requests are answered meanwhile."""
    if len(request.body) <= MAX_BODY_BYTES:
        return use()
    return await asyncio.to_thread(use)


async def receive_again(
    letter: StoredDeadLetter,
    uow: UnitOfWork,
    *,
    channels: Mapping[str, Channel],
    namespaces: CustomerNamespaces,
    signs: SignReader,
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
    content = delivery.read(namespaces, signs)
    content.require_whole()
    await _apply(delivery, content, uow)


async def keep(delivery: Delivery, error: Exception, database: Database[UnitOfWork]) -> bool:
    """Store it as a dead letter; return False if it is stored already.

    Raises TooManyKeptDeliveriesError.
    """
    letter = DeadLetter(
        origin=delivery.origin,
        error=error,
        payload=delivery.request.body,
        type=f"webhook.{delivery.connection.kind}",
        traceparent=trace.current(),
        headers=delivery.kept_headers,
    )
    async with database.transaction() as uow:
        is_new = await store_dead_letter(uow.connection, letter, claimed=False)
        if is_new:
            count, size = await measure_waiting(uow.connection, delivery.origin_prefix)
            if count > MAX_KEPT or size > MAX_KEPT_BYTES:
                raise TooManyKeptDeliveriesError
    log.warning("delivery_kept", origin=delivery.origin, error=type(error).__name__)
    return is_new
