"""The state of a contact is the same in whatever order its events come."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.contracts.contacts import WaitingOnCustomerEnded
from common.contracts.event import MessageId
from intake.domain import contacts
from intake.domain.actors import NOBODY
from intake.domain.automatic_mail import is_automatic
from intake.domain.model import Contact, Message, Moment
from intake.domain.state import place
from intake.domain.transitions import Change
from unit.intake.examples import AT, CONTACT

Step = Literal[
    "open",
    "waiting_on_customer",
    "resolved",
    "abandoned",
    "discarded",
    "merged",
    "customer",
    "representative",
    "absence note",
    "note",
    "low",
    "urgent",
]
STEPS: tuple[Step, ...] = (
    "open",
    "waiting_on_customer",
    "resolved",
    "abandoned",
    "discarded",
    "merged",
    "customer",
    "representative",
    "absence note",
    "note",
    "low",
    "urgent",
)


def take(contact: Contact, step: Step, moment: Moment) -> Contact:
    placed = place(contact, moment)
    match step:
        case "customer" | "representative" | "absence note" | "note":
            message = Message(
                MessageId("m"),
                contact.contact_id,
                "customer" if step in ("customer", "absence note") else "representative",
                None,
                "",
                moment.at,
                automatic=step == "absence note",
                internal=step == "note",
            )
            return contacts.add_message(contact, message, placed).contact
        case "low" | "urgent":
            decision = contacts.report_priority(contact, step, "?", NOBODY, placed, moment.at)
            return decision.contact
        case _:
            return contacts.report_state(contact, step, placed, Change(moment.at)).contact


def outcome_of(steps: Sequence[tuple[Step, Moment]]) -> tuple[str, str]:
    contact = CONTACT
    for step, moment in steps:
        contact = take(contact, step, moment)
    return contact.state, contact.priority


@given(st.data())
def test_any_order_of_the_same_events_gives_the_same_contact(data: st.DataObject) -> None:
    updates = data.draw(st.lists(st.lists(st.sampled_from(STEPS), min_size=1, max_size=3)))
    happened = [
        (step, Moment(AT + timedelta(seconds=number), position, f"u-{number}"))
        for number, update in enumerate(updates)
        for position, step in enumerate(update)
    ]
    assert outcome_of(data.draw(st.permutations(happened))) == outcome_of(happened)


@pytest.mark.parametrize(
    ("steps", "state"),
    [
        (["waiting_on_customer", "open"], "open"),
        (["waiting_on_customer", "customer"], "open"),
        (["waiting_on_customer", "representative"], "open"),
        (["waiting_on_customer", "absence note"], "waiting_on_customer"),
        (["waiting_on_customer", "note"], "waiting_on_customer"),
        (["resolved", "customer"], "open"),
        (["resolved", "representative"], "resolved"),
        (["resolved", "absence note"], "resolved"),
        (["resolved", "waiting_on_customer"], "waiting_on_customer"),
        (["discarded", "customer"], "discarded"),
        (["discarded", "resolved"], "discarded"),
        (["discarded", "open"], "open"),
        (["merged", "resolved"], "merged"),
        (["resolved", "merged"], "merged"),
    ],
)
def test_state_follows_what_happened(steps: list[Step], state: str) -> None:
    happened = [(step, Moment(AT + timedelta(minutes=n))) for n, step in enumerate(steps)]
    assert outcome_of(happened)[0] == state
    assert outcome_of(happened[::-1])[0] == state


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_reply_that_sets_the_ticket_to_pending_keeps_it_waiting(order: tuple[int, int]) -> None:
    update = [
        ("waiting_on_customer", Moment(AT, 0, "u")),
        ("representative", Moment(AT, 1, "u")),
    ]
    steps: list[tuple[Step, Moment]] = [update[number] for number in order]  # type: ignore[misc]  # literals
    assert outcome_of(steps)[0] == "waiting_on_customer"


def test_waiting_that_ends_says_why() -> None:
    waiting = contacts.wait_for_customer(CONTACT, AT).contact
    (ended,) = contacts.stop_waiting(waiting, AT).events
    assert isinstance(ended, WaitingOnCustomerEnded)
    assert ended.cause == "opened"
    assert contacts.stop_waiting(CONTACT, AT).events == ()


@pytest.mark.parametrize(
    ("headers", "automatic"),
    [
        ({}, False),
        ({"Auto-Submitted": "no"}, False),
        ({"Auto-Submitted": "auto-replied; owner-email=a@example.com"}, True),
        ({"AUTO-SUBMITTED": "Auto-Generated"}, True),
        ({"X-Autoreply": "yes"}, True),
        ({"X-Autoreply": "no"}, False),
        ({"Precedence": "bulk"}, True),
        ({"precedence": "auto_reply"}, True),
        ({"Precedence": "list"}, True),
        ({"Precedence": "list", "List-Id": "<support.shop.example>"}, False),
        ({"Precedence": "first-class"}, False),
        ({"Return-Path": "<>"}, True),
        ({"Content-Type": "multipart/report; report-type=delivery-status"}, True),
        ({"Auto-Submitted": "no (written by a person)"}, False),
        ({"Auto-Submitted": "auto-replied (vacation)"}, True),
        ({"X-Auto-Reply": "yes"}, True),
        ({"X-AutoReply-From": "jane@example.com"}, True),
        ({"X-Amazon-Auto-Reply": "true"}, True),
        ({"X-FC-MachineGenerated": "true"}, True),
        ({"X-Auto-Generated": "hd-acknowledgement"}, True),
        ({"X-Auto-Response-Suppress": "All"}, False),
        ({"Precedence": "auto-reply"}, True),
        ({"Return-Path": "< >"}, True),
        ({"Return-Path": ""}, False),
        ({"From": "Mail Delivery System <MAILER-DAEMON@mx.example.com>"}, True),
        ({"From": "jane@example.com", "Return-Path": "<jane@example.com>"}, False),
    ],
)
def test_headers_say_whether_a_machine_wrote_the_mail(
    headers: dict[str, str], *, automatic: bool
) -> None:
    assert is_automatic(headers) is automatic
