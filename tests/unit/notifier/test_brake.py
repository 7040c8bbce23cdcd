"""Budgets: how many messages go out, and what a summary carries of the rest."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from common.contracts.event import NotificationId, PersonId
from common.core.ids import new_id
from notifier.channels import slack_messages
from notifier.domain import brake, notifications, own_messages
from notifier.domain.brake import BrakePolicy, Budget
from notifier.domain.notifications import Notification
from notifier.links import Links
from unit.notifier.examples import (
    ADA,
    AT,
    EMAIL,
    LATE_REPLY,
    SLACK,
    compose_mail,
    notification,
    paged,
)

POLICY = BrakePolicy(recipient=2, customer=3, channel=4, burst=0, linger=timedelta(0))
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
    others = [page(str(number), str(number), "channel:mail") for number in range(10, 14)]
    assert admitted(pages + others)[6:] == [None] * 4


def test_customer_uses_half_of_a_recipient_s_budget_so_that_others_have_room() -> None:
    policy = BrakePolicy(recipient=5, customer=100, channel=100, burst=0)
    flood = [page(customer="mallory")] * 9
    assert admitted([*flood, page(customer="ada")], policy) == [None] * 3 + ["share"] * 6 + [None]


def test_contact_stands_for_a_customer_who_is_not_known() -> None:
    anonymous = [page(str(number)) for number in range(4)]
    contact = {key: value for key, value in ADA.items() if key != "customer_id"}
    event = [notifications.page_from(paged(person_id=p, contact=contact)) for p in "abcd"]
    anonymous = [notifications.notify(each, SLACK, NotificationId(new_id()), AT) for each in event]
    assert admitted(anonymous) == [None] * 3 + ["customer"]


def test_budget_of_zero_has_no_limit() -> None:
    policy = BrakePolicy(recipient=0, customer=0, channel=0, burst=0)
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


def test_summaries_of_repeats_alone_come_after_twice_the_time_up_to_a_bound() -> None:
    budget, at, gaps = Budget("key"), AT, []
    for _ in range(7):
        due_at = brake.next_summary_at(budget, POLICY, at, repeat=True)
        budget = brake.plan_summary(budget, due_at, POLICY, at)
        gaps.append(due_at - at)
        at = due_at
    minutes = [gap / timedelta(minutes=1) for gap in gaps]
    assert minutes == [0, 2, 4, 8, 15, 15, 15]
    # What is new comes an interval after the last one all the same.
    assert brake.next_summary_at(budget, POLICY, at) == at + POLICY.interval


def test_series_of_summaries_ends_with_a_quiet_time() -> None:
    budget = brake.plan_summary(Budget("key"), AT, POLICY, AT)
    quiet = AT + timedelta(minutes=4)
    assert brake.plan_summary(budget, quiet, POLICY, quiet).summaries == 1
    assert brake.plan_summary(budget, AT, POLICY, quiet - SECOND).summaries == 2


@pytest.mark.parametrize(
    ("is_repeat", "minutes", "waits"), [(True, 3.9, True), (True, 4, False), (False, 0, False)]
)
def test_only_repeats_wait_while_summaries_follow_each_other(
    is_repeat: bool,
    minutes: float,
    waits: bool,
) -> None:
    made = reasoned("repeated")
    request = replace(made, content=replace(made.content, is_repeat=is_repeat))
    key = brake.recipient_key(request)
    budget = brake.plan_summary(Budget(key), AT, POLICY, AT)
    at = AT + timedelta(minutes=minutes)
    limit = brake.waits_for_summary(request, {key: budget}, POLICY, at)
    assert (limit is not None) == waits


def test_newest_page_about_an_escalation_takes_the_place_of_the_others() -> None:
    first = reasoned("raised")
    later = [replace(reasoned("repeated"), requested_at=AT + n * SECOND) for n in (2, 1)]
    alone = replace(reasoned("coaching"), escalation_id=None)
    kept, superseded = brake.newest([*later, alone, first])
    assert {page.notification_id for page in kept} == {
        later[0].notification_id,
        alone.notification_id,
    }
    assert [(page.notification_id, page.state) for page in superseded] == [
        (first.notification_id, "superseded"),
        (later[1].notification_id, "superseded"),
    ]


@pytest.mark.parametrize("first", [True, False])
def test_repeat_of_a_page_that_was_not_read_yet_is_none(
    first: bool,
) -> None:
    pages = [
        replace(
            made := reasoned("repeated"),
            requested_at=AT + n * SECOND,
            content=replace(made.content, is_repeat=is_repeat),
        )
        for n, is_repeat in enumerate((first, True, True))
    ]
    ((kept,), _) = brake.newest(pages)
    assert kept.content.is_repeat == first


def test_only_who_was_asked_before_gets_a_repeat() -> None:
    earlier = replace(notification(SLACK, "raised"), state="sent")
    request = notifications.page_from(paged("repeated"))
    assert notifications.mark_repeat(request, [earlier]).content.is_repeat
    assert not notifications.mark_repeat(request, []).content.is_repeat
    never_sent = replace(earlier, state="cancelled")
    assert not notifications.mark_repeat(request, [never_sent]).content.is_repeat
    other = replace(earlier, person_id=PersonId("omar"))
    assert not notifications.mark_repeat(request, [other]).content.is_repeat


def summary_of(*pages: Notification, later: int = 0) -> Notification:
    empty = own_messages.summary(pages[0].person_id, SLACK, NotificationId(new_id()), AT, AT)
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


def from_source(customer: str, source: str = "channel:shop", **changes: Any) -> Notification:
    contact = {**ADA, "customer_id": customer, "received_from": source}
    return reasoned("raised", contact=contact, **changes)


def test_flood_about_a_customer_leaves_room_in_a_summary() -> None:
    flood = [from_source("mallory", respond_by=AT + SECOND * number) for number in range(50)]
    real = from_source("ada", respond_by=AT + timedelta(hours=1))
    for pages in ([*flood, real], [real, *flood]):
        summary = summary_of(*pages).content.summary
        assert summary
        assert len(summary.pages) == brake.MAX_PAGES_IN_SUMMARY
        # It is chosen, and stands where its deadline puts it.
        assert summary.pages[-1].notification_id == real.notification_id


def test_flood_of_a_channel_s_new_customers_leaves_room_in_a_summary() -> None:
    flood = [from_source(str(number), "channel:chat") for number in range(50)]
    real = from_source("ada", "channel:mail", respond_by=AT + timedelta(hours=1))
    assert real in brake.by_turns([*flood, real])[:2]


def test_severe_pages_come_first_among_customers_of_one_channel() -> None:
    flood = [from_source(str(number), severity="medium", respond_by=AT) for number in range(50)]
    real = from_source("ada", severity="critical", respond_by=AT + timedelta(hours=1))
    assert brake.by_turns([*flood, real])[0] == real


def test_pages_to_be_answered_come_first_whoever_sent_the_others() -> None:
    informing = [
        replace(each, content=replace(each.content, reason="updated"))
        for each in (from_source("a", "channel:a"), from_source("b", "channel:b"))
    ]
    answered = [from_source("mallory") for _ in range(3)]
    assert brake.by_turns([*informing, *answered])[:3] == sorted(
        answered, key=lambda page: page.notification_id
    )


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
    mail = compose_mail(
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
