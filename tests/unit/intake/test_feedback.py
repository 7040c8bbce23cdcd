"""Ratings of a resolution."""

from typing import Any

import pytest

from common.contracts.contacts import FeedbackReceived
from common.contracts.event import TeamId
from intake.domain import contacts
from intake.domain.actors import NOBODY, Actor
from intake.domain.errors import WrongStateError
from intake.domain.feedback import give_feedback
from intake.domain.model import Contact
from unit.intake.examples import ABANDONED, AT, CONTACT, RESOLVED, RITA, SARA, WAITING


def feedback_about(contact: Contact, **changes: Any) -> FeedbackReceived:
    (event,) = give_feedback(contact, 2, AT, **changes).events
    assert isinstance(event, FeedbackReceived)
    return event


def test_feedback_is_about_the_person_and_number_of_the_latest_resolution() -> None:
    feedback = feedback_about(RESOLVED, comment="slow")
    assert (feedback.score, feedback.comment) == (2, "slow")
    assert (feedback.about, feedback.team_id, feedback.resolution_no) == (RITA, None, 1)
    reopened = contacts.reopen(RESOLVED, "again", NOBODY, AT).contact
    second = contacts.resolve(reopened, AT, Actor("all", SARA)).contact
    feedback = feedback_about(second)
    assert (feedback.about, feedback.resolution_no) == (SARA, 2)


def test_named_person_and_team_are_kept() -> None:
    feedback = feedback_about(RESOLVED, about=SARA, team_id=TeamId("madrid"))
    assert (feedback.about, feedback.team_id) == (SARA, "madrid")


@pytest.mark.parametrize("contact", [CONTACT, WAITING, ABANDONED])
def test_feedback_needs_a_resolved_contact(contact: Contact) -> None:
    with pytest.raises(WrongStateError, match="it can't be rated"):
        give_feedback(contact, 5, AT)
