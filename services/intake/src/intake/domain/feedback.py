"""Feedback that customers give without a survey."""

from datetime import datetime

from common.contracts.contacts import FeedbackReceived
from common.contracts.event import PersonId, TeamId
from intake.domain.errors import WrongStateError
from intake.domain.model import Contact, Decision


def give_feedback(
    contact: Contact,
    score: int,
    at: datetime,
    *,
    comment: str | None = None,
    about: PersonId | None = None,
    team_id: TeamId | None = None,
) -> Decision:
    """Rate the latest resolution; without `about`, the person who gave it is rated."""
    if contact.state != "resolved":
        raise WrongStateError(contact, "rated")
    feedback = FeedbackReceived(
        contact_id=contact.contact_id,
        occurred_at=at,
        score=score,
        comment=comment,
        about=about or contact.resolved_by,
        team_id=team_id,
        resolution_no=contact.resolution_no,
    )
    return Decision(contact, (feedback,))
