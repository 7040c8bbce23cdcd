"""Which contacts a list shows, as SQL."""

from collections.abc import Iterator
from typing import Any, assert_never

from sqlalchemy import ColumnElement, Select, exists, func, or_, select, true

from common.contracts.event import CustomerId
from intake import tables
from intake.domain.actors import Actor
from intake.domain.model import ContactFilters


def conditions(filters: ContactFilters) -> Iterator[ColumnElement[bool]]:
    columns = tables.contacts.c
    if filters.states:
        yield columns.state.in_(filters.states)
    if filters.changed_since is not None:
        yield columns.changed_at >= filters.changed_since
    if filters.customer_id is not None:
        yield columns.customer_id.in_(_same_customers(filters.customer_id))
    for name in ("external_ref", "received_from"):
        if (value := getattr(filters, name)) is not None:
            yield columns[name] == value


def _same_customers(customer_id: CustomerId) -> Select[Any]:
    """Return the ids of all who are one customer with this one."""
    customer, member = tables.customers.alias("customer").c, tables.customers.alias("member").c
    survivor = (
        select(func.coalesce(customer.survivor_id, customer.customer_id))
        .where(customer.customer_id == customer_id)
        .scalar_subquery()
    )
    return select(member.customer_id).where(
        or_(member.customer_id == survivor, member.survivor_id == survivor)
    )


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
