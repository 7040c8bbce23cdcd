"""What is stored of a consumed event: all that a replay decides by, and no words."""

from datetime import UTC, datetime
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec
import pytest
from msgspec import structs

from common.contracts.contacts import Customer
from common.contracts.event import ContactEvent, CustomerId
from common.core.erasure import ERASED, WORDS
from escalation.domain.simulation import REPLAYED_EVENTS
from escalation.store.events import reduce_event, restore_event

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
PRIVATE = "PRIVATE"
VALUES = {str: "any", int: 3, bool: True, datetime: AT}
CUSTOMER = Customer(customer_id=CustomerId("shop:7"), name=PRIVATE, tier="vip", region="north")


def make_event(kind: type[ContactEvent], words: str) -> ContactEvent:
    """Return an event whose every field is set."""
    hints = get_type_hints(kind)
    values: dict[str, Any] = {
        field.name: words
        if field.name in WORDS and field.name != "customer"
        else make_value(hints[field.name])
        for field in structs.fields(kind)
    }
    return kind(**values)


def make_value(hint: Any) -> Any:
    if hint is Customer:
        return CUSTOMER
    if get_origin(hint) is Literal:
        return get_args(hint)[0]
    if get_args(hint):
        return make_value(get_args(hint)[0])
    return VALUES[getattr(hint, "__supertype__", hint)]


@pytest.mark.parametrize("kind", sorted(REPLAYED_EVENTS, key=str))
def test_event_is_restored_without_words(kind: type[ContactEvent]) -> None:
    event = make_event(kind, PRIVATE)
    stored = msgspec.json.encode(reduce_event(event)).decode()
    assert PRIVATE not in stored
    restored = restore_event(kind, event.contact_id, AT, stored)
    for field in structs.fields(kind):
        value = getattr(restored, field.name)
        if field.name == "customer":
            assert value == structs.replace(CUSTOMER, name=None)
        elif field.name in WORDS:
            assert value == (ERASED if field.required else None)
        else:
            assert value == getattr(event, field.name)
