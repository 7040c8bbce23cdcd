"""Pages about what is under maintenance wait until its end; nothing else does."""

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from common.core.clock import TimeSource
from integration.notifier.conftest import (
    CONTACT,
    ServiceHarness,
    acknowledged,
    key,
    page_also,
    paged,
)
from integration.notifier.examples import lose_attempts
from notifier.domain.maintenance import PAGES_DUE_AFTER_END
from support.databases import Postgres
from support.waiting import until

SHOP = {**CONTACT, "topic": "shipping", "received_from": "zendesk:acme"}
BILLING = "/v1/maintenance-windows/topic/billing"
ACME = "/v1/maintenance-windows/connection/zendesk:acme"
ENDED = "notifications WHERE content->>'reason' = 'maintenance_ended'"
DELAYED = "SELECT 1 FROM notifications WHERE delay_reason IS NOT NULL"


def window(**changes: Any) -> dict[str, Any]:
    return {"minutes": 60, "reason": "New system", **changes}


async def put(api: httpx.AsyncClient, path: str, **changes: Any) -> None:
    answer = await api.put(path, json=window(**changes), headers=key("mona"))
    assert answer.status_code == 200, answer.text


async def advance_to(harness: ServiceHarness, at: datetime) -> None:
    """Move the clock once nothing is being sent: its lease would end."""
    await until(harness.states, lambda states: "sending" not in str(states))
    harness.advance(at - harness.database.clock.utc_now())


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
        assert item["delay_code"] == "maintenance"
        windows = (await api.get("/v1/maintenance-windows", headers=key("sara"))).json()["items"]
        ends_at = datetime.fromisoformat(windows[0]["ends_at"])
        assert datetime.fromisoformat(step["until"]) == ends_at + PAGES_DUE_AFTER_END
        assert posted_topics(harness) == ["Shipping"]
        await advance_to(harness, ends_at)
        await until(lambda: posted_topics(harness), lambda topics: "Billing" in topics)
    ended, billing = [str(post.body["text"]) for post in harness.posted()[1:]]
    assert "1 page follows: topic billing" in ended
    assert billing.startswith("Billing")


async def test_page_that_is_settled_meanwhile_is_not_sent(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    await harness.add_recipient("dana", "slack")
    await harness.add_recipient("operations", "slack")
    await put(api, ACME)
    page = paged("dana", contact=SHOP)
    async with harness.delivering():
        await harness.handle(page, page_also(page, "dana", contact=SHOP))
        await until(lambda: harness.rows(DELAYED), lambda rows: len(rows) == 2)
        await harness.handle(acknowledged(page, "omar"))
    states = await harness.rows("SELECT state FROM notifications WHERE person_id = 'dana'")
    assert {row.state for row in states} == {"cancelled"}
    assert set(posted_topics(harness)) <= {"Maintenance"}


async def test_window_that_is_ended_lets_its_pages_go(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    await harness.add_recipient("dana", "slack")
    await put(api, ACME)
    async with harness.delivering():
        await harness.handle(paged("dana", contact=SHOP))
        await until(lambda: harness.rows(DELAYED))
        assert (await api.delete(ACME, headers=key("mona"))).status_code == 204
        await until(lambda: posted_topics(harness), lambda topics: "Shipping" in topics)
    assert posted_topics(harness) == ["Maintenance", "Shipping"]
    ended = await harness.rows(f"SELECT content->'maintenance' AS news FROM {ENDED}")
    assert [(row.news["pages"], row.news["ended_by"]) for row in ended] == [(1, "mona")] * 2
    assert (await api.delete(ACME, headers=key("mona"))).status_code == 404


async def test_pages_about_a_campaign_wait(harness: ServiceHarness, api: httpx.AsyncClient) -> None:
    await harness.add_recipient("dana", "slack")
    await put(api, "/v1/maintenance-windows/campaign/recall-7")
    async with harness.delivering():
        recall = paged("dana", contact={**CONTACT, "campaign": "recall-7"})
        await harness.handle(recall, paged("dana", contact={**SHOP, "campaign": "spring-sale"}))
        await until(harness.posted)
        await until(lambda: harness.rows(DELAYED))
    assert posted_topics(harness) == ["Shipping"]


async def test_begin_and_end_are_announced_once_each(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    await harness.add_recipient("operations", "slack", "email")
    await harness.add_recipient("dana", "slack")
    await harness.add_recipient("omar", "slack")
    begin = TimeSource().utc_now() + timedelta(minutes=5)
    await put(api, BILLING, starts_at=begin.isoformat())
    page = paged("dana")
    async with harness.delivering(), harness.delivering():
        harness.advance(timedelta(minutes=6))
        await until(lambda: posted_topics(harness), lambda topics: len(topics) == 1)
        settled = paged("omar")
        await harness.handle(page, paged("dana"), settled)
        await until(lambda: harness.rows(DELAYED), lambda rows: len(rows) == 3)
        await harness.handle(acknowledged(settled, "omar"))
        await advance_to(harness, begin + timedelta(minutes=60))
        await until(harness.posted, lambda posts: len(posts) == 5)
    messages = [(post.body["channel"], str(post.body["text"])) for post in harness.posted()]
    assert "Maintenance until" in messages[0][1]
    assert [channel for channel, _ in sorted(messages[1:3])] == ["D-dana", "D-operations"]
    assert all("2 pages follow: topic billing" in text for _, text in messages[1:3])
    assert posted_topics(harness)[3:] == ["Billing", "Billing"]
    assert not harness.mail.messages


async def test_window_that_is_set_again_is_announced_as_one(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    await harness.add_recipient("operations", "slack")
    await put(api, BILLING)
    async with harness.delivering():
        await until(harness.posted)
        await put(api, BILLING, minutes=120)
        await advance_to(harness, TimeSource().utc_now() + timedelta(minutes=119))
        later = TimeSource().utc_now() + timedelta(days=3)
        await put(api, BILLING, starts_at=later.isoformat())
        await until(harness.posted, lambda posts: len(posts) == 2)
    texts = [str(post.body["text"]) for post in harness.posted()]
    assert ["until" in text for text in texts] == [True, False]
    (ended,) = await harness.rows(f"SELECT content->'maintenance' AS news FROM {ENDED}")
    assert (ended.news["pages"], ended.news["ended_by"]) == (0, "mona")


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
    await lose_attempts(harness)
    await put(api, BILLING)
    async with harness.delivering():
        await until(lambda: harness.rows(DELAYED))
    listed = await api.get("/v1/notifications", headers=key("sara"))
    (item,) = [each for each in listed.json()["items"] if each["person_id"] == "dana"]
    assert item["ambiguous"]
    steps = {step["state"] for step in item["history"]}
    assert steps == {"queued", "sending", "ambiguous", "delayed"}


@pytest.mark.parametrize("is_moved", [False, True], ids=["ended", "moved"])
async def test_page_that_processes_delay_by_an_earlier_end_goes_within_seconds(
    harness: ServiceHarness, api: httpx.AsyncClient, *, is_moved: bool
) -> None:
    await harness.add_recipient("dana", "slack")
    await put(api, ACME)
    async with harness.delivering(), harness.delivering():
        await harness.handle(paged("dana", contact=SHOP))
        await until(lambda: harness.rows(DELAYED))
        if is_moved:
            later = TimeSource().utc_now() + timedelta(days=3)
            await put(api, ACME, starts_at=later.isoformat(), reason="Another system")
        else:
            assert (await api.delete(ACME, headers=key("mona"))).status_code == 204
        # The processes know of it five seconds later.
        await harness.handle(paged("dana", contact=SHOP))
        await until(lambda: harness.rows(DELAYED), lambda rows: len(rows) == 2)
        await until(lambda: posted_topics(harness).count("Shipping"), (2).__eq__)


async def test_window_that_cannot_be_read_delays_nothing_and_can_be_put_again(
    harness: ServiceHarness, api: httpx.AsyncClient, postgres: Postgres, database_name: str
) -> None:
    await harness.add_recipient("dana", "slack")
    await put(api, BILLING)
    # As a newer version of Upstairs may leave it.
    for statement in (
        "ALTER TABLE notifier.maintenance_windows DROP CONSTRAINT maintenance_windows_scope_check",
        "UPDATE notifier.maintenance_windows SET scope = 'site'",
    ):
        await postgres.execute(statement, database_name)
    await put(api, ACME)
    async with harness.delivering():
        await harness.handle(paged("dana"), paged("dana", contact=SHOP))
        await until(lambda: harness.rows(DELAYED))
        await until(lambda: posted_topics(harness), lambda topics: topics == ["Billing"])
    listed = (await api.get("/v1/maintenance-windows", headers=key("sara"))).json()["items"]
    assert [item["name"] for item in listed] == ["zendesk:acme"]
    assert (await api.delete(BILLING, headers=key("mona"))).status_code == 404
    await put(api, BILLING)


async def test_name_of_a_window_may_have_a_slash(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    await harness.add_recipient("dana", "slack")
    path = "/v1/maintenance-windows/topic/billing%2Frefunds"
    await put(api, path)
    async with harness.delivering():
        await harness.handle(paged("dana", contact={**CONTACT, "topic": "billing/refunds"}))
        await until(lambda: harness.rows(DELAYED))
    assert (await api.delete(path, headers=key("mona"))).status_code == 204
