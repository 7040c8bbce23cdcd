"""The table of CONSOLE.md: one primary button by role and state, and what else may be pressed."""

from typing import Any

import pytest

from common.contracts.event import PersonRole
from console.views.actions import choices
from unit.console.answers import ahead, approval, escalation, held_by, reader

ALL_WHILE_HELD = {
    "note",
    "snooze",
    "hand_over",
    "mediate",
    "request_coaching",
    "refer_up",
    "hand_back",
}


def test_awaited_person_acknowledges_first() -> None:
    assert choices(escalation(), reader()).primary == "acknowledge"
    assert choices(escalation(), reader()).more == ("take_over", "refer_up", "note")


def test_colleague_of_awaited_person_only_opens_first() -> None:
    pressed = choices(escalation(awaited=["sam"]), reader())
    assert pressed.primary is None
    assert {"acknowledge", "take_over"} <= {*pressed.more}


def test_holder_takes_over_and_then_resolves() -> None:
    acknowledged = choices(held_by("sara"), reader())
    taken_over = choices(held_by("sara", "taken_over"), reader())
    assert acknowledged.primary == "take_over"
    assert taken_over.primary == "resolve"
    assert {*acknowledged.more} & {*taken_over.more} >= ALL_WHILE_HELD


@pytest.mark.parametrize("state", ["acknowledged", "taken_over"])
def test_lease_that_ends_soon_is_renewed_first(state: str) -> None:
    pressed = choices(held_by("sara", state, deadline=ahead(seconds=119)), reader())
    assert pressed.primary == "renew"
    assert {"resolve", *ALL_WHILE_HELD} <= {*pressed.more}


def test_lease_with_time_left_is_renewed_by_more() -> None:
    pressed = choices(held_by("sara", deadline=ahead(seconds=121)), reader())
    assert pressed.primary == "take_over"
    assert "renew" in pressed.more


def test_escalation_of_somebody_else_takes_notes_only() -> None:
    assert choices(held_by("sam"), reader()).all == ("note",)


def test_person_who_is_asked_approves_or_refuses() -> None:
    pending = escalation(state="approval_asked", approval=approval())
    assert choices(pending, reader()).primary == "approve"
    assert "refuse" in choices(pending, reader()).more


@pytest.mark.parametrize(("role", "may_approve"), [("supervisor", False), ("manager", True)])
def test_only_managers_decide_what_they_are_not_asked(role: PersonRole, may_approve: bool) -> None:
    pending = escalation(state="approval_asked", approval=approval(), awaited=["dora"])
    pressed = choices(pending, reader(role=role))
    assert pressed.primary is None
    assert ("approve" in pressed.more) is may_approve


def test_person_who_asked_can_only_withdraw() -> None:
    pending = escalation(
        state="approval_asked", approval=approval(asked_by="sara"), awaited=["dora"]
    )
    assert choices(pending, reader(role="manager")).all == ("refuse", "note")


@pytest.mark.parametrize("state", ["handed_back", "resolved", "closed"])
def test_ended_escalation_can_be_reopened(state: str) -> None:
    ended = escalation(state=state, awaited=[], deadline=None, closed_at=ahead())
    assert choices(ended, reader()).all == ("reopen",)


@pytest.mark.parametrize(
    "shown",
    [
        escalation(awaited=["rita"]),
        held_by("sam"),
        escalation(state="approval_asked", approval=approval(), awaited=["rita"]),
        escalation(state="closed", awaited=[], deadline=None, closed_at=ahead()),
    ],
)
def test_representative_reads_only(shown: dict[str, Any]) -> None:
    assert choices(shown, reader("rita", "representative")).all == ()


def permissions(**allowed: bool) -> list[dict[str, Any]]:
    return [
        {"action": name.replace("_", "-"), "allowed": is_allowed, "code": None, "detail": None}
        for name, is_allowed in allowed.items()
    ]


def test_service_has_the_last_word_on_actions() -> None:
    shown = escalation(actions=permissions(acknowledge=True, take_over=False, note=True))
    assert choices(shown, reader()).all == ("acknowledge", "note")
    named = escalation(actions=permissions(acknowledge=False, note=False))
    assert choices(named, reader()).all == ()
