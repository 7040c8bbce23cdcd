"""Complaints about people: who may name whom, and who may read and judge them.

A complaint is a matter of its own. Its text and who complains are stored with it only: no event,
page, cause or step of the audit trail carries them, so nobody reads them there.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from msgspec import structs

from common.contracts.complaints import ComplaintJudged, ComplaintWithdrawn, Verdict
from common.contracts.contacts import FeedbackReceived
from common.contracts.escalations import EscalationsOwnEvent
from common.contracts.event import ComplaintId, PersonId, Role
from common.contracts.texts import excerpt
from common.core.ids import derived_id
from escalation.domain.complaint_model import Complaint, ComplaintState
from escalation.domain.errors import (
    ComplaintClosedError,
    ComplaintOpenError,
    ContactNotOpenError,
    ForbiddenError,
    NotConcernedError,
    UnknownPersonError,
)
from escalation.domain.escalations.raising import raise_or_merge
from escalation.domain.escalations.responders import line_managers_of
from escalation.domain.model import Escalation, EscalationCause
from escalation.domain.settings.people import reporting_line
from escalation.domain.settings.registry import Configuration
from escalation.domain.situation import Decision, Situation

# Of one contact, so that what a row of it carries has a bound.
MAX_COMPLAINTS: Final = 20


def raise_complaint(situation: Situation, by: PersonId, about: PersonId, text: str) -> Decision:
    """Complain about a person who is concerned with the contact, also after the contact's end."""
    if situation.contact.opened_at is None:
        raise ContactNotOpenError
    if about == by or about not in concerned_people(situation):
        raise _unconcerned(situation, about)
    if not _may_be_added(situation, by, about):
        raise ComplaintOpenError
    cause = EscalationCause("complaint", "", situation.at)
    return _raise(situation, by, about, text, cause)


def _unconcerned(situation: Situation, about: PersonId) -> Exception:
    if about in situation.configuration.staff:
        return NotConcernedError()
    return UnknownPersonError("about", about)


def complain_by_feedback(
    situation: Situation, event: FeedbackReceived, feedback: EscalationCause
) -> Decision:
    """Escalate bad feedback; about a person who is concerned it is the customer's complaint."""
    about = event.about
    if about is None or about not in concerned_people(situation):
        return raise_or_merge(situation, feedback)
    if not _may_be_added(situation, None, about):
        return raise_or_merge(situation, replace(feedback, reason="", about=about))
    return _raise(situation, None, about, feedback.reason, replace(feedback, reason=""))


def _raise(
    situation: Situation, by: PersonId | None, about: PersonId, text: str, cause: EscalationCause
) -> Decision:
    number = len(situation.complaints) + 1
    complaint_id = ComplaintId(derived_id(situation.contact_id, "complaint", number))
    cause = replace(
        cause,
        about=about,
        complaint_id=complaint_id,
        line_managers=line_managers_of(situation, about),
    )
    decision = raise_or_merge(situation, cause)
    escalation = decision.situation.escalation
    if escalation is None:
        return decision
    complaint = Complaint(
        complaint_id=complaint_id,
        contact_id=situation.contact_id,
        escalation_id=escalation.escalation_id,
        about=about,
        by=by,
        reason=excerpt(text),
        raised_at=situation.at,
        judges=judges(situation.configuration, about),
    )
    return structs.replace(decision, complaints=(complaint,))


def concerned_people(situation: Situation) -> frozenset[PersonId]:
    """Return who has or had the contact, or took part in an escalation of it."""
    escalation = situation.escalation
    people = {*situation.contact.representatives, *situation.earlier_participants}
    if escalation is not None:
        people |= {*escalation.participants}
    return frozenset(people)


def _may_be_added(situation: Situation, by: PersonId | None, about: PersonId) -> bool:
    """Tell whether nobody complains twice at a time, and the contact has not too many."""
    is_open = any(
        (complaint.state, complaint.by, complaint.about) == ("open", by, about)
        for complaint in situation.complaints
    )
    return not is_open and len(situation.complaints) < MAX_COMPLAINTS


def judges(configuration: Configuration, about: PersonId) -> tuple[PersonId, ...]:
    """Return the person's managers who may judge: not the direct one, if there is one above."""
    line = reporting_line(configuration.staff, about)
    return tuple(line[1:] or line)


def may_judge(situation: Situation, complaint: Complaint, person: PersonId, role: Role) -> bool:
    """Tell whether the person may judge it: never who complains, nor who is named in this contact.

    The judges are those of when it was raised: who moves people later chooses no judge. Where one
    has left, the others judge. Of a person who had no manager any manager judges; admins judge
    what nobody else can.
    """
    if person == complaint.by or _is_named(situation, complaint, person):
        return False
    if role == "admin":
        return True
    if situation.configuration.has_left(person):
        return False
    return person in complaint.judges if complaint.judges else role == "manager"


def may_read(situation: Situation, complaint: Complaint, person: PersonId, role: Role) -> bool:
    """Tell whether the person may read it: who complains, who may judge, who works on it now."""
    if person == complaint.by:
        return True
    if _is_named(situation, complaint, person):
        return False
    return _works_on(situation.escalation, complaint, person) or may_judge(
        situation, complaint, person, role
    )


def _works_on(escalation: Escalation | None, complaint: Complaint, person: PersonId) -> bool:
    """Tell whether it is of the open escalation, and the person holds that or is awaited.

    Who works on a later escalation of the contact must not read what was complained of before.
    """
    if escalation is None or escalation.escalation_id != complaint.escalation_id:
        return False
    return escalation.holder == person or person in escalation.awaited


def _is_named(situation: Situation, complaint: Complaint, person: PersonId) -> bool:
    return person == complaint.about or any(
        other.about == person and other.state in ("open", "upheld")
        for other in situation.complaints
    )


@dataclass(frozen=True, slots=True)
class ComplaintReader:
    """Which complaints a person may judge: all, or where named as a judge and not `has_left`.

    Who `judges_others` also judges those that have no judges.
    """

    person: PersonId
    judges_all: bool
    judges_own: bool
    judges_others: bool


def reader_of(configuration: Configuration, person: PersonId, role: Role) -> ComplaintReader:
    works_here = not configuration.has_left(person)
    return ComplaintReader(
        person,
        judges_all=role == "admin",
        judges_own=works_here,
        judges_others=works_here and role == "manager",
    )


@dataclass(frozen=True, slots=True)
class Judgement:
    by: PersonId
    role: Role
    verdict: Verdict
    reason: str


def judge(
    situation: Situation, escalation: Escalation, complaint: Complaint, judgement: Judgement
) -> Decision:
    if not may_judge(situation, complaint, judgement.by, judgement.role):
        raise ForbiddenError("The managers above that person's own manager judge it.")
    _require_open(complaint)
    judged = ComplaintJudged(
        contact_id=complaint.contact_id,
        occurred_at=situation.at,
        escalation_id=complaint.escalation_id,
        complaint_id=complaint.complaint_id,
        about=complaint.about,
        verdict=judgement.verdict,
        by=judgement.by,
    )
    closed = replace(
        _closed(complaint, judgement.verdict, situation.at),
        judged_by=judgement.by,
        judgement=excerpt(judgement.reason),
    )
    return _close(situation, escalation, closed, judged)


def withdraw(
    situation: Situation, escalation: Escalation, complaint: Complaint, by: PersonId
) -> Decision:
    if by != complaint.by:
        raise ForbiddenError("Who complains may withdraw it.")
    _require_open(complaint)
    withdrawn = ComplaintWithdrawn(
        contact_id=complaint.contact_id,
        occurred_at=situation.at,
        escalation_id=complaint.escalation_id,
        complaint_id=complaint.complaint_id,
        about=complaint.about,
    )
    closed = _closed(complaint, "withdrawn", situation.at)
    return _close(situation, escalation, closed, withdrawn)


def _require_open(complaint: Complaint) -> None:
    if complaint.state != "open":
        raise ComplaintClosedError(complaint.state)


def _closed(complaint: Complaint, state: ComplaintState, at: datetime) -> Complaint:
    return replace(complaint, state=state, closed_at=at)


def _close(
    situation: Situation, escalation: Escalation, complaint: Complaint, event: EscalationsOwnEvent
) -> Decision:
    refs = tuple(
        replace(ref, state=complaint.state) if ref.complaint_id == complaint.complaint_id else ref
        for ref in escalation.complaints
    )
    after = replace(escalation, complaints=refs)
    decision = Decision(situation, (event,), complaints=(complaint,))
    if situation.escalation is escalation:
        return structs.replace(decision, situation=situation.with_escalation(after))
    return structs.replace(decision, ended_escalations=(after,))
