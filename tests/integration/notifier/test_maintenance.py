"""Pages about what is under maintenance wait until its end; nothing else does."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from common.core.clock import TimeSource
from integration.notifier.conftest import (
    CONTACT,
    ServiceHarness,
    acknowledged,
    key,
    page_also,
    paged,
)
from support.databases import async_engine
from support.waiting import until

SHOP = {**CONTACT, "topic": "shipping", "received_from": "zendesk:acme"}
BILLING = "/v1/maintenance-windows/topic/billing"
ACME = "/v1/maintenance-windows/connection/zendesk:acme"
DELAYED = "SELECT 1 FROM notifications WHERE delay_reason IS NOT NULL"


def window(**changes: Any) -> dict[str, Any]:
    return {"minutes": 60, "reason": "New system", **changes}


async def put(api: httpx.AsyncClient, path: str, **changes: Any) -> None:
    answer = await api.put(path, json=window(**changes), headers=key("mona"))
    assert answer.status_code == 200, answer.text


def posted_topics(harness: ServiceHarness) -> list[str]:
    return [str(post.body["text"]).split()[0] for post in harness.posted()]


async def test_pages_about_it_wait_until_the_end_that_they_name(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    await harness.add_recipient("dana", "slack")
    await put(api, BILLING)
    async with harness.delivering():
        await harness.handle(paged("dana"), paged("dana", contact=SHOP))
        await until(harness.posted)
        await until(lambda: harness.rows(DELAYED))
        listed = await api.get("/v1/notifications?state=pending", headers=key("sara"))
        (item,) = listed.json()["items"]
        step = item["history"][-1]
        reason = "maintenance of the topic billing: New system"
        assert (step["state"], step["reason"]) == ("delayed", reason)
        windows = (await api.get("/v1/maintenance-windows", headers=key("sara"))).json()["items"]
        assert step["until"] == windows[0]["ends_at"]
        assert posted_topics(harness) == ["Shipping"]
        harness.advance(timedelta(minutes=61))
        await until(harness.posted, lambda posts: len(posts) == 2)
    assert posted_topics(harness) == ["Shipping", "Billing"]


async def test_page_that_is_settled_meanwhile_is_not_sent(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    await harness.add_recipient("dana", "slack")
    await put(api, ACME)
    page = paged("dana", contact=SHOP)
    async with harness.delivering():
        await harness.handle(page, page_also(page, "dana", contact=SHOP))
        await until(lambda: harness.rows(DELAYED), lambda rows: len(rows) == 2)
        await harness.handle(acknowledged(page, "omar"))
    assert {state for *_, state in await harness.states()} == {"cancelled"}
    assert not harness.posted()


async def test_window_that_is_ended_lets_its_pages_go(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    await harness.add_recipient("dana", "slack")
    await put(api, ACME)
    async with harness.delivering():
        await harness.handle(paged("dana", contact=SHOP))
        await until(lambda: harness.rows(DELAYED))
        assert (await api.delete(ACME, headers=key("mona"))).status_code == 204
        await until(harness.posted)
    assert (await api.delete(ACME, headers=key("mona"))).status_code == 404


@pytest.mark.parametrize(
    "changes",
    [
        {"starts_at": "2020-01-01T00:00:00Z"},
        {"starts_at": "2099-01-01T00:00:00Z"},
        {"minutes": 7 * 24 * 60 + 1},
        {"reason": ""},
    ],
    ids=["over", "far ahead", "longer than a week", "no reason"],
)
async def test_window_is_checked(api: httpx.AsyncClient, changes: dict[str, Any]) -> None:
    answer = await api.put(BILLING, json=window(**changes), headers=key("mona"))
    assert answer.status_code == 422


async def test_window_that_has_not_begun_delays_nothing(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    await harness.add_recipient("dana", "slack")
    later = TimeSource().utc_now() + timedelta(minutes=30)
    await put(api, BILLING, starts_at=later.isoformat())
    async with harness.delivering():
        await harness.handle(paged("dana"))
        await until(harness.posted)


async def test_attempt_that_was_lost_before_the_window_is_in_the_story(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    await harness.add_recipient("dana", "slack")
    await harness.handle(paged("dana"))
    async with async_engine(harness.database).begin() as connection:
        await connection.execute(
            text(
                "UPDATE notifications SET state = 'sending', attempts = 1,"
                " began_at = now() - interval '1 minute', due_at = now() - interval '50 seconds'"
            )
        )
    await put(api, BILLING)
    async with harness.delivering():
        await until(lambda: harness.rows(DELAYED))
    listed = await api.get("/v1/notifications", headers=key("sara"))
    (item,) = listed.json()["items"]
    assert item["ambiguous"]
    steps = {step["state"] for step in item["history"]}
    assert steps == {"queued", "sending", "ambiguous", "delayed"}
