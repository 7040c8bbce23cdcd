"""Clients and messages that the notifier's tests share."""

from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from common.contracts.escalations import PageRequested
from integration.notifier.conftest import ServiceHarness, key, link_to
from support.waiting import until

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PROGRAM = {"Accept": "application/json"}


async def sent(harness: ServiceHarness, *pages: PageRequested) -> list[str]:
    """Send pages by Slack, and return paths that acknowledge them in the order of the pages."""
    for page in pages:
        await harness.add_recipient(page.person_id, "slack")
    async with harness.delivering():
        for page in pages:
            await deliver(harness, page)
    return [link_to(post) for post in harness.posted()]


async def deliver(harness: ServiceHarness, page: PageRequested) -> None:
    before = len(harness.posted())
    await harness.handle(page)
    await until(lambda: len(harness.posted()) > before)


async def lose_attempts(harness: ServiceHarness) -> None:
    """Let the process have stopped a minute ago in the first attempt of each message."""
    await harness.execute(
        "UPDATE notifications SET state = 'sending', attempts = 1,"
        " began_at = now() - interval '1 minute', due_at = now() - interval '50 seconds'"
    )


async def only_notification(api: httpx.AsyncClient) -> dict[str, Any]:
    listed = await api.get("/v1/notifications", headers=key("sara"))
    (item,) = listed.json()["items"]
    assert isinstance(item, dict)
    return item


def story(item: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the states that a notification of the API has been in."""
    return tuple(step["state"] for step in item["history"])


async def answer_events(harness: ServiceHarness) -> Sequence[dict[str, Any]]:
    others = ("notification_sent", "recipient_changed")
    return [event for event in await harness.published() if event["event"] not in others]
