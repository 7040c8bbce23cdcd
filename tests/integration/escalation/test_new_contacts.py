"""A new contact gets its row once, by any topic and however many mention it at a time."""

import asyncio

import httpx

from integration.escalation.conftest import EscalationHarness, assigned

ROWS = """
    SELECT details IS NOT NULL AS has_details, representative_id
    FROM tracked_contacts
"""


async def test_replicas_with_the_same_new_contacts_lose_nothing(
    service: EscalationHarness, configured: httpx.AsyncClient
) -> None:
    assert configured
    received = [await service.received() for _ in range(12)]
    assignments = [assigned(contact) for contact in received]
    # At once: each finds no row of any contact, and the one that ends last is refused.
    await asyncio.gather(
        service.handle_events(*received), service.handle_events(*assignments[::-1])
    )
    rows = await service.rows(ROWS)
    assert [tuple(row) for row in rows] == [(True, "rita")] * 12
    for contact in received:
        events = await service.fetch_event_types(contact.contact_id)
        assert sorted(events)[:1] == ["clock_met"]
        assert events.count("clocks_started") == 1
