"""Contacts and representatives meet in languages that match."""

import pytest

from integration.router.conftest import RouterHarness
from integration.router.examples import received


@pytest.mark.parametrize("first", ["contact", "representative"])
async def test_contact_and_representative_meet_in_a_matching_language(
    harness: RouterHarness, first: str
) -> None:
    contact = received(language="pt-BR")
    if first == "contact":
        await harness.handle_events(contact, received(language="es"), received(language="zh"))
    await harness.hire("rita", languages=("pt",))
    if first == "representative":
        await harness.handle_events(contact)
    assert (await harness.assignment(contact.contact_id)).representative_id == "rita"


async def test_every_queue_with_waiting_contacts_is_found(harness: RouterHarness) -> None:
    contacts = [
        received(topic_of_contact=topic, language=language)
        for topic in ("billing", "orders")
        for language in ("en", "pt", "pt-BR")
    ]
    await harness.handle_events(*contacts, *(received() for _ in range(3)))
    async with harness.database.transaction() as uow:
        needs = await uow.assignments.waiting_needs()
    assert [need.queue for need in needs] == [
        "billing/en",
        "billing/pt",
        "billing/pt-BR",
        "orders/en",
        "orders/pt",
        "orders/pt-BR",
    ]
