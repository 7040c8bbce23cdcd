"""A contact that is spam, deleted or merged is no work for anybody."""

import pytest

from common.contracts.contacts import ContactDiscarded, ContactMerged
from integration.router.conftest import RouterHarness
from integration.router.examples import LATER, assert_loads_are_consistent, received


@pytest.mark.parametrize("end", [ContactMerged, ContactDiscarded])
async def test_contact_that_is_no_work_leaves_the_queue_and_its_representative(
    harness: RouterHarness, end: type[ContactMerged] | type[ContactDiscarded]
) -> None:
    await harness.hire("rita")
    assigned, queued = received(), received(language="de")
    await harness.handle_events(assigned, queued)
    for contact in (assigned, queued):
        fields = {"contact_id": contact.contact_id, "occurred_at": LATER, "cause": "spam"}
        await harness.handle_events(end.model_validate(fields))

    for contact in (assigned, queued):
        assert (await harness.assignment(contact.contact_id)).state == "abandoned"
    assert (await harness.published(assigned.contact_id))[-1] == "AssignmentReleased"
    await assert_loads_are_consistent(harness)
