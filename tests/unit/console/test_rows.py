"""A row says how long left, what, why now, who, and what to press."""

from itertools import pairwise
from typing import Any

import pytest

from console.views.rows import Band, band_of, make_row
from unit.console.answers import (
    ahead,
    approval,
    cause,
    contact_of_escalation,
    escalation,
    event,
    held_by,
    promise,
    reader,
)


@pytest.mark.parametrize(
    ("shown", "band"),
    [
        (escalation(), "needs_you"),
        (escalation(state="approval_asked", approval=approval()), "needs_you"),
        (held_by("sara", deadline=ahead(seconds=100)), "needs_you"),
        (escalation(alarm_since=ahead(minutes=-1)), "needs_you"),
        (escalation(awaited=["sam"], alarm_since=ahead(minutes=-1)), "unanswered"),
        (escalation(awaited=["sam"], deadline=ahead(seconds=-1)), "unanswered"),
        (held_by("sara"), "yours"),
        (escalation(awaited=["sam"]), "team"),
        (held_by("sam", contact=contact_of_escalation(team_id="other")), "others"),
        (held_by("sam", contact=contact_of_escalation(team_id=None)), "others"),
        (escalation(awaited=["sam"], contact=None), "others"),
    ],
)
def test_band_says_whose_matter_it_is(shown: dict[str, Any], band: Band) -> None:
    assert band_of(shown, reader(teams=frozenset({"care"}))) == band


def test_nothing_needs_a_representative() -> None:
    assert band_of(escalation(awaited=["rita"]), reader("rita", "representative")) != "needs_you"


def test_rows_are_sorted_by_band_and_time_left() -> None:
    ordered = [
        escalation(deadline=ahead(seconds=5)),
        escalation(deadline=ahead(minutes=5)),
        escalation(awaited=["sam"], deadline=ahead(minutes=-5)),
        held_by("sara", deadline=ahead(minutes=30)),
        held_by("sam", deadline=ahead(seconds=1)),
        held_by("sam", deadline=None),
    ]
    keys = [make_row(shown, reader()).sort_key for shown in ordered]
    assert keys == sorted(keys)


def test_rows_are_sorted_by_severity_before_time_left() -> None:
    ordered = [
        escalation(severity="critical", deadline=ahead(hours=2)),
        escalation(severity="high", deadline=ahead(minutes=1)),
        escalation(severity="low", deadline=ahead(seconds=1)),
    ]
    keys = [make_row(shown, reader(), "severity").sort_key for shown in ordered]
    assert keys == sorted(keys)


def test_newest_rows_come_first_if_the_reader_wants() -> None:
    ordered = [escalation(raised_at=ahead(**span)) for span in ({"seconds": -1}, {"days": -40})]
    keys = [make_row(shown, reader(), "newest").sort_key for shown in ordered]
    assert all(first < second for first, second in pairwise(keys))


def test_row_says_what_it_is_about() -> None:
    row = make_row(escalation(), reader())
    assert row.headline == "Billing chat from Ada Lovelace"
    assert row.subject == "Charged twice in March"
    assert (row.severity_text, row.representative) == ("high", "Rita Rossi")


def test_row_of_a_contact_that_has_not_come_yet_has_a_headline() -> None:
    row = make_row(escalation(contact=None), reader())
    assert row.headline == "A contact that is still on its way to us"
    assert (row.subject, row.representative) == ("", None)


@pytest.mark.parametrize(
    ("shown", "who", "meaning"),
    [
        (escalation(awaited=["sara", "sam"]), "Must answer: you and Sam Stone", "to answer"),
        (escalation(awaited=[]), "Must answer: nobody", "to answer"),
        (held_by("sara"), "You have it", "of your time"),
        (held_by("sara", lease_end="shift"), "You have it", "until your shift ends"),
        (held_by("sam"), "Sam Stone has it", "until it moves on"),
        (held_by("admin:ops"), "admin:ops has it", "until it moves on"),
        (held_by("sam", snoozed_until=ahead(hours=1)), "Sam Stone has it", "of the snooze"),
        (
            escalation(state="approval_asked", approval=approval()),
            "Must decide: you",
            "to decide",
        ),
    ],
)
def test_row_says_who_and_how_long(shown: dict[str, Any], who: str, meaning: str) -> None:
    row = make_row(shown, reader())
    assert row.who == who
    assert row.left is not None
    assert row.left.meaning == meaning


@pytest.mark.parametrize(
    ("deadline", "text", "tone"),
    [
        (ahead(minutes=4), "4 min", "calm"),
        (ahead(seconds=120), "2 min", "soon"),
        (ahead(minutes=-3), "3 min over", "over"),
    ],
)
def test_countdown_tells_urgency(deadline: str, text: str, tone: str) -> None:
    left = make_row(escalation(deadline=deadline), reader()).left
    assert left is not None
    assert (left.text, left.tone) == (text, tone)


def test_ended_escalation_has_no_time_left() -> None:
    assert make_row(escalation(state="closed", deadline=None, awaited=[]), reader()).left is None


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ({}, ["No first reply within 10 min, 3 min over"]),
        (
            {"causes": [cause("warning", clock="resolution", due_at=ahead(minutes=20))]},
            ["Not resolved within 10 min, 20 min"],
        ),
        (
            {"causes": [cause("customer_request", reason="Your boss, please.")]},
            ["The customer asks for a supervisor: Your boss, please."],
        ),
        (
            {"causes": [cause("referral", by="rita", reason="Above my limit.")]},
            ["Referred by Rita Rossi: Above my limit."],
        ),
        (
            {"causes": [cause("feedback", score=1, reason="")]},
            ["Bad feedback: 1 of 5"],
        ),
        (
            {"causes": [cause("complaint", about="rita", reason="")]},
            ["Complaint about Rita Rossi"],
        ),
        (
            {"causes": [cause("vip", reason="VIP customer (policy gold v3)"), cause()]},
            ["VIP customer", "And one more reason"],
        ),
        (
            {"level": 1, "level_name": "manager"},
            ["No first reply within 10 min, 3 min over", "Not answered below, now at manager"],
        ),
        (
            {"causes": [cause(promise=promise(state="met_late"))]},
            ["First reply: kept too late"],
        ),
        ({"causes": [cause(promise=None)]}, ["No first reply"]),
        (
            {"unreached": ["sara"], "causes": []},
            ["No message has reached you"],
        ),
        (
            {
                "latest_step": event("escalation_handed_over", by="sam", to="sara", context="Hi"),
                "causes": [],
            },
            ["Handed over to Sara Singh by Sam Stone: Hi"],
        ),
        (
            {"alarm_since": ahead(minutes=-9)},
            [
                "No first reply within 10 min, 3 min over",
                "All levels were asked, nobody has answered since 10:03",
            ],
        ),
        (
            {"state": "approval_asked", "approval": approval(), "causes": []},
            ["Sam Stone asks to grant €120.00"],
        ),
    ],
)
def test_row_says_why_now(changes: dict[str, Any], lines: list[str]) -> None:
    reasons = make_row(escalation(**changes), reader()).reasons
    written = [
        reason.text
        + (f", {reason.due.text}" if reason.due else "")
        + (f": {reason.quotation}" if reason.quotation else "")
        for reason in reasons
    ]
    assert written == lines


@pytest.mark.parametrize(
    ("changes", "is_urgent"),
    [
        ({"severity": "critical"}, True),
        ({"severity": "high"}, True),
        ({"severity": "medium"}, False),
        ({"severity": "critical", "awaited": ["sam"]}, False),
    ],
)
def test_only_what_needs_the_reader_and_is_severe_is_urgent(
    changes: dict[str, Any], is_urgent: bool
) -> None:
    assert make_row(escalation(**changes), reader()).is_urgent is is_urgent


def test_withdrawal_of_the_own_request_is_called_so() -> None:
    pending = escalation(
        state="approval_asked", approval=approval(asked_by="sara"), awaited=["dora"]
    )
    labels = [button.label for button in make_row(pending, reader()).buttons.all]
    assert labels == ["Withdraw the request…", "Add note…"]


def test_row_is_in_the_readers_language() -> None:
    row = make_row(escalation(), reader(language="de"))
    assert row.headline == "Billing: Chat von Ada Lovelace"
    assert row.buttons.primary is not None
    assert row.buttons.primary.label == "Bestätigen"
