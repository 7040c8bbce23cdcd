"""Budgets: how many messages go out, and what a summary carries of the rest."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from common.contracts.event import NotificationId
from common.core.ids import new_id
from notifier.channels import email, slack_messages
from notifier.domain import brake, notifications
from notifier.domain.brake import BrakePolicy, Budget
from notifier.domain.notifications import Notification
from notifier.links import Links
from unit.notifier.examples import ADA, AT, EMAIL, LATE_REPLY, SLACK, notification, paged

POLICY = BrakePolicy(recipient=2, customer=3, channel=4)
SECOND = timedelta(seconds=1)
LINKS = Links("secret", "https://up.example.com/", timedelta(hours=1))


def page(person: str = "dana", customer: str = "ada", source: str = "channel:shop") -> Notification:
    contact = {**ADA, "customer_id": customer, "received_from": source}
    event = paged(person_id=person, contact=contact, page_id=new_id())
    request = notifications.page_from(event)
    return notifications.notify(request, SLACK, NotificationId(new_id()), AT)


def admitted(pages: list[Notification], policy: BrakePolicy = POLICY) -> list[str | None]:
    """Return for each page the budget that holds it back, when all are due at once."""
    budgets: dict[str, Budget] = {}
    outcomes: list[str | None] = []
    for each in pages:
        limits = brake.limits(each, policy)
        budgets = {limit.key: Budget(limit.key) for limit in limits} | budgets
        limit = brake.exhausted(each, budgets, policy, AT)
        outcomes.append(limit.kind if limit else None)
        if limit is None:
            for spent in limits:
                budgets[spent.key] = budgets[spent.key].spend(policy.window, AT)
    return outcomes


def test_recipient_gets_no_more_than_the_budget() -> None:
    pages = [page(customer=str(number)) for number in range(4)]
    assert admitted(pages) == [None, None, "recipient", "recipient"]


def test_customer_makes_no_more_messages_than_the_budget() -> None:
    pages = [page(person) for person in ("dana", "omar", "mona", "sara")]
    assert admitted(pages) == [None, None, None, "customer"]


def test_channel_makes_no_more_messages_than_the_budget() -> None:
    pages = [page(str(number), str(number)) for number in range(6)]
    assert admitted(pages) == [None] * 4 + ["channel"] * 2
    others = [page(str(number), str(number), "channel:mail") for number in range(4)]
    assert admitted(pages + others)[6:] == [None] * 4


def test_contact_stands_for_a_customer_who_is_not_known() -> None:
    anonymous = [page(str(number)) for number in range(4)]
    contact = {key: value for key, value in ADA.items() if key != "customer_id"}
    event = [notifications.page_from(paged(person_id=p, contact=contact)) for p in "abcd"]
    anonymous = [notifications.notify(each, SLACK, NotificationId(new_id()), AT) for each in event]
    assert admitted(anonymous) == [None] * 3 + ["customer"]


def test_budget_of_zero_has_no_limit() -> None:
    policy = BrakePolicy(recipient=0, customer=0, channel=0)
    assert admitted([page()] * 50, policy) == [None] * 50


def test_budget_counts_any_window_not_the_clock_s_minutes() -> None:
    budget = Budget("key")
    for offset in (50, 55):
        budget = budget.spend(POLICY.window, AT + offset * SECOND)
    assert budget.used(POLICY.window, AT + 109 * SECOND) == 2
    assert budget.used(POLICY.window, AT + 110 * SECOND) == 1
    # What is out of the window is forgotten, so a row stays small.
    later = budget.spend(POLICY.window, AT + 200 * SECOND)
    assert later.sent_at == (AT + 200 * SECOND,)


def test_summaries_come_an_interval_apart() -> None:
    budget = Budget("key")
    assert brake.next_summary_at(budget, POLICY, AT) == AT
    under_way = replace(budget, summary_due_at=AT)
    assert brake.next_summary_at(under_way, POLICY, AT + SECOND) == AT + POLICY.interval
    assert brake.next_summary_at(under_way, POLICY, AT + 5 * POLICY.interval) == (
        AT + 5 * POLICY.interval
    )


def summary_of(*pages: Notification, later: int = 0) -> Notification:
    empty = notifications.summary(pages[0].person_id, SLACK, NotificationId(new_id()), AT, AT)
    filled, parts = brake.fill(empty, pages, later)
    assert {part.summary_id for part in parts} == {empty.notification_id}
    return filled


def reasoned(reason: str, **changes: Any) -> Notification:
    made = notification(SLACK, "climbed")
    content = notifications.page_from(paged(reason, **changes)).content
    return replace(made, notification_id=NotificationId(new_id()), content=content)


def test_summary_begins_with_what_must_be_answered_first() -> None:
    late = reasoned("raised", respond_by=AT + timedelta(minutes=9))
    soon = reasoned("climbed", respond_by=AT + timedelta(minutes=3))
    soonest_without_answer = reasoned("updated", respond_by=AT + timedelta(minutes=1))
    summary = summary_of(soonest_without_answer, late, soon).content.summary
    assert summary
    assert [each.notification_id for each in summary.pages] == [
        each.notification_id for each in (soon, late, soonest_without_answer)
    ]


def test_summary_says_how_many_were_held_back_and_has_the_buttons_of_each() -> None:
    answered, informing = reasoned("raised"), reasoned("updated")
    message = slack_messages.page_message(summary_of(answered, informing, later=3), LINKS, AT)
    assert message["text"] == "5 messages were held back"
    text = str(message["blocks"])
    assert "3 more follow in the next message of this kind." in text
    rows = [block["elements"] for block in message["blocks"] if block["type"] == "actions"]
    assert [[button["action_id"] for button in row] for row in rows] == [
        ["acknowledge", "take_over", "open"],
        ["open"],
    ]
    mail = email.compose(
        replace(summary_of(answered, informing), address=EMAIL), "up@example.com", LINKS, AT
    )
    part = mail.get_body(("plain",))
    assert part
    lines = part.get_content().splitlines()
    # Our links come before all words of strangers.
    assert [line.partition(": ")[0] for line in lines[:3]] == [
        "1. Acknowledge",
        "1. Take over",
        "2. Open",
    ]
    assert "1. Billing chat from “Ada”: first response 2 min overdue" in lines


@pytest.mark.parametrize("count", [1, brake.MAX_PAGES_IN_SUMMARY])
def test_summary_fits_into_what_slack_accepts(count: int) -> None:
    long = "<&>" * 5000
    contact = {**ADA, "customer_name": long, "topic": long, "subject": long}
    causes = [{**LATE_REPLY, "reason": long}] * 9
    pages = [reasoned("raised", contact=contact, causes=causes) for _ in range(count)]
    message = slack_messages.page_message(summary_of(*pages), LINKS, AT)
    assert len(message["blocks"]) <= 50
    sections = [block for block in message["blocks"] if block["type"] == "section"]
    assert len(sections) == count + 1
    assert all(len(section["text"]["text"]) <= 3000 for section in sections)
