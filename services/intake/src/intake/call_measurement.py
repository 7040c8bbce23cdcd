"""Calls that an outside system has measured: each leg of a call is one interaction."""

from datetime import timedelta

from intake import use_cases
from intake.channels.base import CallMeasured
from intake.domain.actors import Actor
from intake.domain.model import Contact, Interaction, Moment
from intake.event_preparation import person_of
from intake.store import UnitOfWork


async def record(
    contact: Contact, event: CallMeasured, moment: Moment, actor: Actor, uow: UnitOfWork
) -> None:
    """Record the conversation once, however many requests of the system tell of it.

    It needs to be somebody's: without an account it is whose contact it is.
    """
    person_id = person_of(contact.received_from, event.account)
    if person_id is None:
        person_id = await uow.contact_representatives.current(contact.contact_id)
    if person_id is None:
        return
    interaction = Interaction(
        interaction_id=event.call_id,
        person_id=person_id,
        started_at=moment.at - timedelta(seconds=event.duration_s),
        ended_at=moment.at,
        talk_s=event.duration_s,
        hold_s=0,
        wrap_s=0,
        # Nobody says who hung up.
        ended_by="system",
    )
    await use_cases.record_interaction(contact.contact_id, interaction, event.call_id, actor, uow)
