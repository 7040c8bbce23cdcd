"""What the notifier will write to a helpdesk or CRM when an escalation takes a step."""

from datetime import timedelta

from common.contracts.escalations import (
    EscalationAcknowledged,
    EscalationClosed,
    EscalationHandedBack,
    EscalationRaised,
    EscalationReopened,
    EscalationResolved,
    EscalationTakenOver,
)
from common.contracts.event import ContactId
from common.core import trace
from common.core.ids import new_id
from notifier.domain.escalations import Escalation
from notifier.domain.write_backs.settings import can_be_written
from notifier.domain.write_backs.writes import CaseWrite, CaseWriteId, StepFacts, WritePolicy
from notifier.store.unit_of_work import UnitOfWork

StepEvent = (
    EscalationRaised
    | EscalationReopened
    | EscalationAcknowledged
    | EscalationTakenOver
    | EscalationHandedBack
    | EscalationResolved
    | EscalationClosed
)
_EXPIRY: timedelta = WritePolicy().expiry


async def remember_case(event: EscalationRaised, uow: UnitOfWork) -> None:
    """Keep where the contact came from, if that system can be told."""
    if event.external_ref is None or not can_be_written(event.received_from):
        return
    if await uow.escalations.lock_about(event.escalation_id, event.contact_id):
        return
    escalation = Escalation(
        event.escalation_id,
        event.contact_id,
        "raised",
        None,
        event.occurred_at,
        system=event.received_from,
        external_ref=event.external_ref,
    )
    uow.escalations.put(escalation)
    await request_step(escalation, event, uow)


async def request_step(escalation: Escalation | None, event: StepEvent, uow: UnitOfWork) -> None:
    """Add what is written to the contact's case at this step, if anything is."""
    if escalation is None or escalation.system is None or escalation.external_ref is None:
        return
    write_back = (await uow.write_backs.of_systems([escalation.system]))[escalation.system]
    if write_back is None or write_back.state == "paused":
        return
    facts = await _facts_of(event, uow)
    if write_back.writes_at(facts.step).is_empty:
        return
    uow.case_writes.add(
        CaseWrite(
            write_id=CaseWriteId(new_id()),
            system=escalation.system,
            external_ref=escalation.external_ref,
            contact_id=event.contact_id,
            escalation_id=event.escalation_id,
            state="pending",
            facts=facts,
            requested_at=event.occurred_at,
            due_at=uow.now,
            expires_at=uow.now + _EXPIRY,
            traceparent=trace.current(),
        )
    )


async def erase_case(contact_id: ContactId, uow: UnitOfWork) -> None:
    """Forget the case of a customer who is erased; nothing more is written to it."""
    if await uow.escalations.forget_cases(contact_id):
        await uow.case_writes.delete_of(contact_id)


async def _facts_of(event: StepEvent, uow: UnitOfWork) -> StepFacts:
    at = event.occurred_at
    match event:
        case EscalationRaised(cause=cause, severity=severity, level_name=level_name):
            return StepFacts("escalated", at, None, severity, level_name, cause)
        case EscalationReopened(by=by, severity=severity, level_name=level_name):
            name = await uow.recipients.name(by)
            return StepFacts("escalated", at, name, severity, level_name, reopened=True)
        case EscalationAcknowledged(by=by) | EscalationTakenOver(by=by):
            return StepFacts("acknowledged", at, await uow.recipients.name(by))
        case EscalationHandedBack(by=by):
            return StepFacts("returned", at, await uow.recipients.name(by))
        case EscalationResolved(by=by, outcome=outcome):
            return StepFacts("resolved", at, await uow.recipients.name(by), outcome=outcome)
        case EscalationClosed():
            return StepFacts("withdrawn", at)
