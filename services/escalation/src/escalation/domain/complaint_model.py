"""Complaints about people, as they are stored, and as an escalation refers to them.

The decisions about them are in `complaints`.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from common.contracts.event import ComplaintId, ContactId, EscalationId, PersonId

ComplaintState = Literal["open", "upheld", "dismissed", "withdrawn"]


@dataclass(frozen=True, slots=True)
class Complaint:
    """A complaint about a person; `by` is the colleague who complains, None is the customer.

    `judges` are the managers who may judge it, by the reporting line when it was raised.
    """

    complaint_id: ComplaintId
    contact_id: ContactId
    escalation_id: EscalationId
    about: PersonId
    by: PersonId | None
    reason: str
    raised_at: datetime
    state: ComplaintState = "open"
    closed_at: datetime | None = None
    judged_by: PersonId | None = None
    judgement: str | None = None
    judges: tuple[PersonId, ...] = ()


@dataclass(frozen=True, slots=True)
class ComplaintRef:
    """A complaint about a person, as far as the escalation must know it.

    `line_managers` were those of the person when it was raised; they do not judge it alone.
    """

    complaint_id: ComplaintId
    about: PersonId
    state: ComplaintState = "open"
    line_managers: tuple[PersonId, ...] = ()
