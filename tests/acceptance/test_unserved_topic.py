"""What nobody serves and who can't be reached is listed, and operations are paged."""

import asyncio
from typing import Any

import pytest

from common.contracts.assignments import ContactUnserved
from common.contracts.escalations import PageRequested
from common.contracts.event import ContactId
from common.core.ids import derived_id
from stage import stories
from stage.stories import Scenario
from support.waiting import until

pytestmark = pytest.mark.xdist_group("stories")

PATIENCE_S = 20


async def problems(stage: Scenario, code: str) -> set[str]:
    listed: dict[str, Any] = await stage.actors.call(
        "ops", "escalation", "GET", "/configuration/problems"
    )
    return {
        f"{each['kind']}/{each['setting_id']}" for each in listed["items"] if each["code"] == code
    }


async def test_typing_error_in_a_topic_pages_operations_once_and_is_listed(stage: Scenario) -> None:
    first = await stories.create_contact(stage, "refnud", "Money back", "email")
    second = await stories.create_contact(stage, "refnud", "Money back, please", "email")
    async with asyncio.timeout(PATIENCE_S):
        unserved = [
            await stage.event_log.wait_for(ContactUnserved, contact) for contact in (first, second)
        ]
        queue = ContactId(derived_id("queue", unserved[0].queue))
        page = await stage.event_log.wait_for(PageRequested, queue)
        await stories.wait_until_sent(stage, page, "email")
    assert (page.person_id, page.reason) == ("operations", "unserved")
    assert len(stage.event_log.find_all(PageRequested, queue)) == 1
    assert f"queues/{unserved[0].queue}" in await problems(stage, "topic-not-served")


async def test_manager_without_a_contact_method_is_listed_until_one_is_put(stage: Scenario) -> None:
    entry: dict[str, Any] = {"name": "Nora", "roles": ["manager"]}
    await stage.actors.call("ops", "router", "PUT", "/people/nora", entry)

    async def is_listed() -> bool:
        return "people/nora" in await problems(stage, "no-contact-method")

    async def is_not_listed() -> bool:
        return not await is_listed()

    await until(is_listed)
    methods = [{"medium": "email", "address": "nora@example.com"}]
    await stage.actors.call(
        "ops", "router", "PUT", "/people/nora", {**entry, "contact_methods": methods}
    )
    await until(is_not_listed)
    assert "recipients/operations" not in await problems(stage, "no-contact-method")
