"""Contacts that end before their work is done leave the queue, the offer and the slot."""

import msgspec
import pytest

from common.contracts.contacts import (
    ContactAbandoned,
    ContactDiscarded,
    ContactMerged,
    ContactReopened,
)
from integration.router.conftest import RouterHarness
from integration.router.examples import LATER, accept, assert_loads_are_consistent, received


async def test_abandoned_contacts_free_the_queue_the_offer_and_the_slot(
    harness: RouterHarness,
) -> None:
    await harness.hire("rita", auto_accept=False)
    assigned, offered = received(), received(occurred_at=LATER)
    queued = received(topic_of_contact="orders", language="de")
    await harness.handle_events(assigned)
    await accept(harness, assigned.contact_id, "rita")
    await harness.hire("sam", auto_accept=False)
    await harness.handle_events(offered, queued)

    await harness.handle_events(
        *(
            ContactAbandoned(contact_id=contact.contact_id, occurred_at=LATER)
            for contact in (assigned, offered, queued)
        )
    )

    for contact in (assigned, offered, queued):
        assert (await harness.assignment(contact.contact_id)).state == "abandoned"
    assert await harness.rows("SELECT 1 FROM timers") == []
    assert await harness.published(offered.contact_id) == ["ContactOffered", "AssignmentReleased"]
    assert await harness.published(queued.contact_id) == ["ContactUnserved", "ContactQueued"]
    await assert_loads_are_consistent(harness)


@pytest.mark.parametrize("end", [ContactMerged, ContactDiscarded])
async def test_contact_that_is_no_work_leaves_the_queue_and_its_representative(
    harness: RouterHarness, end: type[ContactMerged] | type[ContactDiscarded]
) -> None:
    await harness.hire("rita")
    assigned, queued = received(), received(language="de")
    await harness.handle_events(assigned, queued)
    for contact in (assigned, queued):
        fields = {"contact_id": contact.contact_id, "occurred_at": LATER, "cause": "spam"}
        await harness.handle_events(msgspec.convert(fields, end))

    for contact in (assigned, queued):
        assert (await harness.assignment(contact.contact_id)).state == "abandoned"
    assert (await harness.published(assigned.contact_id))[-1] == "AssignmentReleased"
    await assert_loads_are_consistent(harness)


async def test_abandoned_contact_is_queued_again_when_reopened(harness: RouterHarness) -> None:
    contact = received()
    abandoned = ContactAbandoned(contact_id=contact.contact_id, occurred_at=LATER)
    await harness.handle_events(contact, abandoned)

    await harness.handle_events(
        ContactReopened(contact_id=contact.contact_id, occurred_at=LATER, reason="Called back.")
    )

    assert (await harness.assignment(contact.contact_id)).state == "queued"
