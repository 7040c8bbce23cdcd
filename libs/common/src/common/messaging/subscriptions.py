"""The handler of each message type of a service."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Generic, TypeVar

from common.contracts.event import Event
from common.messages import Timer

U = TypeVar("U")
M = TypeVar("M", bound=Event | Timer)
Handler = Callable[[Any, U], Awaitable[None]]
E = TypeVar("E", bound=Event)
# Gets the event's sequence as well.
Projection = Callable[[Any, int, U], Awaitable[None]]


class HandlerRegistry(Generic[U]):
    """`projections` only write what an event says, and nothing if they know a newer one.

    So their events are not claimed in the inbox and lock no rows (ADR 0062).
    """

    def __init__(
        self,
        handlers: Mapping[type[Event | Timer], Handler[U]] | None = None,
        projections: Mapping[type[Event], Projection[U]] | None = None,
    ) -> None:
        self._handlers = dict(handlers or {})
        self.projections: Mapping[type[Any], Projection[U]] = dict(projections or {})

    def on(self, kind: type[M], handler: Callable[[M, U], Awaitable[None]]) -> "HandlerRegistry[U]":
        handlers: dict[type[Event | Timer], Handler[U]] = {**self._handlers}
        key: Any = kind
        handlers[key] = handler
        return HandlerRegistry(handlers, self.projections)

    def project(
        self, kind: type[E], projection: Callable[[E, int, U], Awaitable[None]]
    ) -> "HandlerRegistry[U]":
        projections = {**self.projections, kind: projection}
        return HandlerRegistry(self._handlers, projections)

    def handler(self, kind: type[Event | Timer]) -> Handler[U]:
        return self._handlers[kind]

    @property
    def events(self) -> dict[str, type[Event]]:
        kinds = (*self._handlers, *self.projections)
        return {kind.type: kind for kind in kinds if issubclass(kind, Event)}

    @property
    def timers(self) -> dict[str, type[Timer]]:
        return {kind.type: kind for kind in self._handlers if issubclass(kind, Timer)}

    @property
    def topics(self) -> tuple[str, ...]:
        return tuple(sorted({kind.topic for kind in self.events.values()}))
