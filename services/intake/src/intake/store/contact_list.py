"""Which contacts a list shows, as SQL."""

from collections.abc import Iterator, Sequence
from typing import assert_never

from sqlalchemy import ColumnElement, exists, true

from common.contracts.event import CustomerId
from intake import tables
from intake.domain.actors import Actor
from intake.domain.model import ContactFilters


def conditions(
    filters: ContactFilters, customer_ids: Sequence[CustomerId]
) -> Iterator[ColumnElement[bool]]:
    """Yield what the contacts meet; `customer_ids` are all ids of the customer of the filters."""
    columns = tables.contacts.c
    if filters.states:
        yield columns.state.in_(filters.states)
    if filters.changed_since is not None:
        yield columns.changed_at >= filters.changed_since
    match customer_ids:
        case []:
            pass
        case [customer_id]:
            # Only so the index gives them in the order of the list, and no more than a page.
            yield columns.customer_id == customer_id
        case _:
            yield columns.customer_id.in_(customer_ids)
    for name in ("external_ref", "received_from"):
        if (value := getattr(filters, name)) is not None:
            yield columns[name] == value


def is_readable(actor: Actor) -> ColumnElement[bool]:
    """As `require_access` decides for one contact."""
    contacts, representatives = tables.contacts.c, tables.contact_representatives.c
    match actor.reach:
        case "all":
            return true()
        case "received":
            return contacts.received_from == actor.system
        case "assigned":
            return exists().where(
                representatives.contact_id == contacts.contact_id,
                representatives.person_id == actor.person_id,
            )
        case _:
            assert_never(actor.reach)
