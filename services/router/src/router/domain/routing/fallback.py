"""Where a contact waits whose skill or language no active representative has."""

from collections.abc import Callable
from datetime import datetime

from msgspec.structs import replace

from common.contracts.assignments import ContactUnserved
from common.contracts.event import Event
from router.domain.assignments import Assignment, Decision, enter, leave
from router.domain.needs import Need


def candidates(need: Need, fallback: Need) -> tuple[Need, ...]:
    """Return the queues that may stand in, best first: the customer's language counts most."""
    return (
        Need(fallback.skill, need.language),
        Need(need.skill, fallback.language),
        fallback,
    )


def place_in_queue(
    contact: Assignment, serves: Callable[[Need], bool], fallback: Need, *, at: datetime
) -> Decision:
    """Choose the queue of a waiting contact: its own, or a fallback if nobody serves its own.

    A contact that is in the right queue stays as it is. One that waits in the wrong queue seeks
    again. `serves` says whether somebody serves a need.
    """
    own = contact.own_need
    if own is None:
        return Decision()
    unserved = None if serves(own) else own
    fallbacks = candidates(own, fallback) if unserved else ()
    stand_in = next((need for need in fallbacks if serves(need)), None)
    need = stand_in or own
    if (need, unserved) == (contact.need, contact.unserved_need):
        return Decision()
    placed = replace(
        contact,
        skill=need.skill,
        language=need.language,
        unserved_skill=unserved.skill if unserved else None,
        unserved_language=unserved.language if unserved else None,
    )
    events: tuple[Event, ...] = ()
    if unserved:
        warning = ContactUnserved(
            contact_id=contact.contact_id,
            occurred_at=at,
            queue=unserved.queue,
            fallback_queue=stand_in.queue if stand_in else None,
        )
        events = (warning,)
    if contact.state == "queued" and need != contact.need:
        return leave(contact, enter(placed, "seeking", at), None, *events, at=at)
    return Decision((placed,), events=events)
