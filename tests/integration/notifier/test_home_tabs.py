"""The home tab in Slack: who opens it sees what needs them, and it follows what happens."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import httpx
import pytest

from common.contracts.escalations import EscalationResolved, PagesErased
from common.contracts.event import EscalationId, PersonId
from common.core.clock import TimeSource
from devstack.receivers import HANGS, SlackCall, rate_limited, slack_error
from integration.notifier.conftest import (
    HEADLINE,
    ServiceHarness,
    acknowledged,
    button,
    page_also,
    paged,
    pressed,
    send_as_slack,
    signed,
)
from integration.notifier.examples import answer_events
from integration.notifier.home_tab_examples import open_home, reported, send
from support.waiting import until


def published(harness: ServiceHarness, user: str = "U-dana") -> list[SlackCall]:
    return [call for call in harness.posted("views.publish") if call.body["user_id"] == user]


def blocks(call: SlackCall) -> Sequence[dict[str, Any]]:
    assert call.accepted
    view: Sequence[dict[str, Any]] = call.body["view"]["blocks"]
    return view


def texts(call: SlackCall) -> list[str]:
    return [block["text"]["text"] for block in blocks(call) if block["type"] == "section"]


def actions(call: SlackCall) -> list[list[str]]:
    rows = [block["elements"] for block in blocks(call) if block["type"] == "actions"]
    return [[element["action_id"] for element in row] for row in rows]


async def last_shows(harness: ServiceHarness, text: str, user: str = "U-dana") -> SlackCall:
    def shown() -> bool:
        calls = published(harness, user)
        if not calls or not calls[-1].accepted:
            return False
        return any(text in each for each in texts(calls[-1]))

    await until(shown)
    return published(harness, user)[-1]


async def test_opened_home_shows_what_waits_and_follows_what_happens(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    await harness.add_recipient("dana", "slack")
    await harness.add_recipient("sara", "slack")
    async with harness.delivering():
        await open_home(api)
        assert actions(await last_shows(harness, "Nothing needs you now.")) == []
        first = paged("dana")
        await harness.handle(first, page_also(first, "sara"))
        waiting = await last_shows(harness, "Answer by")
        assert texts(waiting)[0].startswith(f"*{HEADLINE}*")
        assert actions(waiting) == [["acknowledge", "take_over", "open"]]
        await harness.handle(acknowledged(first, "dana"))
        own = await last_shows(harness, "You have it until")
        assert actions(own) == [["snooze", "hand_back", "open"]]
        urgent = paged("dana", severity="critical", contact_id=first.contact_id)
        await harness.handle(urgent)
        both = await last_shows(harness, "Answer by")
        assert actions(both) == [
            ["acknowledge", "take_over", "open"],
            ["snooze", "hand_back", "open"],
        ]
        now = TimeSource().utc_now()
        for event in (first, urgent):
            await harness.handle(
                EscalationResolved(
                    contact_id=event.contact_id,
                    occurred_at=now,
                    escalation_id=EscalationId(event.escalation_id or ""),
                    by=PersonId("dana"),
                    outcome="other",
                    note="done",
                    level=1,
                )
            )
        await last_shows(harness, "Nothing needs you now.")
    # Sara never opened hers.
    assert published(harness, "U-sara") == []


async def test_button_of_the_home_answers_and_a_refusal_is_shown(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    await harness.add_recipient("dana", "slack")
    await harness.add_recipient("sara", "slack")
    page = paged("dana")
    async with harness.delivering():
        await harness.handle(page, page_also(page, "sara"))
        await open_home(api)
        home = await last_shows(harness, "Answer by")
    token = button(blocks(home), "acknowledge")["value"]
    # As Slack reports it from a home tab: there is no conversation.
    body = pressed("U-dana", token, trigger_id="1.2.trigger", container={"type": "view"})
    assert (await send_as_slack(api, body)).status_code == 200
    (acted,) = await answer_events(harness)
    assert (acted["event"], acted["action"], acted["person_id"]) == (
        "notification_acted_on",
        "acknowledge",
        "dana",
    )
    await harness.handle(acknowledged(page, "sara"))
    late = await send_as_slack(api, body)
    assert late.status_code == 409
    (shown,) = harness.posted("views.open")
    assert shown.body["trigger_id"] == "1.2.trigger"
    assert "Acknowledged by sara" in shown.body["view"]["blocks"][0]["text"]["text"]
    assert harness.posted("chat.postEphemeral") == []


async def test_home_is_in_the_readers_language_and_leads_to_the_console(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    await harness.add_recipient("dana", "slack", language="de")
    async with harness.delivering(console_url="https://console.example"):
        await open_home(api)
        call = await last_shows(harness, "Zurzeit wartet nichts auf Sie.")
    assert button(blocks(call), "console")["url"] == "https://console.example/now"


async def test_user_who_is_no_recipient_learns_what_to_do(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    async with harness.delivering():
        await open_home(api, "U-stranger")
        await last_shows(harness, "your Slack user id U-stranger", "U-stranger")


@pytest.mark.parametrize("answer", [HANGS, rate_limited(1), slack_error("not_enabled")])
async def test_home_that_cannot_be_published_delays_no_page(
    harness: ServiceHarness, api: httpx.AsyncClient, answer: Any
) -> None:
    await harness.add_recipient("dana", "slack")
    harness.slack.answer_of["views.publish"] = answer
    async with harness.delivering():
        await open_home(api)
        await until(lambda: published(harness))
        await harness.handle(paged("dana"))
        await until(lambda: len(harness.posted()) == 1)
        assert all(not call.accepted for call in published(harness))
        harness.slack.answer_of.clear()
        # It is tried again by itself.
        await last_shows(harness, "Answer by")


async def test_name_that_is_erased_leaves_the_home(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    await harness.add_recipient("dana", "slack")
    page = paged("dana")
    async with harness.delivering():
        await open_home(api)
        await harness.handle(page)
        await last_shows(harness, "Ada")
        erased = PagesErased(contact_id=page.contact_id, occurred_at=TimeSource().utc_now())
        await harness.handle(erased)
        await until(lambda: "Ada" not in str(texts(published(harness)[-1])))


async def test_signature_is_required_and_must_be_new(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    body = reported("U-dana")
    forged = await send(api, body, **{"X-Slack-Signature": "v0=00"})
    assert forged.status_code == 401
    old = signed(body, age=timedelta(minutes=6))
    assert (await send(api, body, **{**old, "Content-Type": "application/json"})).status_code == 401
    assert await harness.rows("SELECT key FROM home_tabs") == []


async def test_address_is_proved_to_slack(api: httpx.AsyncClient) -> None:
    body = b'{"token":"unused","challenge":"3eZbrw1aBm2rZgRNFdxV","type":"url_verification"}'
    answer = await send(api, body)
    assert (answer.status_code, answer.text) == (200, "3eZbrw1aBm2rZgRNFdxV")
    assert answer.headers["content-type"].startswith("text/plain")


async def test_event_that_comes_again_or_is_malformed_does_no_harm(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    await harness.add_recipient("dana", "slack")
    for _ in range(3):
        await open_home(api)
    assert (await send(api, reported("U-dana", tab="messages"))).status_code == 200
    assert (await send(api, reported("not a user"))).status_code == 422
    assert (await send(api, b"[]")).status_code == 400
    (row,) = await harness.rows("SELECT key, failures FROM home_tabs")
    assert tuple(row) == ("slack/U-dana", 0)
    async with harness.delivering():
        await last_shows(harness, "Nothing needs you now.")


async def test_row_that_cannot_be_read_delays_no_other_home(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    for person in ("dana", "sara"):
        await harness.add_recipient(person, "slack")
    async with harness.delivering():
        await harness.handle(paged("dana"), paged("sara"))
        await until(lambda: len(harness.posted()) == 2)
        await until(harness.states, lambda states: {each[2] for each in states} == {"sent"})
        await spoil(harness, "dana")
        await open_home(api)
        await open_home(api, "U-sara")
        await last_shows(harness, "Answer by", "U-sara")
        assert published(harness) == []
        await until(lambda: harness.rows("SELECT 1 FROM home_tabs WHERE failures > 0"), bool)


async def spoil(harness: ServiceHarness, person: str) -> None:
    """Let the message to the person be one that nobody can read."""
    await harness.execute(
        "UPDATE notifications SET content = jsonb_set(content, '{causes}', '5')"
        f" WHERE person_id = '{person}'"
    )
