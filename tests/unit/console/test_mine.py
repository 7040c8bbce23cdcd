"""Mine shows what waits for me; nothing stands in two places."""

from typing import Any

import pytest

from console.views.mine import MineData, MineView, mine_view
from console.views.my_contacts import (
    MyContactsData,
    MyContactsView,
    SupervisorQuestion,
    my_contacts_view,
)
from unit.console.answers import ahead, approval, clock, clocks, escalation, event, held_by, reader
from unit.console.floor_answers import assignment, change_request, coaching_page, representative


def view(*escalations: dict[str, Any]) -> MineView:
    return mine_view(MineData(escalations, (), ()), (), reader())


def section_of(shown: MineView) -> str:
    (name,) = [section.name for section in shown.sections or () if section.rows]
    return name


@pytest.mark.parametrize(
    ("shown", "section"),
    [
        (held_by("sara"), "held"),
        (held_by("sara", "taken_over"), "held"),
        (escalation(), "answers"),
        (escalation(state="approval_asked", approval=approval()), "approvals"),
        (
            escalation(
                latest_step=event(
                    "escalation_handed_over", by="sam", to="sara", context="Knows her."
                )
            ),
            "handed",
        ),
        (
            escalation(latest_step={"type": "upstairs.escalation_climbed.v1", "data": {}}),
            "answers",
        ),
    ],
)
def test_escalation_stands_where_it_waits(shown: dict[str, Any], section: str) -> None:
    assert section_of(view(shown)) == section


def test_escalation_of_others_is_left_out() -> None:
    assert view(held_by("sam"), escalation(awaited=["sam"])).sections == ()


def test_handed_over_shows_once_what_the_colleague_said() -> None:
    step = event("escalation_handed_over", by="sam", to="sara", context="She knows the customer.")
    (handed,) = [
        section
        for section in view(escalation(latest_step=step)).sections or ()
        if section.name == "handed"
    ]
    (row,) = handed.rows
    assert [reason.quotation for reason in row.reasons].count("She knows the customer.") == 1


def test_least_time_left_is_first() -> None:
    shown = view(escalation(deadline=ahead(minutes=9)), escalation(deadline=ahead(minutes=1)))
    (answers,) = [section for section in shown.sections or () if section.rows]
    assert [row.left and row.left.text for row in answers.rows] == ["1 min", "9 min"]


def test_coaching_is_listed_once_for_all_its_messages() -> None:
    slack, email = coaching_page(), coaching_page()
    other = coaching_page("page-2", requested_at=ahead(minutes=-1))
    nothing = coaching_page("page-3", content={"coaching": None})
    shown = mine_view(MineData((), (slack, email, other, nothing), ()), (), reader())
    assert shown.coachings is not None
    assert [coaching.at for coaching in shown.coachings] == ["10:11", "09:52"]
    coaching = shown.coachings[0]
    assert (coaching.person, coaching.by, coaching.text) == (
        "Rita Rossi",
        "Sam Stone",
        "Say no kindly.",
    )


def test_swaps_to_answer_are_counted() -> None:
    requests = (change_request(), change_request(person_id="sam", asked_by="sara"))
    assert mine_view(MineData((), (), requests), (), reader()).swaps == 1


def test_part_that_does_not_answer_is_named() -> None:
    shown = mine_view(MineData(None, None, None), ["escalation", "notifier"], reader())
    assert shown.missing == ("Escalations", "Messages to colleagues")
    assert (shown.sections, shown.coachings, shown.swaps) == (None, None, None)


def contacts_view(**changes: Any) -> MyContactsView:
    data = {
        "assignments": [assignment()],
        "representative": representative(),
        "contacts": {},
        "clocks": {},
        **changes,
    }
    return my_contacts_view(MyContactsData(**data), (), reader("rita", "representative"))


def test_contact_shows_the_promises_that_may_still_be_kept() -> None:
    contact_id = assignment()["contact_id"]
    listed = clocks(
        clock("resolution", due_at=ahead(minutes=30)),
        clock("first_response", due_at=ahead(minutes=4)),
        clock("assignment", met_at=ahead(minutes=-5), state="met"),
        clock("next_response", due_at=None, paused_at=ahead(minutes=-1), state="paused"),
        clock("periodic_update", cancelled_at=ahead(minutes=-1), state="cancelled"),
    )
    (row,) = contacts_view(clocks={contact_id: listed}).contacts or ()
    shown = [(each.name, each.left.text if each.left else each.text) for each in row.promises]
    assert shown == [
        ("First reply", "4 min"),
        ("Resolution", "30 min"),
        ("Next reply", "paused, since we wait for the customer"),
    ]


def test_offer_is_first_and_then_the_contact_that_is_due_first() -> None:
    shown = contacts_view(
        assignments=[
            assignment(contact_id="late"),
            assignment(contact_id="soon"),
            assignment(contact_id="offer", state="offered"),
        ],
        clocks={
            "late": clocks(clock(due_at=ahead(hours=1))),
            "soon": clocks(clock(due_at=ahead(minutes=1))),
        },
    )
    assert [row.contact_id for row in shown.contacts or ()] == ["offer", "soon", "late"]
    assert [row.accept_url for row in shown.contacts or ()] == ["/mine/offer/accept", None, None]


def contact_answer(**changes: Any) -> dict[str, Any]:
    """Return what intake answers of the contact, as far as the page reads it."""
    return {
        "contact_id": assignment()["contact_id"],
        "subject": "Charged twice",
        "state": "open",
        "supervisor_question": None,
        **changes,
    }


def test_question_of_intake_is_asked_of_who_has_the_contact() -> None:
    contact_id = assignment()["contact_id"]
    contact = contact_answer(supervisor_question={"quote": "What would your boss say to that?"})
    (row,) = contacts_view(contacts={contact_id: contact}).contacts or ()
    assert row.question == SupervisorQuestion(
        "What would your boss say to that?", f"/mine/{contact_id}/answer-supervisor-question"
    )


@pytest.mark.parametrize("state", ["offered", "with_supervisor"])
def test_question_is_not_asked_of_who_does_not_have_the_contact(state: str) -> None:
    contact = contact_answer(supervisor_question={"quote": "What would your boss say to that?"})
    (row,) = (
        contacts_view(
            assignments=[assignment(state=state)], contacts={assignment()["contact_id"]: contact}
        ).contacts
        or ()
    )
    assert row.question is None


def test_contact_that_waits_for_the_customer_says_so() -> None:
    contact_id = assignment()["contact_id"]
    contact = contact_answer(state="waiting_on_customer")
    (row,) = contacts_view(contacts={contact_id: contact}).contacts or ()
    assert (row.subject, row.state_text) == ("Charged twice", "waits for the customer")
