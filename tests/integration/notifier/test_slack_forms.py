"""Who holds an escalation snoozes it or hands it back by a form in Slack."""

import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from common.contracts.escalations import EscalationTakenOver, PageRequested, PagesErased
from common.contracts.event import EscalationId, PersonId
from common.core.clock import TimeSource
from integration.notifier.conftest import (
    ServiceHarness,
    acknowledged,
    button,
    page_also,
    paged,
    pressed,
    send_as_slack,
    token_of,
)
from integration.notifier.examples import answer_events, sent
from support.waiting import until


@pytest.fixture
async def page(harness: ServiceHarness) -> PageRequested:
    """A page that dana has acknowledged, whose message says so."""
    await harness.add_recipient("dana", "slack")
    await harness.add_recipient("sara", "slack")
    event = paged("dana")
    async with harness.delivering():
        await harness.handle(event, page_also(event, "sara"))
        await until(lambda: len(harness.posted()) == 2)
        await until(harness.states, lambda states: all(each[2] == "sent" for each in states))
        await harness.handle(acknowledged(event, "dana"))
        await until(lambda: len(harness.posted("chat.update")) == 2)
    return event


def token(harness: ServiceHarness, action_id: str = "hand_back") -> str:
    updates = harness.posted("chat.update")
    update = next(post for post in updates if post.body["channel"] == "D-dana")
    value: str = button(update.body["blocks"], action_id)["value"]
    return value


async def ask_for_form(
    harness: ServiceHarness, api: httpx.AsyncClient, action_id: str, user: str = "U-dana"
) -> httpx.Response:
    value, where = token(harness, action_id), {"id": "D-dana"}
    body = pressed(user, value, action_id, trigger_id="1.2.trigger", channel=where)
    return await send_as_slack(api, body)


async def fill(
    api: httpx.AsyncClient, view: dict[str, Any], user: str = "U-dana", **fields: Any
) -> httpx.Response:
    """Send the form as Slack does, with a text or an option in each field."""
    payload = {
        "type": "view_submission",
        "user": {"id": user, "team_id": "T1"},
        "trigger_id": "1.3",
        "view": {
            "id": "V1",
            "type": "modal",
            "callback_id": view["callback_id"],
            "private_metadata": view["private_metadata"],
            "state": {"values": {name: {name: field} for name, field in fields.items()}},
        },
        "response_urls": [],
    }
    body = urlencode({"payload": json.dumps(payload)}).encode()
    return await send_as_slack(api, body)


def opened(harness: ServiceHarness) -> dict[str, Any]:
    call = harness.posted("views.open")[-1]
    assert call.body["trigger_id"] == "1.2.trigger"
    view: dict[str, Any] = call.body["view"]
    return view


def buttons(harness: ServiceHarness) -> dict[str, list[str]]:
    """Return the buttons that the last update of each conversation has."""
    return {
        call.body["channel"]: [
            element["action_id"]
            for block in call.body["blocks"]
            if block["type"] == "actions"
            for element in block["elements"]
        ]
        for call in harness.posted("chat.update")
    }


async def test_message_of_the_holder_alone_has_the_holders_buttons(
    harness: ServiceHarness, page: PageRequested
) -> None:
    assert buttons(harness) == {"D-dana": ["snooze", "hand_back"], "D-sara": []}
    async with harness.delivering():
        # Sara takes it from Dana.
        await harness.handle(
            EscalationTakenOver(
                contact_id=page.contact_id,
                occurred_at=TimeSource().utc_now(),
                escalation_id=EscalationId(page.escalation_id or ""),
                by=PersonId("sara"),
            )
        )
        await until(lambda: len(harness.posted("chat.update")) == 4)
    assert buttons(harness) == {"D-dana": [], "D-sara": ["snooze", "hand_back"]}


async def test_holder_hands_it_back_with_guidance(
    harness: ServiceHarness, api: httpx.AsyncClient, page: PageRequested
) -> None:
    assert (await ask_for_form(harness, api, "hand_back")).is_success
    view = opened(harness)
    assert [block["block_id"] for block in view["blocks"]] == ["note"]
    answer = await fill(api, view, note={"value": "Offer one month free."})
    assert (answer.status_code, answer.content) == (200, b"")
    # The same again, as when the button is pressed twice.
    await fill(api, view, note={"value": "Offer one month free."})
    (acted,) = await answer_events(harness)
    assert (acted["event"], acted["action"], acted["person_id"], acted["note"]) == (
        "notification_acted_on",
        "hand_back",
        "dana",
        "Offer one month free.",
    )
    await harness.handle(
        PagesErased(contact_id=page.contact_id, occurred_at=TimeSource().utc_now())
    )
    assert [each["note"] for each in await answer_events(harness)] == ["[erased]"]


async def test_holder_chooses_how_long_it_is_snoozed(
    harness: ServiceHarness, api: httpx.AsyncClient, page: PageRequested
) -> None:
    assert page.escalation_id
    assert (await ask_for_form(harness, api, "snooze")).is_success
    view = opened(harness)
    choices = view["blocks"][0]["element"]["options"]
    assert [each["text"]["text"] for each in choices][:4] == ["10 min", "15 min", "30 min", "1 h"]
    before = TimeSource().utc_now()
    answer = await fill(
        api, view, minutes={"type": "static_select", "selected_option": choices[0]}, note={}
    )
    assert (answer.status_code, answer.content) == (200, b"")
    (acted,) = await answer_events(harness)
    assert (acted["action"], acted["note"]) == ("snooze", None)
    assert acted["until"] >= (before + timedelta(minutes=10)).isoformat()[:16]


async def test_somebody_else_gets_no_form_and_is_users_why(
    harness: ServiceHarness, api: httpx.AsyncClient, page: PageRequested
) -> None:
    assert (await ask_for_form(harness, api, "hand_back", "U-sara")).status_code == 409
    assert (await ask_for_form(harness, api, "hand_back", "U-stranger")).status_code == 403
    assert harness.posted("views.open") == []
    users = [call.body["user"] for call in harness.posted("chat.postEphemeral")]
    assert users == ["U-sara", "U-stranger"]
    assert page.person_id == "dana"


async def test_form_that_comes_too_late_stays_open_and_says_why(
    harness: ServiceHarness, api: httpx.AsyncClient, page: PageRequested
) -> None:
    await ask_for_form(harness, api, "hand_back")
    view = opened(harness)
    await harness.handle(acknowledged(page, "sara"))
    answer = await fill(api, view, note={"value": "Late."})
    shown = answer.json()
    assert (answer.status_code, shown["response_action"]) == (200, "errors")
    assert "Acknowledged by sara" in shown["errors"]["note"]
    assert await answer_events(harness) == []


@pytest.mark.parametrize(
    ("callback_id", "fields", "status"),
    [
        ("hand_back", {"note": {"value": "  "}}, 422),
        ("hand_back", {"note": {"value": "x" * 2001}}, 422),
        ("hand_back", {}, 422),
        ("snooze", {"minutes": {"selected_option": {"value": "1000000"}}}, 422),
        ("snooze", {"minutes": {"selected_option": None}}, 422),
        ("another", {}, 200),
    ],
)
async def test_form_that_slack_would_not_send_changes_nothing(
    harness: ServiceHarness,
    api: httpx.AsyncClient,
    page: PageRequested,
    callback_id: str,
    fields: dict[str, Any],
    status: int,
) -> None:
    view = {"callback_id": callback_id, "private_metadata": token(harness)}
    assert (await fill(api, view, **fields)).status_code == status
    assert await answer_events(harness) == []
    assert page.person_id == "dana"


async def test_forged_token_in_a_form_is_refused_in_the_form(
    harness: ServiceHarness, api: httpx.AsyncClient, page: PageRequested
) -> None:
    view = {"callback_id": "hand_back", "private_metadata": f"{token(harness)}x"}
    answer = await fill(api, view, note={"value": "Refund all."})
    assert "not made by Upstairs" in answer.json()["errors"]["note"]
    assert page.person_id == "dana"


async def test_refusal_of_a_press_is_in_the_language_of_who_pressed(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    await harness.add_recipient("omar", "slack", language="de")
    await sent(harness, paged("dana"))
    body = pressed("U-omar", token_of(harness.posted()[0]), channel={"id": "C1"})
    assert (await send_as_slack(api, body)).is_error
    (refusal,) = harness.posted("chat.postEphemeral")
    assert "Sie wurden zu dieser Eskalation nicht gefragt" in str(refusal.body)
