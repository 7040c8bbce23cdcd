"""Customers are merged: what was granted to both counts together, in any order of topics."""

import itertools

import httpx

from common.contracts.contacts import ContactCustomerChanged, Customer, SupervisorRequested
from common.contracts.event import CustomerId
from integration.escalation.conftest import EscalationHarness, assigned, key

ANN = Customer(customer_id=CustomerId("channel:shop:a"), name="Ann", tier="vip")
BEE = Customer(customer_id=CustomerId("channel:shop:b"), name="Ann Bee")


async def customers_of(service: EscalationHarness, table: str) -> list[str]:
    stored = await service.rows(f"SELECT customer_id FROM {table}")
    return [row.customer_id for row in stored]


async def test_grants_of_a_merged_customer_count_for_the_other_one(
    service: EscalationHarness, api: httpx.AsyncClient
) -> None:
    contact = await service.received(customer=ANN)
    at = contact.occurred_at
    await service.handle_events(
        contact,
        assigned(contact),
        SupervisorRequested(contact_id=contact.contact_id, occurred_at=at, quote="Your boss!"),
    )
    (escalation,) = (await api.get("/v1/escalations")).json()["items"]
    place = f"/v1/escalations/{escalation['escalation_id']}"
    for role in ("manager", "supervisor"):
        limit = {"limits": {"EUR": "100"}}
        await api.put(f"/v1/approval-limits/{role}", json=limit, headers=key("ops"))
    await api.post(f"{place}/take-over", headers=key("sam"))
    refund = {"outcome": "refund", "note": "Sorry", "amount": "10", "currency": "EUR"}
    resolved = await api.post(f"{place}/resolve", json=refund, headers=key("sam"))
    assert resolved.is_success, resolved.text
    assert await customers_of(service, "grants") == [ANN.customer_id]
    for customer in (BEE, ANN):
        changed = ContactCustomerChanged(
            contact_id=contact.contact_id, occurred_at=at, customer=customer
        )
        await service.handle_events(changed)
        for table in ("grants", "tracked_contacts"):
            assert await customers_of(service, table) == [customer.customer_id]


async def test_order_of_topics_does_not_matter(
    service: EscalationHarness, configured: httpx.AsyncClient
) -> None:
    """What intake says of a contact keeps its order; the assignment may come anywhere."""
    states = []
    for place in range(3):
        contact = await service.received(customer=ANN)
        from_intake = (
            contact,
            ContactCustomerChanged(
                contact_id=contact.contact_id, occurred_at=contact.occurred_at, customer=BEE
            ),
        )
        events = [*from_intake[:place], assigned(contact), *from_intake[place:]]
        for event in events:
            await service.handle_events(event)
        stored = await service.rows(
            f"""SELECT customer_id, details->>'tier' AS tier, details->>'customer' AS name,
                    representative_id, clocks FROM tracked_contacts
                WHERE contact_id = '{contact.contact_id}'"""
        )
        (row,) = stored
        clocks = sorted((clock["name"], clock["policy"]["id"]) for clock in row.clocks)
        states.append((row.customer_id, row.tier, row.name, row.representative_id, clocks))
    assert all(state == following for state, following in itertools.pairwise(states))
    assert states[0][:4] == (BEE.customer_id, "standard", "Ann Bee", "rita")
