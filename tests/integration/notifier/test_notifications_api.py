"""Supervisors and managers read who was notified of what, and how delivery went."""

from typing import Any

import httpx

from devstack import receivers
from integration.notifier.conftest import (
    HEADLINE,
    ServiceHarness,
    acknowledged,
    key,
    page_also,
    paged,
)
from integration.notifier.examples import only_notification
from support.waiting import until


async def test_notification_shows_its_attempts(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    await harness.add_recipient("dana", "slack")
    page = paged("dana")
    harness.slack.answers.append(receivers.server_error(500))
    async with harness.delivering():
        await harness.handle(page)
        await until(harness.published)
    shown = await only_notification(api)
    assert shown["state"] == "sent"
    assert shown["headline"] == HEADLINE
    assert shown["content"]["reason"] == page.reason
    assert shown["content"]["contact"]["subject"] == "Wrong invoice"
    assert [(attempt["outcome"], attempt["detail"]) for attempt in shown["attempts"]] == [
        ("retry", "Slack answered 500"),
        ("sent", "ts 1700000000.000001"),
    ]
    assert [(step["state"], step["reason"]) for step in shown["history"]] == [
        ("queued", None),
        ("sending", None),
        ("failed_for_now", "Slack answered 500"),
        ("sending", None),
        ("sent", "ts 1700000000.000001"),
    ]


async def test_notifications_are_filtered_and_listed_in_pages(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    await harness.add_recipient("dana", "slack")
    page = paged("dana")
    await harness.handle(page, page_also(page, "omar"), paged("dana"), paged("dana"))

    async def listed(**criteria: Any) -> dict[str, Any]:
        answer = await api.get("/v1/notifications", params=criteria, headers=key("sara"))
        assert answer.status_code == 200, answer.text
        page_of_items: dict[str, Any] = answer.json()
        return page_of_items

    assert len((await listed(contact_id=page.contact_id))["items"]) == 2
    assert len((await listed(escalation_id=page.escalation_id))["items"]) == 2
    (failed,) = (await listed(state="failed"))["items"]
    assert (failed["person_id"], failed["reason"]) == ("omar", "no such recipient")
    ids: list[str] = []
    cursor: dict[str, Any] = {}
    while cursor is not None:
        part = await listed(person_id="dana", limit=2, **cursor)
        ids += [item["notification_id"] for item in part["items"]]
        if part["next_cursor"] is None:
            break
        cursor = {"cursor": part["next_cursor"]}
    assert len(ids) == len(set(ids)) == 3
    assert ids == sorted(ids, reverse=True)
    for wrong in ({"state": "lost"}, {"contact_id": "x"}, {"cursor": "x"}, {"limit": 0}):
        answer = await api.get("/v1/notifications", params=wrong, headers=key("sara"))
        assert answer.status_code == 422


async def test_update_shows_its_status(harness: ServiceHarness, api: httpx.AsyncClient) -> None:
    await harness.add_recipient("dana", "slack")
    page = paged("dana")
    async with harness.delivering():
        await harness.handle(page)
        await until(harness.published)
        await harness.handle(acknowledged(page, "dana"))
        await until(lambda: harness.posted("chat.update"))
    listed = await api.get("/v1/notifications", headers=key("sara"))
    update, sent = listed.json()["items"]
    assert (update["kind"], update["status"]) == ("update", "Acknowledged by Dana")
    assert (sent["kind"], sent["status"]) == ("page", None)
