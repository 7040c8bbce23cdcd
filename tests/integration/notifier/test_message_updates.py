"""After the first answer: who is notified, what earlier messages say then, who may answer."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from common.contracts.escalations import (
    ApprovalAsked,
    ApprovalRefused,
    EscalationHandedOver,
    EscalationLeaseRenewed,
    EscalationReopened,
    EscalationResolved,
    EscalationReturned,
    EscalationSnoozed,
    EscalationTakenOver,
    EscalationUnanswered,
    PageRequested,
)
from common.contracts.event import ContactId, EscalationId, PersonId
from common.core.clock import TimeSource
from common.core.ids import new_id
from integration.notifier.conftest import (
    ServiceHarness,
    acknowledged,
    link_to,
    page_also,
    paged,
    pressed,
    send_as_slack,
    token_of,
)
from integration.notifier.examples import BROWSER, PROGRAM, answer_events, sent
from support.waiting import until

DANA, OMAR = PersonId("dana"), PersonId("omar")
COMPLAINT = {
    "cause": "complaint",
    "reason": "He hung up on me.",
    "at": TimeSource().utc_now(),
    "about": "rui",
}
SOON = TimeSource().utc_now() + timedelta(hours=1)


def same(page: PageRequested) -> dict[str, Any]:
    return {
        "contact_id": page.contact_id,
        "occurred_at": TimeSource().utc_now(),
        "escalation_id": EscalationId(page.escalation_id or ""),
    }


def approval_asked(page: PageRequested, by: PersonId = DANA) -> ApprovalAsked:
    return ApprovalAsked(
        **same(page),
        by=by,
        outcome="refund",
        amount=Decimal(500),
        currency="EUR",
        note="all of it",
        level=1,
        level_name="manager",
        approvers=(OMAR,),
    )


async def delivered(harness: ServiceHarness) -> None:
    """Deliver until nothing is pending."""
    async with harness.delivering():
        await until(
            harness.states, lambda states: not {state for *_, state in states} & {"pending"}
        )


async def status_texts(harness: ServiceHarness) -> list[str]:
    """Deliver, and return the statuses that updates showed, in order."""
    await delivered(harness)
    return [
        post.body["blocks"][1]["elements"][0]["text"].partition(" ")[2]
        for post in harness.posted("chat.update")
    ]


async def escalation(harness: ServiceHarness) -> tuple[str, str | None, bool]:
    (row,) = await harness.rows("SELECT state, by, approval_asked FROM escalations")
    return (row.state, row.by, row.approval_asked)


async def test_added_reason_for_the_holder_lets_nobody_else_answer(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    page = paged("dana")
    dana, omar = await sent(harness, page, page_also(page, "omar"))
    await harness.handle(acknowledged(page, "dana"))
    await harness.handle(page_also(page, "dana", reason="updated", causes=[COMPLAINT]))
    await delivered(harness)
    assert await escalation(harness) == ("acknowledged", "dana", False)
    assert (await api.post(omar, headers=PROGRAM)).status_code == 409
    pressing = pressed("U-omar", token_of(harness.posted()[0]))
    late = await send_as_slack(api, pressing)
    assert late.status_code == 409
    assert not await answer_events(harness)
    # The message stays as it is: no update tells Dana that she has acknowledged it.
    post = harness.posted()[-1]
    assert post.body["text"].startswith("Billing chat from “Ada”: complaint about rui. ")
    assert "New reason added." in str(post.body["blocks"])
    assert "“He hung up on me.”" in str(post.body["blocks"])
    assert "acknowledge'" not in str(post.body["blocks"])
    assert len(harness.posted("chat.update")) == 2
    assert (await api.post(dana, headers=PROGRAM)).status_code == 200


@pytest.mark.parametrize(
    "reason", ["updated", "lease_ending", "snooze_over", "approval_refused", "unanswered"]
)
async def test_message_that_asks_for_no_answer_leaves_the_holder(
    harness: ServiceHarness, reason: str
) -> None:
    page = paged("dana")
    await harness.add_recipient("dana")
    await harness.handle(page, acknowledged(page, "dana"))
    await harness.handle(page_also(page, "dana", reason=reason))
    assert await escalation(harness) == ("acknowledged", "dana", False)


async def test_pending_added_reason_is_cancelled_for_others_on_acknowledgement(
    harness: ServiceHarness,
) -> None:
    page = paged("dana")
    for person in ("dana", "omar"):
        await harness.add_recipient(person, "slack")
    await harness.handle(page, page_also(page, "omar"))
    await harness.handle(
        *(page_also(page, person, reason="updated") for person in ("dana", "omar"))
    )
    await harness.handle(acknowledged(page, "dana"))
    rows = await harness.rows(
        "SELECT person_id, state, reason FROM notifications"
        " WHERE content->>'reason' = 'updated' ORDER BY person_id"
    )
    assert [tuple(row) for row in rows] == [
        ("dana", "pending", None),
        ("omar", "cancelled", "Acknowledged by Dana"),
    ]


async def test_coaching_is_sent_even_if_the_escalation_is_resolved(harness: ServiceHarness) -> None:
    page = paged("dana")
    for person in ("dana", "omar"):
        await harness.add_recipient(person, "slack")
    about = {"contact_id": page.contact_id, "escalation_id": None}
    coaching = {"by": "dana", "person_id": "rui", "text": "how to end a call"}
    wish = paged("omar", reason="coaching", coaching=coaching, **about)
    await harness.handle(page, acknowledged(page, "dana"), wish)
    resolved = EscalationResolved(**same(page), by=DANA, outcome="apology", note="sorry", level=1)
    await harness.handle(resolved)
    await delivered(harness)
    assert await status_texts(harness) == []
    assert "dana asks you to coach rui" in str(harness.posted()[-1].body["blocks"])


async def test_approval_has_no_button_and_refusal_updates_the_message(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    page = paged("dana")
    await sent(harness, page)
    await harness.add_recipient("omar", "slack")
    await harness.handle(acknowledged(page, "dana"), approval_asked(page))
    await harness.handle(page_also(page, "omar", reason="approval_asked"))
    assert await status_texts(harness) == ["Acknowledged by Dana"]
    assert await escalation(harness) == ("acknowledged", "dana", True)
    post = harness.posted()[-1]
    assert "Acknowledge" not in str(post.body["blocks"])
    assert "Your approval is needed." in str(post.body["blocks"])
    assert "Approve or refuse it in Upstairs." in str(post.body["blocks"])
    (link,) = post.body["blocks"][-1]["elements"]
    shown = await api.get(link["url"], headers=BROWSER)
    assert "<form" not in shown.text
    assert "Approve or refuse it in Upstairs." in shown.text
    refused = await api.post(link_to(post), headers=PROGRAM)
    assert (refused.status_code, refused.json()["type"]) == (
        409,
        "urn:upstairs:problem:nothing-to-acknowledge",
    )
    assert "Your approval is needed" in refused.json()["detail"]
    # Nor may the approver press the button of the person who was asked to acknowledge.
    pressing = pressed("U-omar", token_of(harness.posted()[0]))
    pressed_at = await send_as_slack(api, pressing)
    assert pressed_at.status_code == 403

    await harness.handle(ApprovalRefused(**same(page), by=OMAR, reason="too much"))
    await harness.handle(page_also(page, "dana", reason="approval_refused"))
    assert (await status_texts(harness))[1:] == ["Approval refused by Omar: “too much”"]
    assert await escalation(harness) == ("acknowledged", "dana", False)


async def test_given_approval_updates_all_messages(harness: ServiceHarness) -> None:
    page = paged("dana")
    await sent(harness, page)
    await harness.add_recipient("omar", "slack")
    await harness.handle(acknowledged(page, "dana"), approval_asked(page))
    await harness.handle(page_also(page, "omar", reason="approval_asked"))
    await delivered(harness)
    await harness.handle(
        EscalationResolved(
            **same(page), by=DANA, outcome="refund", note="all", level=1, approved_by=OMAR
        )
    )
    assert (await status_texts(harness))[1:] == ["Resolved by Dana"] * 2


async def test_undecided_approval_stays_with_the_person_who_asks(harness: ServiceHarness) -> None:
    page = paged("dana")
    await harness.add_recipient("dana")
    await harness.add_recipient("operations", "email")
    unanswered = EscalationUnanswered(**same(page), level=1, lateness_ms=1.0)
    await harness.handle(page, acknowledged(page, "dana"), approval_asked(page), unanswered)
    await harness.handle(page_also(page, "operations", reason="unanswered"))
    assert await escalation(harness) == ("acknowledged", "dana", True)
    await delivered(harness)
    assert ("page", "email", "sent") in await harness.states()


@pytest.mark.parametrize(
    ("make_event", "status"),
    [
        (
            lambda page: EscalationReturned(
                **same(page),
                from_person=DANA,
                level=0,
                level_name="supervisor",
                reason="shift of dana ended",
                lateness_ms=1.0,
            ),
            "Back at supervisor: shift of dana ended",
        ),
        (
            lambda page: EscalationHandedOver(**same(page), by=DANA, to=OMAR, context="knows her"),
            "Handed over to Omar by Dana",
        ),
        (
            lambda page: EscalationReopened(
                **same(page),
                by=DANA,
                reason="angry again",
                severity="high",
                level=0,
                level_name="supervisor",
            ),
            "Reopened by Dana: “angry again”",
        ),
        (
            lambda page: page_also(page, "omar", reason="climbed"),
            "No longer with Dana",
        ),
        (
            lambda page: EscalationUnanswered(**same(page), level=1, lateness_ms=1.0),
            "No longer with Dana",
        ),
    ],
    ids=["returned", "handed over", "reopened", "climbed", "unanswered"],
)
async def test_escalation_that_waits_again_updates_messages_and_takes_an_answer(
    harness: ServiceHarness,
    api: httpx.AsyncClient,
    make_event: Callable[[PageRequested], Any],
    status: str,
) -> None:
    page = paged("dana")
    (link,) = await sent(harness, page)
    await harness.add_recipient("omar", "slack")
    await harness.handle(acknowledged(page, "dana"))
    await delivered(harness)
    await harness.handle(make_event(page))
    await harness.handle(page_also(page, "omar", reason="repeated"))
    assert await status_texts(harness) == ["Acknowledged by Dana", status]
    assert ":arrows_counterclockwise:" in str(harness.posted("chat.update")[-1].body["blocks"])
    assert await escalation(harness) == ("raised", None, False)
    assert (await api.post(link, headers=PROGRAM)).status_code == 200
    assert [event["event"] for event in await answer_events(harness)] == ["notification_acted_on"]


async def test_lease_warning_is_updated_once_after_renewals(harness: ServiceHarness) -> None:
    page = paged("dana")
    await sent(harness, page)
    await harness.handle(acknowledged(page, "dana"))
    await harness.handle(page_also(page, "dana", reason="lease_ending"))
    await delivered(harness)
    for _ in range(3):
        await harness.handle(EscalationLeaseRenewed(**same(page), by=DANA, lease_expires_at=SOON))
    await delivered(harness)
    await harness.handle(EscalationLeaseRenewed(**same(page), by=DANA, lease_expires_at=SOON))
    assert await status_texts(harness) == [
        "Acknowledged by Dana",
        f"Renewed by Dana until {SOON:%a %Y-%m-%d %H:%M} UTC",
    ]


@pytest.mark.parametrize("kind", [EscalationLeaseRenewed, EscalationTakenOver])
async def test_pending_lease_warning_is_cancelled_by_another_lease(
    harness: ServiceHarness, kind: type[EscalationLeaseRenewed | EscalationTakenOver]
) -> None:
    page = paged("dana")
    await harness.add_recipient("dana", "slack")
    await harness.handle(page, acknowledged(page, "dana"))
    await harness.handle(page_also(page, "dana", reason="lease_ending"))
    await harness.handle(kind(**same(page), by=DANA, lease_expires_at=SOON))
    assert [state for *_, state in await harness.states()] == ["cancelled", "cancelled"]


async def test_snooze_updates_the_messages_of_all_who_were_asked(harness: ServiceHarness) -> None:
    page = paged("dana")
    await sent(harness, page, page_also(page, "omar"))
    await harness.handle(acknowledged(page, "dana"))
    await delivered(harness)
    await harness.handle(
        EscalationSnoozed(**same(page), by=DANA, until=SOON, reason="calls at noon")
    )
    snoozed = f"Snoozed by Dana until {SOON:%a %Y-%m-%d %H:%M} UTC"
    assert (await status_texts(harness))[2:] == [snoozed] * 2
    assert await escalation(harness) == ("acknowledged", "dana", False)


async def test_page_is_sent_on_the_requested_media(harness: ServiceHarness) -> None:
    await harness.add_recipient("dana")
    await harness.handle(paged("dana", media=("email", "sms")))
    assert await harness.states() == [("page", "email", "pending")]


async def test_page_on_unknown_media_is_sent_on_all_with_a_reason(harness: ServiceHarness) -> None:
    await harness.add_recipient("dana")
    await harness.handle(paged("dana", media=("sms",)))
    await delivered(harness)
    rows = await harness.rows("SELECT medium, state, reason FROM notifications ORDER BY medium")
    reason = "the recipient has no sms: sent on all media"
    assert [tuple(row) for row in rows] == [
        ("email", "sent", reason),
        ("slack", "sent", reason),
    ]


async def test_duty_gap_is_sent_to_operations(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    await harness.add_recipient("operations", "slack")
    gap = paged(
        "operations",
        contact_id=ContactId(new_id()),
        reason="duty_gap",
        contact=None,
        causes=[],
        respond_by=SOON,
        duty_gap={"schedule_id": "managers", "starts_at": SOON},
        escalation_id=None,
        severity=None,
        level_name=None,
    )
    await harness.handle(gap, gap)
    await delivered(harness)
    (post,) = harness.posted()
    headline = f"Nobody on duty in managers from {SOON:%a %Y-%m-%d %H:%M} UTC"
    assert post.body["text"].startswith(headline)
    assert "Nobody will be on duty" in str(post.body["blocks"])
    (link,) = post.body["blocks"][-1]["elements"]
    shown = await api.get(link["url"], headers=BROWSER)
    assert "There is nothing to acknowledge here." in shown.text
    assert not await harness.rows("SELECT * FROM escalations")
