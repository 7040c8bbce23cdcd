"""The handler of each message type of a service."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Generic, TypeVar

from common.contracts.event import Event
from common.messages import Timer

U = TypeVar("U")
M = TypeVar("M", bound=Event | Timer)
Handler = Callable[[Any, U], Awaitable[None]]


class HandlerRegistry(Generic[U]):
    def __init__(self, handlers: Mapping[type[Event | Timer], Handler[U]] | None = None) -> None:
        self._handlers = dict(handlers or {})

    def on(self, kind: type[M], handler: Callable[[M, U], Awaitable[None]]) -> "HandlerRegistry[U]":
        handlers: dict[type[Event | Timer], Handler[U]] = {**self._handlers}
        key: Any = kind
        handlers[key] = handler
        return HandlerRegistry(handlers)

    def handler(self, kind: type[Event | Timer]) -> Handler[U]:
        return self._handlers[kind]

    @property
    def events(self) -> dict[str, type[Event]]:
        return {kind.type: kind for kind in self._handlers if issubclass(kind, Event)}

    @property
    def timers(self) -> dict[str, type[Timer]]:
        return {kind.type: kind for kind in self._handlers if issubclass(kind, Timer)}

    @property
    def topics(self) -> tuple[str, ...]:
        return tuple(sorted({kind.topic for kind in self.events.values()}))
