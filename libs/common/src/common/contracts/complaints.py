"""Facts about complaints about people, owned by `escalation` and published with its escalations."""

from typing import Literal

from common.contracts.escalations import EscalationsOwnEvent
from common.contracts.event import ComplaintId, PersonId

Verdict = Literal["upheld", "dismissed"]


class ComplaintRaised(EscalationsOwnEvent):
    """Somebody complains about a person, who does not act on the escalation until it is judged.

    Neither the text nor who complains is in any event: those who may judge read it.
    """

    complaint_id: ComplaintId
    about: PersonId


class ComplaintJudged(EscalationsOwnEvent):
    """Dismissed: the person may act on the escalation again."""

    complaint_id: ComplaintId
    about: PersonId
    verdict: Verdict
    by: PersonId


class ComplaintWithdrawn(EscalationsOwnEvent):
    """It is taken back: the person may act on the escalation again."""

    complaint_id: ComplaintId
    about: PersonId


EVENTS: tuple[type[EscalationsOwnEvent], ...] = (
    ComplaintRaised,
    ComplaintJudged,
    ComplaintWithdrawn,
)
