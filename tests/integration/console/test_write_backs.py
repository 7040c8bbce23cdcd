"""A manager sets write-backs in a browser without scripts, in front of the real notifier."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from integration.console.harness import SAME_ORIGIN, ConsoleHarness
from integration.console.settings_harness import form_of, text_of
from integration.console.systems_harness import WRITE_BACK, Systems, open_systems
from integration.notifier.write_back_examples import API_TOKEN, ZENDESK_STEPS, EscalatedCase
from support.case_systems import ZENDESK_EMAIL, ZENDESK_TOKEN, ZendeskStandIn
from support.databases import Postgres, rows

NEW = "/settings/new/write-backs/zendesk"
CREDENTIALS = {
    "secrets/type": "api_token",
    "secrets/email": ZENDESK_EMAIL,
    "secrets/token": ZENDESK_TOKEN,
}


@pytest.fixture
async def zendesk() -> AsyncIterator[ZendeskStandIn]:
    async with ZendeskStandIn() as zendesk:
        yield zendesk


@pytest.fixture
async def systems(
    zendesk: ZendeskStandIn, console: ConsoleHarness, postgres: Postgres, database_name: str
) -> AsyncIterator[Systems]:
    allowed = (zendesk.url, "https://acme.zendesk.com")
    async with open_systems(
        console, postgres, database_name, write_back_systems=allowed
    ) as systems:
        yield systems


async def send(systems: Systems, address: str, **fields: str) -> httpx.Response:
    return await systems.mia.client.post(address, data=fields, headers=SAME_ORIGIN)


async def put(systems: Systems, url: str, **changes: Any) -> None:
    body = {
        "state": "active",
        "base_url": url,
        "credentials": API_TOKEN,
        "steps": ZENDESK_STEPS,
        **changes,
    }
    answer = await systems.notifier.put("/v1/write-backs/zendesk/acme", json=body)
    assert answer.is_success, answer.text


async def shown(systems: Systems) -> Any:
    return (await systems.notifier.get("/v1/write-backs/zendesk/acme")).json()


async def test_new_write_back_asks_for_credentials_last_and_shows_them_nowhere(
    systems: Systems, zendesk: ZendeskStandIn
) -> None:
    mia = systems.mia
    changes = {
        "setting-id": "acme",
        "base_url": zendesk.url,
        "steps/escalated/note": "on",
        "steps/escalated/priority": "urgent",
        "steps/escalated/tags": "escalated, vip",
    }
    _, fields = await mia.review(NEW, **changes)
    missing = await mia.press(NEW, fields, "save")
    assert missing.status_code == 422
    assert 'id="problem-secrets/token"' in missing.text
    saved = await mia.press(NEW, {**form_of(missing.text), **CREDENTIALS}, "save")
    assert saved.headers["location"] == f"{WRITE_BACK}?done=saved"
    escalated = (await shown(systems))["steps"]["escalated"]
    assert (escalated["note"], escalated["priority"]) == (True, "urgent")
    assert escalated["tags"] == ["escalated", "vip"]
    page = await mia.read(WRITE_BACK)
    assert ZENDESK_EMAIL in page
    assert ZENDESK_TOKEN not in page
    checked = text_of((await send(systems, f"{WRITE_BACK}/test")).text)
    assert "The system takes the credentials of" in checked


async def test_form_that_is_saved_unchanged_changes_nothing(
    systems: Systems, zendesk: ZendeskStandIn
) -> None:
    steps = {
        "escalated": {"fields": {"360001": "5", "360002": 5, "360003": True, "360004": "a text"}}
    }
    await put(systems, zendesk.url, steps=steps)
    page, fields = await systems.mia.review(f"{WRITE_BACK}/edit")
    assert "Nothing differs" in page
    _, fields = await systems.mia.review(f"{WRITE_BACK}/edit", language="de")
    saved = await systems.mia.press(f"{WRITE_BACK}/edit", fields, "save")
    assert saved.status_code == 303
    after = await shown(systems)
    assert after["language"] == "de"
    assert after["steps"]["escalated"]["fields"] == steps["escalated"]["fields"]


async def test_credentials_are_asked_for_again_for_another_address_only(
    systems: Systems, zendesk: ZendeskStandIn
) -> None:
    await put(systems, zendesk.url)
    same, _ = await systems.mia.review(f"{WRITE_BACK}/edit", base_url=f"{zendesk.url}/")
    assert 'type="password"' not in same
    other, fields = await systems.mia.review(
        f"{WRITE_BACK}/edit", base_url="https://acme.zendesk.com"
    )
    assert 'type="password"' in other
    saved = await systems.mia.press(f"{WRITE_BACK}/edit", {**fields, **CREDENTIALS}, "save")
    assert saved.status_code == 303


async def test_refusals_are_shown_beside_their_fields(
    systems: Systems, zendesk: ZendeskStandIn
) -> None:
    await put(systems, zendesk.url)
    for changes, place in (
        ({"base_url": "https://evil.example"}, "base_url"),
        (
            {
                "steps/escalated/fields/0/key": "no number",
                "steps/escalated/fields/0/value": "x",
            },
            "steps/escalated/fields/0/value",
        ),
    ):
        _, fields = await systems.mia.review(f"{WRITE_BACK}/edit", **changes)
        refused = await systems.mia.press(f"{WRITE_BACK}/edit", {**fields, **CREDENTIALS}, "save")
        assert refused.status_code == 422
        assert f'id="problem-{place}"' in refused.text


async def test_halted_write_back_says_why_and_goes_on_with_new_credentials(
    systems: Systems, zendesk: ZendeskStandIn
) -> None:
    await put(systems, zendesk.url)
    halting = "UPDATE write_backs SET state = 'halted', halt_reason = 'answered 401'"
    await systems.change_row(halting)
    assert "/zendesk/acme" in await systems.mia.read("/settings/write-backs?state=halted")
    assert "/zendesk/acme" not in await systems.mia.read("/settings/write-backs?state=active")
    assert "answered 401" in await systems.mia.read(WRITE_BACK)
    address = f"{WRITE_BACK}/credentials"
    fields = form_of(await systems.mia.read(address))
    short = await send(systems, address, **{**fields, **CREDENTIALS, "secrets/token": "short"})
    assert short.status_code == 422
    assert 'id="problem-secrets/token"' in short.text
    done = await send(systems, address, **{**fields, **CREDENTIALS})
    assert done.headers["location"] == f"{WRITE_BACK}?done=credentials"
    after = await shown(systems)
    assert (after["state"], after["steps"]["resolved"]["priority"]) == ("active", "normal")


async def test_refused_credentials_are_told(systems: Systems, zendesk: ZendeskStandIn) -> None:
    await put(systems, zendesk.url)
    zendesk.knows_us = False
    page = text_of((await send(systems, f"{WRITE_BACK}/test")).text)
    assert "The system does not take the credentials." in page


@pytest.mark.parametrize(("action", "state"), [("pause", "paused"), ("resume", "active")])
async def test_write_back_is_paused_and_resumed(
    systems: Systems, zendesk: ZendeskStandIn, action: str, state: str
) -> None:
    await put(systems, zendesk.url, state="active" if action == "pause" else "paused")
    fields = form_of(await systems.mia.read(f"{WRITE_BACK}/{action}"))
    done = await send(systems, f"{WRITE_BACK}/{action}", **fields)
    assert done.status_code == 303
    after = await shown(systems)
    assert after["state"] == state
    assert after["steps"]["escalated"]["fields"] == ZENDESK_STEPS["escalated"]["fields"]


async def test_write_that_has_failed_is_tried_again(
    systems: Systems, zendesk: ZendeskStandIn
) -> None:
    await put(systems, zendesk.url)
    await systems.of_notifier.handle_events(EscalatedCase().raised())
    failing = "UPDATE case_writes SET state = 'failed', due_at = NULL, reason = 'answered 422'"
    await systems.change_row(failing)
    (write,) = await rows(systems.of_notifier.database, "SELECT write_id FROM case_writes")
    page = await systems.mia.read(WRITE_BACK)
    assert "answered 422" in page
    retry = f"{WRITE_BACK}/writes/{write.write_id}/retry"
    assert retry in page
    assert (await send(systems, retry)).headers["location"] == f"{WRITE_BACK}?done=retried"
    assert "waits to be written" in await systems.mia.read(WRITE_BACK)
    again = await send(systems, retry)
    assert again.status_code == 409


async def test_write_back_that_somebody_else_changed_is_not_removed(
    systems: Systems, zendesk: ZendeskStandIn
) -> None:
    await put(systems, zendesk.url)
    fields = form_of(await systems.mia.read(f"{WRITE_BACK}/remove"))
    await put(systems, zendesk.url, language="de")
    refused = await send(systems, f"{WRITE_BACK}/remove", **fields)
    assert refused.status_code == 412
    removed = await send(systems, f"{WRITE_BACK}/remove", **form_of(refused.text))
    assert removed.headers["location"] == "/settings/write-backs?done=removed"
    assert (await systems.mia.client.get(WRITE_BACK)).status_code == 404
