"""Operations hear by a page of what nobody serves: once a queue and a quiet time."""

import asyncio
from datetime import timedelta
from typing import Any

from common.contracts.assignments import ContactUnserved
from common.contracts.event import ContactId
from common.core.ids import new_id
from escalation.domain.staff import QUIET_TIME
from integration.escalation.conftest import EscalationHarness


async def unserved(
    service: EscalationHarness, queue: str, fallback: str | None = "general/en"
) -> ContactUnserved:
    return ContactUnserved(
        contact_id=ContactId(new_id()),
        occurred_at=await service.now(),
        queue=queue,
        fallback_queue=fallback,
    )


async def pages(service: EscalationHarness) -> list[dict[str, Any]]:
    rows = await service.rows(
        "SELECT data FROM published_events WHERE type = 'upstairs.page_requested.v1' ORDER BY id"
    )
    return [row.data for row in rows]


async def queues_paged(service: EscalationHarness) -> list[str]:
    return [page["unserved_queue"]["queue"] for page in await pages(service)]


async def test_operations_are_paged_once_for_a_queue_and_not_for_each_contact(
    service: EscalationHarness,
) -> None:
    for queue in ("warranty/pl", "warranty/pl", "sales/ja", "warranty/pl"):
        await service.handle_events(await unserved(service, queue))
    first, second = await pages(service)
    assert (first["person_id"], first["reason"]) == ("operations", "unserved")
    assert "escalation_id" not in first
    assert first["unserved_queue"] == {"queue": "warranty/pl", "fallback_queue": "general/en"}
    assert second["unserved_queue"]["queue"] == "sales/ja"
    assert first["contact_id"] != second["contact_id"]


async def test_contacts_of_one_batch_make_one_page(service: EscalationHarness) -> None:
    batch = [await unserved(service, "warranty/pl", None) for _ in range(20)]
    await service.handle_events(*batch)
    (page,) = await pages(service)
    assert page["unserved_queue"] == {"queue": "warranty/pl"}


async def test_contacts_at_the_same_time_make_one_page(service: EscalationHarness) -> None:
    events = [await unserved(service, "warranty/pl") for _ in range(5)]
    await asyncio.gather(*(service.handle_events(event) for event in events))
    assert await queues_paged(service) == ["warranty/pl"]


async def test_queue_that_is_still_not_served_after_the_quiet_time_is_paged_again(
    service: EscalationHarness,
) -> None:
    for wait in (timedelta(), QUIET_TIME - timedelta(minutes=1), timedelta(minutes=2)):
        service.database.clock.offset += wait
        await service.handle_events(await unserved(service, "warranty/pl"))
    assert await queues_paged(service) == ["warranty/pl"] * 2
    first, second = await pages(service)
    assert first["page_id"] != second["page_id"]
