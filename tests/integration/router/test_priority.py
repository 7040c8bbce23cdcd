"""A changed priority on a real database."""

from common.contracts.contacts import ContactPrioritized, ContactResolved
from common.contracts.event import ContactId
from integration.router.conftest import RouterHarness
from integration.router.examples import LATER, complete, received


def urgent(contact_id: ContactId) -> ContactPrioritized:
    return ContactPrioritized(
        contact_id=contact_id, occurred_at=LATER, priority="urgent", reason="medicine"
    )


async def test_contact_that_became_urgent_is_next(harness: RouterHarness) -> None:
    first, second = received(), received(occurred_at=LATER)
    await harness.handle_events(first, second)

    await harness.handle_events(urgent(second.contact_id))
    await harness.hire("rita")

    states = [(await harness.assignment(contact.contact_id)).state for contact in (first, second)]
    assert states == ["queued", "assigned"]
    assert await harness.published(second.contact_id) == [
        "ContactUnserved",
        "ContactQueued",
        "ContactAssigned",
    ]


async def test_assigned_contact_that_became_urgent_stays_assigned(harness: RouterHarness) -> None:
    await harness.hire("rita")
    contact = received()
    await harness.handle_events(contact)

    await harness.handle_events(urgent(contact.contact_id))

    assignment = await harness.assignment(contact.contact_id)
    assert (assignment.state, assignment.representative_id, assignment.priority_rank) == (
        "assigned",
        "rita",
        3,
    )
    assert await harness.published(contact.contact_id) == ["ContactAssigned"]


async def test_contact_received_and_prioritized_in_one_batch_waits_by_its_new_priority(
    harness: RouterHarness,
) -> None:
    await harness.hire("rita")
    first, second, third = received(), received(occurred_at=LATER), received(occurred_at=LATER)
    await harness.handle_events(first, second, third, urgent(third.contact_id))
    # The most urgent contact of a batch is first, though its event is the last.
    assert (await harness.assignment(third.contact_id)).state == "assigned"

    await complete(harness, third.contact_id)

    states = [
        (await harness.assignment(contact.contact_id)).state for contact in (first, second, third)
    ]
    assert states == ["assigned", "queued", "completed"]


async def test_time_of_the_resolution_is_stored(harness: RouterHarness) -> None:
    contact = received()
    resolved = ContactResolved(contact_id=contact.contact_id, occurred_at=LATER)
    await harness.handle_events(contact, resolved)
    assert (await harness.assignment(contact.contact_id)).ended_at == LATER
