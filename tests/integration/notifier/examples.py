"""Clients, events and messages that the notifier's tests share."""

from collections.abc import Sequence
from typing import Any

from common.contracts.escalations import PageRequested
from integration.notifier.conftest import (
    Desk,
    token_of,
)
from support.waiting import until

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PROGRAM = {"Accept": "application/json"}


async def sent(desk: Desk, *pages: PageRequested) -> list[str]:
    """Send pages by Slack, and return the paths of their links in the order of the pages."""
    for page in pages:
        await desk.know(page.person_id, "slack")
    async with desk.couriers():
        for page in pages:
            await deliver(desk, page)
    return [f"/v1/acknowledgements/{token_of(post)}" for post in desk.posted()]


async def deliver(desk: Desk, page: PageRequested) -> None:
    before = len(desk.posted())
    await desk.tell(page)
    await until(lambda: len(desk.posted()) > before)


async def news(desk: Desk) -> Sequence[dict[str, Any]]:
    return [one for one in await desk.published() if one["event"] != "notification_sent"]
