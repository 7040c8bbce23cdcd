"""What of the stream a representative gets whom a complaint names."""

from uuid import UUID

import pytest

from common.contracts.escalations import PagesErased
from common.contracts.event import ContactId, EscalationId, PersonId
from common.core.ids import new_id
from escalation.api.live import StreamQuery, event_filter
from escalation.domain.visibility import Viewer
from escalation.stream.records import StreamEvent

RITA = PersonId("rita")
CONTACT = ContactId(new_id())
HIDDEN, OTHER = EscalationId(new_id()), EscalationId(new_id())
QUERY = StreamQuery(contact_id=CONTACT)


def acknowledged(escalation: EscalationId) -> StreamEvent:
    return StreamEvent("upstairs.escalation_acknowledged.v1", CONTACT, escalation, "{}")


def warned(*, is_of_escalation: bool) -> StreamEvent:
    return StreamEvent(
        "upstairs.clock_warned.v1", CONTACT, None, "{}", is_of_escalation=is_of_escalation
    )


def complaint(about: str) -> StreamEvent:
    return StreamEvent("upstairs.complaint_raised.v1", CONTACT, HIDDEN, "{}", PersonId(about))


def erased(contact_id: ContactId) -> StreamEvent:
    return StreamEvent(
        PagesErased.type, contact_id, None, "{}", is_of_escalation=False, is_erasure=True
    )


@pytest.mark.parametrize("is_named_before", [True, False])
def test_representative_gets_all_but_the_escalation_in_which_a_complaint_names_them(
    *, is_named_before: bool
) -> None:
    hidden: set[str] = {HIDDEN} if is_named_before else set()
    matches = event_filter(QUERY, Viewer(RITA, "representative"), hidden)
    assert matches(acknowledged(HIDDEN)) is not is_named_before
    assert not matches(complaint("rita"))
    assert not matches(acknowledged(HIDDEN))
    assert not matches(warned(is_of_escalation=True))
    assert matches(warned(is_of_escalation=False))
    assert matches(acknowledged(OTHER))


def test_complaint_about_a_colleague_hides_nothing() -> None:
    matches = event_filter(QUERY, Viewer(RITA, "representative"), set())
    assert not matches(complaint("bruno"))
    assert matches(acknowledged(HIDDEN))
    assert matches(warned(is_of_escalation=True))


def test_supervisor_gets_everything_although_named() -> None:
    matches = event_filter(QUERY, Viewer(RITA, "supervisor"), set())
    assert matches(complaint("rita"))
    assert matches(acknowledged(HIDDEN))


def test_representative_hears_of_the_erasure_of_the_own_contact_only() -> None:
    viewer = Viewer(RITA, "representative")
    of_contact = event_filter(QUERY, viewer, {HIDDEN}, CONTACT)
    of_escalation = event_filter(StreamQuery(escalation_id=UUID(OTHER)), viewer, set(), CONTACT)
    for matches in (of_contact, of_escalation):
        assert matches(erased(CONTACT))
        assert not matches(erased(ContactId(new_id())))


def test_erasure_is_left_out_by_types_alone() -> None:
    supervisor = Viewer(RITA, "supervisor")
    assert event_filter(StreamQuery(team=["back"]), supervisor, set())(erased(CONTACT))
    others = StreamQuery(types="upstairs.escalation_")
    assert not event_filter(others, supervisor, set())(erased(CONTACT))
