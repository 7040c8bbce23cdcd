"""The state of a contact, from what happened last: the same in whatever order we hear of it.

Outside systems promise no order. A contact keeps when each thing last happened (`Contact.latest`),
and its state follows from these moments alone.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from msgspec import structs

from intake.domain.model import Contact, ContactState, Field, Moment

# Ends that only an explicit opening undoes, not the customer's words: the first that holds wins.
_FINAL: Final[tuple[ContactState, ...]] = ("merged", "discarded")
_OVER: Final[tuple[ContactState, ...]] = ("resolved", "abandoned")

# Whatever else happened, happened later.
BEGINNING: Final = datetime(1970, 1, 2, tzinfo=UTC)

Latest = Mapping[Field, Moment]


def follow(latest: Latest) -> ContactState:
    """Return the state that follows from the latest moments."""
    opened = _last(latest, "open", "waiting_on_customer")
    for state in _FINAL:
        if _is_after(latest.get(state), opened):
            return state
    over = [state for state in _OVER if _is_after(latest.get(state), opened)]
    if over:
        state = max(over, key=lambda name: latest[name])
        return "open" if _is_after(latest.get("customer_spoke"), latest[state]) else state
    waiting = latest.get("waiting_on_customer")
    return "waiting_on_customer" if waiting and _is_waiting(waiting, latest) else "open"


def was_open_until_merged(latest: Latest) -> bool:
    """Return whether it was open or waiting when the action began that merged it.

    An outside system may resolve and merge a contact in one action, in either order.
    """
    merged = latest["merged"]
    before = {
        name: moment
        for name, moment in latest.items()
        if moment.at < merged.at and not _is_same_update(moment, merged)
    }
    return follow(before) in ("open", "waiting_on_customer")


def _is_waiting(waiting: Moment, latest: Latest) -> bool:
    if any(_is_after(latest.get(name), waiting) for name in ("open", "customer_spoke")):
        return False
    spoke = latest.get("representative_spoke")
    # A reply and the waiting for its answer are often one action, in either order.
    return spoke is None or spoke <= waiting or _is_same_update(spoke, waiting)


def mark(contact: Contact, name: Field, moment: Moment) -> Contact:
    """Return the contact with the moment, unless a later one is known."""
    if not is_newer(contact, name, moment):
        return contact
    return structs.replace(contact, latest={**contact.latest, name: moment})


def is_newer(contact: Contact, name: Field, moment: Moment) -> bool:
    newest = contact.latest.get(name)
    return newest is None or moment >= newest


def place(contact: Contact, moment: Moment) -> Moment:
    """Return the moment after all others of the same time that the sender did not put in order."""
    same = [newest for newest in contact.latest.values() if _is_unordered(newest, moment)]
    if not same:
        return moment
    return replace(moment, position=max(newest.position for newest in same) + 1)


def _is_unordered(newest: Moment, moment: Moment) -> bool:
    is_same_place = (newest.at, newest.position) >= (moment.at, moment.position)
    return newest.at == moment.at and is_same_place and not _is_same_update(newest, moment)


def _last(latest: Latest, *names: Field) -> Moment | None:
    return max((latest[name] for name in names if name in latest), default=None)


def _is_after(moment: Moment | None, other: Moment | None) -> bool:
    return moment is not None and (other is None or moment > other)


def _is_same_update(moment: Moment, other: Moment) -> bool:
    return moment.update is not None and moment.update == other.update
