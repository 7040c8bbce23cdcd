"""Which contacts a list shows, as SQL."""

from collections.abc import Iterator
from typing import assert_never

from sqlalchemy import ColumnElement, exists, true

from intake import tables
from intake.domain.actors import Actor
from intake.domain.model import ContactFilters


def conditions(filters: ContactFilters) -> Iterator[ColumnElement[bool]]:
    columns = tables.contacts.c
    if filters.states:
        yield columns.state.in_(filters.states)
    if filters.changed_since is not None:
        yield columns.changed_at >= filters.changed_since
    for name in ("customer_id", "external_ref", "received_from"):
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
