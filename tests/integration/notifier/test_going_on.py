"""What comes after the first answer: who is told, what earlier messages then say, who may press."""

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
    Desk,
    acknowledged,
    of_same,
    paged,
    pressed,
    signed,
    token_of,
)
from integration.notifier.examples import BROWSER, PROGRAM, news, sent
from support.waiting import until

DANA, OMAR = PersonId("dana"), PersonId("omar")
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
        asked=(OMAR,),
    )


async def delivered(desk: Desk) -> None:
    """Send all that waits, and see that nothing does any more."""
    async with desk.couriers():
        await until(desk.states, lambda states: not {one[2] for one in states} & {"pending"})


async def said(desk: Desk) -> list[str]:
    """Return what messages were changed to say, in order."""
    await delivered(desk)
    return [
        one.body["blocks"][1]["elements"][0]["text"].partition(" ")[2]
        for one in desk.posted("chat.update")
    ]


async def escalation(desk: Desk) -> tuple[str, str | None, bool]:
    (row,) = await desk.rows("SELECT state, by, approval_asked FROM escalations")
    return (row.state, row.by, row.approval_asked)


async def test_news_for_whoever_has_it_opens_it_for_nobody_else(
    desk: Desk, api: httpx.AsyncClient
) -> None:
    page = paged("dana")
    dana, omar = await sent(desk, page, of_same(page, "omar"))
    await desk.tell(acknowledged(page, "dana"))
    await desk.tell(of_same(page, "dana", reason="updated", headline="Now it is a complaint too"))
    await delivered(desk)
    assert await escalation(desk) == ("acknowledged", "dana", False)
    assert (await api.post(omar, headers=PROGRAM)).status_code == 409
    pressing = pressed("U-omar", token_of(desk.posted()[0]))
    late = await api.post("/v1/callbacks/slack", content=pressing, headers=signed(pressing))
    assert late.status_code == 409
    assert not await news(desk)
    # It is news to Dana, and stays so: nobody tells her at once that she has it.
    update = desk.posted()[-1]
    assert update.body["text"] == "Now it is a complaint too"
    assert "There is news about it" in str(update.body["blocks"])
    assert "Acknowledge" not in str(update.body["blocks"])
    assert len(desk.posted("chat.update")) == 2
    assert (await api.post(dana, headers=PROGRAM)).status_code == 200


@pytest.mark.parametrize(
    "reason", ["updated", "lease_ending", "snooze_over", "approval_refused", "unanswered"]
)
async def test_what_asks_for_no_answer_takes_it_from_nobody(desk: Desk, reason: str) -> None:
    page = paged("dana")
    await desk.know("dana")
    await desk.tell(page, acknowledged(page, "dana"))
    await desk.tell(of_same(page, "dana", reason=reason))
    assert await escalation(desk) == ("acknowledged", "dana", False)


async def test_news_that_waits_is_called_off_when_another_takes_it(desk: Desk) -> None:
    page = paged("dana")
    for who in ("dana", "omar"):
        await desk.know(who, "slack")
    await desk.tell(page, of_same(page, "omar"))
    await desk.tell(*(of_same(page, who, reason="updated") for who in ("dana", "omar")))
    await desk.tell(acknowledged(page, "dana"))
    rows = await desk.rows(
        "SELECT person_id, state, because FROM notifications"
        " WHERE content->>'reason' = 'updated' ORDER BY person_id"
    )
    assert [tuple(row) for row in rows] == [
        ("dana", "pending", None),
        ("omar", "cancelled", "Acknowledged by Dana"),
    ]


async def test_coaching_is_told_also_if_it_was_resolved_meanwhile(desk: Desk) -> None:
    page = paged("dana")
    for who in ("dana", "omar"):
        await desk.know(who, "slack")
    about = {"contact_id": page.contact_id, "escalation_id": None}
    wish = paged("omar", reason="coaching", **about)
    await desk.tell(page, acknowledged(page, "dana"), wish)
    resolved = EscalationResolved(**same(page), by=DANA, outcome="apology", note="sorry")
    await desk.tell(resolved)
    await delivered(desk)
    assert await said(desk) == []
    assert "Your coaching is asked for" in str(desk.posted()[-1].body["blocks"])


async def test_an_approval_is_asked_for_without_a_button_and_refused(
    desk: Desk, api: httpx.AsyncClient
) -> None:
    page = paged("dana")
    await sent(desk, page)
    await desk.know("omar", "slack")
    await desk.tell(acknowledged(page, "dana"), approval_asked(page))
    await desk.tell(of_same(page, "omar", reason="approval_asked"))
    assert await said(desk) == ["Acknowledged by Dana"]
    assert await escalation(desk) == ("acknowledged", "dana", True)
    post = desk.posted()[-1]
    assert "Acknowledge" not in str(post.body["blocks"])
    assert "Your approval is asked: give or refuse it in Upstairs" in str(post.body["blocks"])
    (link,) = post.body["blocks"][2]["elements"]
    shown = await api.get(link["url"], headers=BROWSER)
    assert "<form" not in shown.text
    assert f"POST /v1/escalations/{page.escalation_id}/approve or /refuse" in shown.text
    refused = await api.post(link["url"], headers=PROGRAM)
    assert (refused.status_code, refused.json()["type"]) == (
        409,
        "urn:upstairs:problem:nothing-to-acknowledge",
    )
    assert "Your approval is asked" in refused.json()["detail"]
    # Nor may the approver answer by the button of whoever was asked to acknowledge.
    pressing = pressed("U-omar", token_of(desk.posted()[0]))
    pressed_at = await api.post("/v1/callbacks/slack", content=pressing, headers=signed(pressing))
    assert pressed_at.status_code == 403

    await desk.tell(ApprovalRefused(**same(page), by=OMAR, reason="too much"))
    await desk.tell(of_same(page, "dana", reason="approval_refused"))
    assert (await said(desk))[1:] == ["Refused by Omar: too much"]
    assert await escalation(desk) == ("acknowledged", "dana", False)


async def test_an_approval_that_is_given_ends_it_for_all(desk: Desk) -> None:
    page = paged("dana")
    await sent(desk, page)
    await desk.know("omar", "slack")
    await desk.tell(acknowledged(page, "dana"), approval_asked(page))
    await desk.tell(of_same(page, "omar", reason="approval_asked"))
    await delivered(desk)
    await desk.tell(
        EscalationResolved(**same(page), by=DANA, outcome="refund", note="all", approved_by=OMAR)
    )
    assert (await said(desk))[1:] == ["Resolved by Dana"] * 2


async def test_an_approval_nobody_decides_on_stays_with_whoever_asks(desk: Desk) -> None:
    page = paged("dana")
    await desk.know("dana")
    await desk.know("operations", "email")
    unanswered = EscalationUnanswered(**same(page), level=1, lateness_ms=1.0)
    await desk.tell(page, acknowledged(page, "dana"), approval_asked(page), unanswered)
    await desk.tell(of_same(page, "operations", reason="unanswered"))
    assert await escalation(desk) == ("acknowledged", "dana", True)
    await delivered(desk)
    assert ("page", "email", "sent") in await desk.states()


@pytest.mark.parametrize(
    ("happens", "words"),
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
            "Reopened by Dana: angry again",
        ),
        (
            lambda page: of_same(page, "omar", reason="climbed"),
            "No longer with Dana",
        ),
        (
            lambda page: EscalationUnanswered(**same(page), level=1, lateness_ms=1.0),
            "No longer with Dana",
        ),
    ],
    ids=["returned", "handed over", "reopened", "climbed", "unanswered"],
)
async def test_what_waits_again_says_so_and_takes_an_answer(
    desk: Desk,
    api: httpx.AsyncClient,
    happens: Callable[[PageRequested], Any],
    words: str,
) -> None:
    page = paged("dana")
    (link,) = await sent(desk, page)
    await desk.know("omar", "slack")
    await desk.tell(acknowledged(page, "dana"))
    await delivered(desk)
    await desk.tell(happens(page))
    await desk.tell(of_same(page, "omar", reason="repeated"))
    assert await said(desk) == ["Acknowledged by Dana", words]
    assert ":arrows_counterclockwise:" in str(desk.posted("chat.update")[-1].body["blocks"])
    assert await escalation(desk) == ("raised", None, False)
    assert (await api.post(link, headers=PROGRAM)).status_code == 200
    assert [one["event"] for one in await news(desk)] == ["notification_acted_on"]


async def test_a_warning_that_the_lease_ends_is_taken_back_once(desk: Desk) -> None:
    page = paged("dana")
    await sent(desk, page)
    await desk.tell(acknowledged(page, "dana"))
    await desk.tell(of_same(page, "dana", reason="lease_ending"))
    await delivered(desk)
    for _ in range(3):
        await desk.tell(EscalationLeaseRenewed(**same(page), by=DANA, lease_expires_at=SOON))
    await delivered(desk)
    await desk.tell(EscalationLeaseRenewed(**same(page), by=DANA, lease_expires_at=SOON))
    told = await said(desk)
    assert told[0] == "Acknowledged by Dana"
    assert told[1:] == [f"Renewed by Dana until {SOON:%Y-%m-%d %H:%M} UTC"]


@pytest.mark.parametrize("kind", [EscalationLeaseRenewed, EscalationTakenOver])
async def test_a_warning_that_was_not_sent_yet_is_cancelled_by_another_lease(
    desk: Desk, kind: type[EscalationLeaseRenewed | EscalationTakenOver]
) -> None:
    page = paged("dana")
    await desk.know("dana", "slack")
    await desk.tell(page, acknowledged(page, "dana"))
    await desk.tell(of_same(page, "dana", reason="lease_ending"))
    await desk.tell(kind(**same(page), by=DANA, lease_expires_at=SOON))
    assert [one[2] for one in await desk.states()] == ["cancelled", "cancelled"]


async def test_all_who_were_asked_see_a_snooze(desk: Desk) -> None:
    page = paged("dana")
    await sent(desk, page, of_same(page, "omar"))
    await desk.tell(acknowledged(page, "dana"))
    await delivered(desk)
    await desk.tell(EscalationSnoozed(**same(page), by=DANA, until=SOON, reason="calls at noon"))
    snoozed = f"Snoozed by Dana until {SOON:%Y-%m-%d %H:%M} UTC"
    assert (await said(desk))[2:] == [snoozed] * 2
    assert await escalation(desk) == ("acknowledged", "dana", False)


async def test_a_page_goes_by_the_media_that_it_names(desk: Desk) -> None:
    await desk.know("dana")
    await desk.tell(paged("dana", media=("email", "sms")))
    assert await desk.states() == [("page", "email", "pending")]


async def test_a_page_by_media_that_nobody_has_goes_by_all_and_says_so(desk: Desk) -> None:
    await desk.know("dana")
    await desk.tell(paged("dana", media=("sms",)))
    await delivered(desk)
    rows = await desk.rows("SELECT medium, state, because FROM notifications ORDER BY medium")
    why = "the recipient has no sms: told on all media"
    assert [tuple(row) for row in rows] == [("email", "sent", why), ("slack", "sent", why)]


async def test_a_gap_in_the_duty_is_told_to_operations(desk: Desk, api: httpx.AsyncClient) -> None:
    await desk.know("operations", "slack")
    gap = paged(
        "operations",
        contact_id=ContactId(new_id()),
        reason="duty_gap",
        headline="Nobody on duty in managers from Friday 18:00",
        escalation_id=None,
        severity=None,
        level_name=None,
    )
    await desk.tell(gap, gap)
    await delivered(desk)
    (post,) = desk.posted()
    assert post.body["text"] == gap.headline
    assert "Nobody will be on duty" in str(post.body["blocks"])
    (link,) = post.body["blocks"][2]["elements"]
    shown = await api.get(link["url"], headers=BROWSER)
    assert "There is nothing to acknowledge here." in shown.text
    assert not await desk.rows("SELECT * FROM escalations")
