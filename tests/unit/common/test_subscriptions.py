"""A service's table of contents."""

import pytest

from common.contracts.assignments import ContactAssigned
from common.contracts.contacts import ContactResolved, CustomerWrote
from common.contracts.event import Event
from common.messages import Timer
from common.messaging.subscriptions import HandlerRegistry


class Due(Timer):
    pass


async def first_handler(_message: Event | Timer, _uow: object) -> None:
    pass


async def other(_message: Event | Timer, _uow: object) -> None:
    pass


def test_registry_lists_types_and_topics() -> None:
    made = (
        HandlerRegistry[object]()
        .on(CustomerWrote, first_handler)
        .on(ContactResolved, other)
        .on(ContactAssigned, first_handler)
        .on(Due, other)
    )
    assert made.events == {
        "upstairs.customer_wrote.v1": CustomerWrote,
        "upstairs.contact_resolved.v1": ContactResolved,
        "upstairs.contact_assigned.v1": ContactAssigned,
    }
    assert made.timers == {"Due": Due}
    assert made.topics == ("assignments", "contacts")
    assert made.handler(ContactResolved) is other


def test_adding_a_handler_returns_a_new_registry() -> None:
    first = HandlerRegistry[object]().on(CustomerWrote, first_handler)
    second = first.on(Due, first_handler)
    assert first.timers == {}
    with pytest.raises(KeyError):
        first.handler(Due)
    assert second.handler(Due) is first_handler
