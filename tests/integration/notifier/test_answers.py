"""A person answers by the signed link or by a button in Slack, and the answer counts once."""

import re
from datetime import timedelta
from typing import get_args

import httpx
import pytest

from common.contracts.escalations import EscalationClosed, EscalationTakenOver
from common.contracts.event import EscalationId, NotificationId, PersonId
from common.core.ids import new_id
from devstack import receivers
from integration.notifier.conftest import (
    CONTACT,
    HEADLINE,
    LINK_SECRET,
    SLACK_CALLBACK,
    ServiceHarness,
    acknowledged,
    button,
    link_to,
    page_also,
    paged,
    pressed,
    send_as_slack,
    signed,
    token_of,
)
from integration.notifier.examples import BROWSER, PROGRAM, answer_events, sent
from notifier.links import Links, Purpose
from support.waiting import until


async def test_link_opens_a_page_whose_button_acknowledges(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    subject = {**CONTACT, "subject": "<b>never again</b> & left"}
    page = paged("dana", contact=subject)
    (link,) = await sent(harness, page)
    shown = await api.get(link, headers=BROWSER)
    assert shown.status_code == 200
    assert "Acknowledge</button>" in shown.text
    assert "“&lt;b&gt;never again&lt;/b&gt; &amp; left”" in shown.text
    assert re.search(r"Answer by .* UTC \(9 min.* left\)", shown.text)
    assert "default-src 'none'" in shown.headers["content-security-policy"]
    done = await api.post(link, headers=BROWSER)
    assert done.status_code == 200
    assert "Thank you" in done.text
    assert "Acknowledge</button>" not in done.text
    opened, acted = await answer_events(harness)
    assert (opened["event"], acted["event"]) == ("notification_seen", "notification_acted_on")
    assert (acted["action"], acted["person_id"], acted["medium"]) == (
        "acknowledge",
        "dana",
        "slack",
    )
    assert (acted["escalation_id"], acted["page_id"]) == (page.escalation_id, page.page_id)


async def test_link_can_take_over_after_acknowledgement(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    page = paged("dana")
    (link,) = await sent(harness, page)
    await api.post(link, headers=BROWSER)
    await harness.handle(acknowledged(page, "dana"))
    shown = await api.get(link, headers=BROWSER)
    assert "Thank you: acknowledged by you." in shown.text
    # A link is for one answer; the message has another link for the other.
    assert "<form" not in shown.text
    taking_over = link_to(harness.posted()[0], "take_over")
    shown = await api.get(taking_over, headers=BROWSER)
    assert "<button>Take over</button>" in shown.text
    for _ in range(2):
        done = await api.post(taking_over, headers=PROGRAM)
        assert (done.status_code, done.json()["actions"]) == (200, [])
    events = await answer_events(harness)
    assert [event.get("action") for event in events if "action" in event] == [
        "acknowledge",
        "take_over",
    ]


async def test_button_in_slack_takes_over(harness: ServiceHarness, api: httpx.AsyncClient) -> None:
    page = paged("dana")
    await sent(harness, page)
    body = pressed("U-dana", token_of(harness.posted()[0], "take_over"), "take_over")
    for _ in range(2):
        answer = await send_as_slack(api, body)
        assert answer.status_code == 200
    (acted,) = await answer_events(harness)
    assert (acted["action"], acted["person_id"]) == ("take_over", "dana")


async def test_opened_link_answers_nothing_and_counts_once(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    (link,) = await sent(harness, paged("dana"))
    for _ in range(3):
        shown = (await api.get(link, headers=PROGRAM)).json()
        assert shown["actions"] == ["acknowledge"]
        assert (shown["state"], shown["by"]) == ("raised", None)
        assert shown["headline"] == HEADLINE
    assert [event["event"] for event in await answer_events(harness)] == ["notification_seen"]


async def test_repeated_answer_counts_once(harness: ServiceHarness, api: httpx.AsyncClient) -> None:
    page = paged("dana")
    (link,) = await sent(harness, page)
    for _ in range(2):
        done = await api.post(link, headers=PROGRAM)
        assert (done.status_code, done.json()["actions"]) == (200, [])
    await harness.handle(acknowledged(page, "dana"))
    assert (await api.post(link, headers=PROGRAM)).json()["by"] == "dana"
    assert [event["event"] for event in await answer_events(harness)] == ["notification_acted_on"]


async def test_lapsed_answer_can_be_given_again(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    page = paged("dana")
    (link,) = await sent(harness, page)
    await api.post(link)
    await harness.handle(acknowledged(page, "dana"))
    later = page.occurred_at + timedelta(minutes=15)
    await harness.handle(page_also(page, "dana", reason="repeated", occurred_at=later))
    assert (await api.post(link, headers=PROGRAM)).status_code == 200
    assert [event["event"] for event in await answer_events(harness)] == [
        "notification_acted_on"
    ] * 2


async def test_forged_link_is_refused(harness: ServiceHarness, api: httpx.AsyncClient) -> None:
    (link,) = await sent(harness, paged("dana"))
    for method in ("GET", "POST"):
        refused = await api.request(method, link + "x")
        assert refused.status_code == 401
        assert refused.json()["type"] == "urn:upstairs:problem:link-forged"
    page = await api.get(link + "x", headers=BROWSER)
    assert (page.status_code, page.headers["content-type"]) == (401, "text/html; charset=utf-8")
    assert not await answer_events(harness)


async def test_expired_link_is_gone(harness: ServiceHarness, api: httpx.AsyncClient) -> None:
    (link,) = await sent(harness, paged("dana"))
    harness.advance(timedelta(hours=25))
    refused = await api.post(link, headers=PROGRAM)
    assert refused.status_code == 410
    assert refused.json()["type"] == "urn:upstairs:problem:link-expired"
    assert not await answer_events(harness)


async def test_link_of_unknown_notification_is_not_found(api: httpx.AsyncClient) -> None:
    links = Links(LINK_SECRET, "", timedelta(hours=1))
    unknown = await api.get(links.url(NotificationId(new_id()), "show", 1))
    assert unknown.status_code == 404
    assert unknown.json()["type"] == "urn:upstairs:problem:notification-not-found"


async def test_answer_after_another_persons_answer_is_refused(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    page = paged("dana")
    _, link = await sent(harness, page, page_also(page, "omar"))
    await harness.handle(acknowledged(page, "dana"))
    late = await api.post(link, headers=PROGRAM)
    assert late.status_code == 409
    problem = late.json()
    assert (problem["type"], problem["state"], problem["by"]) == (
        "urn:upstairs:problem:answer-too-late",
        "acknowledged",
        "dana",
    )
    await harness.execute("UPDATE notifications SET language = 'de'")
    refusal = await api.post(link, headers=BROWSER)
    assert "Bestätigt von dana. Die Eskalation wartet nicht mehr auf eine Antwort." in refusal.text
    assert '<html lang="de">' in refusal.text
    await harness.execute("UPDATE notifications SET language = 'en'")
    shown = await api.get(link, headers=BROWSER)
    assert "Acknowledged by Dana. There is nothing left to do here." in shown.text
    assert [event["event"] for event in await answer_events(harness)] == ["notification_seen"]


async def test_closed_escalation_cannot_be_acknowledged(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    page = paged("dana")
    (link,) = await sent(harness, page)
    closed = EscalationClosed(
        contact_id=page.contact_id,
        occurred_at=page.occurred_at,
        escalation_id=EscalationId(page.escalation_id or ""),
        reason="resolved below",
    )
    await harness.handle(closed)
    late = await api.post(link, headers=BROWSER)
    assert late.status_code == 409
    assert "Closed." in late.text
    assert not await answer_events(harness)


async def test_warning_takes_no_answer(harness: ServiceHarness, api: httpx.AsyncClient) -> None:
    await harness.add_recipient("rita", "slack")
    async with harness.delivering():
        await harness.handle(paged("rita", reason="warning", escalation_id=None, level_name=None))
        (post,) = await until(harness.posted)
    (actions,) = [block for block in post.body["blocks"] if block["type"] == "actions"]
    (opens,) = actions["elements"]
    assert "<form" not in (await api.get(opens["url"])).text
    refused = await api.post(link_to(post), headers=PROGRAM)
    assert refused.status_code == 409
    assert refused.json()["type"] == "urn:upstairs:problem:nothing-to-acknowledge"


async def test_button_in_slack_acknowledges_once(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    page = paged("dana")
    await sent(harness, page)
    body = pressed("U-dana", token_of(harness.posted()[0]))
    for _ in range(2):
        answer = await send_as_slack(api, body)
        assert (answer.status_code, answer.content) == (200, b"")
    (acted,) = await answer_events(harness)
    assert (acted["event"], acted["person_id"], acted["medium"]) == (
        "notification_acted_on",
        "dana",
        "slack",
    )


async def test_other_asked_person_may_press_in_a_shared_channel(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    page = paged("dana")
    await sent(harness, page, page_also(page, "omar"))
    body = pressed("U-omar", token_of(harness.posted()[0]))
    await send_as_slack(api, body)
    (acted,) = await answer_events(harness)
    assert acted["person_id"] == "omar"


@pytest.mark.parametrize("user", ["U-nobody", "U-omar"])
async def test_person_who_was_not_asked_may_not_press(
    harness: ServiceHarness, api: httpx.AsyncClient, user: str
) -> None:
    await sent(harness, paged("dana"), paged("omar"))
    body = pressed(user, token_of(harness.posted()[0]))
    refused = await send_as_slack(api, body)
    assert refused.status_code == 403
    assert refused.json()["type"] == "urn:upstairs:problem:not-paged"
    assert not await answer_events(harness)


async def test_late_press_is_refused(harness: ServiceHarness, api: httpx.AsyncClient) -> None:
    page = paged("dana")
    await sent(harness, page)
    taken = EscalationTakenOver(
        contact_id=page.contact_id,
        occurred_at=page.occurred_at,
        escalation_id=EscalationId(page.escalation_id or ""),
        by=PersonId("omar"),
    )
    await harness.handle(taken)
    body = pressed("U-dana", token_of(harness.posted()[0]))
    late = await send_as_slack(api, body)
    assert (late.status_code, late.json()["by"]) == (409, "omar")


async def test_unsigned_press_is_refused(harness: ServiceHarness, api: httpx.AsyncClient) -> None:
    await sent(harness, paged("dana"))
    body = pressed("U-dana", token_of(harness.posted()[0]))
    wrong: tuple[dict[str, str], ...] = (
        {},
        signed(body, secret="another"),
        signed(body, age=timedelta(minutes=6)),
        signed(body, age=timedelta(minutes=-6)),
        signed(body + b"&more=1"),
        {**signed(body), "X-Slack-Request-Timestamp": "now"},
    )
    for headers in wrong:
        refused = await api.post(SLACK_CALLBACK, content=body, headers=headers)
        assert refused.status_code == 401
        assert refused.json()["type"] == "urn:upstairs:problem:signature-refused"
    assert not await answer_events(harness)


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
async def test_malformed_press_is_refused(api: httpx.AsyncClient, body: bytes, status: int) -> None:
    answer = await send_as_slack(api, body)
    assert answer.status_code == status
    if status != 200:
        assert answer.headers["content-type"] == "application/problem+json"


async def test_link_in_a_slack_message_only_shows_it(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    await sent(harness, paged("dana"))
    (post,) = harness.posted()
    link = button(post.body["blocks"], "open")["url"]
    shown = await api.get(link, headers=BROWSER)
    assert "This page only shows the message" in shown.text
    assert "<form" not in shown.text
    assert "<button" not in shown.text
    assert (await api.get(link, headers=PROGRAM)).json()["actions"] == []
    for path in (link, f"{link}?action=acknowledge", f"{link}?action=take_over"):
        refused = await api.post(path, headers=PROGRAM)
        assert refused.status_code == 403
        assert refused.json()["type"] == "urn:upstairs:problem:link-shows-only"
    # Nobody knows who opened it.
    assert not await answer_events(harness)


async def test_token_of_a_slack_button_is_no_link(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    await sent(harness, paged("dana"))
    (post,) = harness.posted()
    for action in ("acknowledge", "take_over"):
        path = f"/v1/acknowledgements/{token_of(post, action)}"
        assert (await api.post(path, headers=PROGRAM)).status_code == 403
    for purpose in get_args(Purpose):
        # Nor is a link a button: a mail that was forwarded presses nothing in Slack.
        if purpose == "press":
            continue
        body = pressed("U-dana", link_to(post, purpose).rpartition("/")[2])
        refused = await send_as_slack(api, body)
        assert refused.status_code == 403
    assert not await answer_events(harness)


async def test_link_for_one_answer_gives_no_other(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    (link,) = await sent(harness, paged("dana"))
    assert (await api.post(f"{link}?action=take_over", headers=PROGRAM)).status_code == 200
    (acted,) = await answer_events(harness)
    assert acted["action"] == "acknowledge"


async def test_mail_has_a_link_for_each_answer(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    await harness.add_recipient("dana", "email")
    async with harness.delivering():
        await harness.handle(paged("dana"))
        (mail,) = await until(lambda: harness.mail.messages)
    part = mail.get_body(("plain",))
    assert part
    links = dict(re.findall(r"^(.+): http://notifier(\S+)", part.get_content(), re.MULTILINE))
    assert list(links) == ["Acknowledge", "Take over"]
    # A scanner that opens every link acts on none.
    for link in links.values():
        for accept in (BROWSER, PROGRAM, {}):
            assert (await api.get(link, headers=accept)).status_code == 200
    assert [event["event"] for event in await answer_events(harness)] == ["notification_seen"]
    assert (await api.post(links["Take over"], headers=BROWSER)).status_code == 200
    (_, acted) = await answer_events(harness)
    assert (acted["action"], acted["medium"]) == ("take_over", "email")


async def test_refused_press_is_explained_to_the_user_alone(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    await sent(harness, paged("dana"), paged("omar"))
    (post, *_) = harness.posted()
    body = pressed("U-omar", token_of(post), channel={"id": "C-shared", "name": "support"})
    await send_as_slack(api, body)
    (explanation,) = harness.posted("chat.postEphemeral")
    assert (explanation.body["channel"], explanation.body["user"]) == ("C-shared", "U-omar")
    assert "You were not asked about this escalation" in explanation.body["text"]
    # A Slack that fails changes nothing about the refusal.
    harness.slack.otherwise = receivers.slack_error("internal_error")
    refused = await send_as_slack(api, body)
    assert refused.status_code == 403


@pytest.mark.parametrize("user", ["", "\x00", "U 1", "<@U1>", "x" * 200])
async def test_impossible_user_is_malformed(api: httpx.AsyncClient, user: str) -> None:
    body = pressed(user, "token")
    refused = await send_as_slack(api, body)
    assert refused.status_code == 422
