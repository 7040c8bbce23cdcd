"""The queue follows a contact's priority, on a real database."""

from common.contracts.contacts import ContactPrioritized, ContactResolved
from common.contracts.event import ContactId
from integration.router.conftest import Floor, received
from integration.router.examples import LATER, complete


def urgent(contact_id: ContactId) -> ContactPrioritized:
    return ContactPrioritized(
        contact_id=contact_id, occurred_at=LATER, priority="urgent", because="medicine"
    )


async def test_what_became_urgent_is_next(floor: Floor) -> None:
    first, second = received(), received(occurred_at=LATER)
    await floor.tell(first, second)

    await floor.tell(urgent(second.contact_id))
    await floor.hire("rita")

    states = [(await floor.assignment(one.contact_id)).state for one in (first, second)]
    assert states == ["queued", "assigned"]
    assert await floor.published(second.contact_id) == ["ContactQueued", "ContactAssigned"]


async def test_what_somebody_has_stays_there(floor: Floor) -> None:
    await floor.hire("rita")
    contact = received()
    await floor.tell(contact)

    await floor.tell(urgent(contact.contact_id))

    assignment = await floor.assignment(contact.contact_id)
    assert (assignment.state, assignment.representative_id, assignment.urgency) == (
        "assigned",
        "rita",
        3,
    )
    assert await floor.published(contact.contact_id) == ["ContactAssigned"]


async def test_received_and_prioritized_in_one_batch_it_waits_by_its_new_priority(
    floor: Floor,
) -> None:
    await floor.hire("rita")
    first, second, third = received(), received(occurred_at=LATER), received(occurred_at=LATER)
    await floor.tell(first, second, third, urgent(third.contact_id))
    # The most urgent of a batch goes first, and here it is told last.
    assert (await floor.assignment(third.contact_id)).state == "assigned"

    await complete(floor, third.contact_id)

    states = [(await floor.assignment(one.contact_id)).state for one in (first, second, third)]
    assert states == ["assigned", "queued", "completed"]


async def test_when_it_was_resolved_is_kept(floor: Floor) -> None:
    contact = received()
    resolved = ContactResolved(contact_id=contact.contact_id, occurred_at=LATER)
    await floor.tell(contact, resolved)
    assert (await floor.assignment(contact.contact_id)).resolved_at == LATER
