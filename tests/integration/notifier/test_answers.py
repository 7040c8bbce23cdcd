"""A person answers by the signed link or by the button in Slack, and it counts once."""

from datetime import timedelta

import httpx
import pytest

from common.contracts.escalations import EscalationClosed, EscalationTakenOver
from common.contracts.event import EscalationId, NotificationId, PersonId
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
from notifier.links import Links
from support.waiting import until


async def test_the_link_shows_a_button_and_the_button_acknowledges(
    desk: Desk, api: httpx.AsyncClient
) -> None:
    page = paged("dana", why="Customer wrote <b>never again</b> & left")
    (link,) = await sent(desk, page)
    shown = await api.get(link, headers=BROWSER)
    assert shown.status_code == 200
    assert '<form method="post">' in shown.text
    assert "&lt;b&gt;never again&lt;/b&gt; &amp; left" in shown.text
    assert "min left" in shown.text
    assert "default-src 'none'" in shown.headers["content-security-policy"]
    done = await api.post(link, headers=BROWSER)
    assert done.status_code == 200
    assert "Thank you" in done.text
    assert "<form" not in done.text
    seen, acted = await news(desk)
    assert (seen["event"], acted["event"]) == ("notification_seen", "notification_acted_on")
    assert (acted["action"], acted["person_id"], acted["medium"]) == (
        "acknowledge",
        "dana",
        "slack",
    )
    assert (acted["escalation_id"], acted["page_id"]) == (page.escalation_id, page.page_id)


async def test_looking_answers_nothing_and_counts_once(desk: Desk, api: httpx.AsyncClient) -> None:
    (link,) = await sent(desk, paged("dana"))
    for _ in range(3):
        shown = (await api.get(link, headers=PROGRAM)).json()
        assert (shown["awaits_answer"], shown["state"], shown["by"]) == (True, "raised", None)
    assert [one["event"] for one in await news(desk)] == ["notification_seen"]


async def test_an_answer_given_twice_counts_once(desk: Desk, api: httpx.AsyncClient) -> None:
    page = paged("dana")
    (link,) = await sent(desk, page)
    for _ in range(2):
        done = await api.post(link, headers=PROGRAM)
        assert (done.status_code, done.json()["awaits_answer"]) == (200, False)
    await desk.tell(acknowledged(page, "dana"))
    assert (await api.post(link, headers=PROGRAM)).json()["by"] == "dana"
    assert [one["event"] for one in await news(desk)] == ["notification_acted_on"]


async def test_an_answer_that_lapsed_can_be_given_again(desk: Desk, api: httpx.AsyncClient) -> None:
    page = paged("dana")
    (link,) = await sent(desk, page)
    await api.post(link)
    await desk.tell(acknowledged(page, "dana"))
    later = page.occurred_at + timedelta(minutes=15)
    await desk.tell(of_same(page, "dana", reason="repeated", occurred_at=later))
    assert (await api.post(link, headers=PROGRAM)).status_code == 200
    assert [one["event"] for one in await news(desk)] == ["notification_acted_on"] * 2


async def test_a_forged_link_is_refused(desk: Desk, api: httpx.AsyncClient) -> None:
    (link,) = await sent(desk, paged("dana"))
    for method in ("GET", "POST"):
        refused = await api.request(method, link + "x")
        assert refused.status_code == 401
        assert refused.json()["type"] == "urn:upstairs:problem:link-forged"
    page = await api.get(link + "x", headers=BROWSER)
    assert (page.status_code, page.headers["content-type"]) == (401, "text/html; charset=utf-8")
    assert not await news(desk)


async def test_an_old_link_is_refused(desk: Desk, api: httpx.AsyncClient) -> None:
    (link,) = await sent(desk, paged("dana"))
    desk.advance(timedelta(hours=25))
    refused = await api.post(link, headers=PROGRAM)
    assert refused.status_code == 409
    assert refused.json()["type"] == "urn:upstairs:problem:link-expired"
    assert not await news(desk)


async def test_a_link_to_nothing_is_unknown(api: httpx.AsyncClient) -> None:
    links = Links("a secret of tests", "", timedelta(hours=1))
    unknown = await api.get(links.url(NotificationId(new_id())))
    assert unknown.status_code == 404
    assert unknown.json()["type"] == "urn:upstairs:problem:notification-unknown"


async def test_who_comes_after_another_is_told_so(desk: Desk, api: httpx.AsyncClient) -> None:
    page = paged("dana")
    _, link = await sent(desk, page, of_same(page, "omar"))
    await desk.tell(acknowledged(page, "dana"))
    late = await api.post(link, headers=PROGRAM)
    assert late.status_code == 409
    problem = late.json()
    assert (problem["type"], problem["state"], problem["by"]) == (
        "urn:upstairs:problem:already-settled",
        "acknowledged",
        "dana",
    )
    shown = await api.get(link, headers=BROWSER)
    assert "Acknowledged by Dana. There is nothing left to do here." in shown.text
    assert [one["event"] for one in await news(desk)] == ["notification_seen"]


async def test_what_is_closed_cannot_be_acknowledged(desk: Desk, api: httpx.AsyncClient) -> None:
    page = paged("dana")
    (link,) = await sent(desk, page)
    closed = EscalationClosed(
        contact_id=page.contact_id,
        occurred_at=page.occurred_at,
        escalation_id=EscalationId(page.escalation_id or ""),
        reason="resolved below",
    )
    await desk.tell(closed)
    late = await api.post(link, headers=BROWSER)
    assert late.status_code == 409
    assert "Closed." in late.text
    assert not await news(desk)


async def test_a_warning_needs_no_answer(desk: Desk, api: httpx.AsyncClient) -> None:
    await desk.know("rita", "slack")
    async with desk.couriers():
        await desk.tell(paged("rita", reason="warning", escalation_id=None, level_name=None))
        (post,) = await until(desk.posted)
    (actions,) = [block for block in post.body["blocks"] if block["type"] == "actions"]
    (opens,) = actions["elements"]
    link = opens["url"]
    assert "<form" not in (await api.get(link)).text
    refused = await api.post(link, headers=PROGRAM)
    assert refused.status_code == 409
    assert refused.json()["type"] == "urn:upstairs:problem:nothing-to-acknowledge"


async def test_the_button_in_slack_acknowledges_once(desk: Desk, api: httpx.AsyncClient) -> None:
    page = paged("dana")
    await sent(desk, page)
    body = pressed("U-dana", token_of(desk.posted()[0]))
    for _ in range(2):
        answer = await api.post("/v1/callbacks/slack", content=body, headers=signed(body))
        assert (answer.status_code, answer.content) == (200, b"")
    (acted,) = await news(desk)
    assert (acted["event"], acted["person_id"], acted["medium"]) == (
        "notification_acted_on",
        "dana",
        "slack",
    )


async def test_anyone_who_was_told_may_press_in_a_shared_channel(
    desk: Desk, api: httpx.AsyncClient
) -> None:
    page = paged("dana")
    await sent(desk, page, of_same(page, "omar"))
    body = pressed("U-omar", token_of(desk.posted()[0]))
    await api.post("/v1/callbacks/slack", content=body, headers=signed(body))
    (acted,) = await news(desk)
    assert acted["person_id"] == "omar"


@pytest.mark.parametrize("user", ["U-nobody", "U-omar"])
async def test_who_was_not_told_may_not_press(
    desk: Desk, api: httpx.AsyncClient, user: str
) -> None:
    await sent(desk, paged("dana"), paged("omar"))
    body = pressed(user, token_of(desk.posted()[0]))
    refused = await api.post("/v1/callbacks/slack", content=body, headers=signed(body))
    assert refused.status_code == 403
    assert refused.json()["type"] == "urn:upstairs:problem:not-paged"
    assert not await news(desk)


async def test_a_press_that_comes_too_late_is_refused(desk: Desk, api: httpx.AsyncClient) -> None:
    page = paged("dana")
    await sent(desk, page)
    taken = EscalationTakenOver(
        contact_id=page.contact_id,
        occurred_at=page.occurred_at,
        escalation_id=EscalationId(page.escalation_id or ""),
        by=PersonId("omar"),
    )
    await desk.tell(taken)
    body = pressed("U-dana", token_of(desk.posted()[0]))
    late = await api.post("/v1/callbacks/slack", content=body, headers=signed(body))
    assert (late.status_code, late.json()["by"]) == (409, "omar")


async def test_only_slack_may_call_back(desk: Desk, api: httpx.AsyncClient) -> None:
    await sent(desk, paged("dana"))
    body = pressed("U-dana", token_of(desk.posted()[0]))
    wrong: tuple[dict[str, str], ...] = (
        {},
        signed(body, secret="another"),
        signed(body, age=timedelta(minutes=6)),
        signed(body, age=timedelta(minutes=-6)),
        signed(body + b"&more=1"),
        {**signed(body), "X-Slack-Request-Timestamp": "now"},
    )
    for headers in wrong:
        refused = await api.post("/v1/callbacks/slack", content=body, headers=headers)
        assert refused.status_code == 401
        assert refused.json()["type"] == "urn:upstairs:problem:signature-refused"
    assert not await news(desk)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"nothing=here", 400),
        (b"payload=not+json", 400),
        (b"payload=%ff", 400),
        (b"payload=%7B%7D", 422),
        (pressed("U-dana", "forged"), 401),
        (pressed("U-dana", "", actions=[{"value": "no id"}]), 422),
        (pressed("U-dana", "", actions=[{"action_id": "open"}]), 200),
        (pressed("U-dana", "", type="view_closed"), 200),
    ],
)
async def test_what_slack_sends_is_checked(
    api: httpx.AsyncClient, body: bytes, status: int
) -> None:
    answer = await api.post("/v1/callbacks/slack", content=body, headers=signed(body))
    assert answer.status_code == status
    if status != 200:
        assert answer.headers["content-type"] == "application/problem+json"
