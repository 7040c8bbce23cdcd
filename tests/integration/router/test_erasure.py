"""A contact is erased: what representatives wrote about it is gone."""

import httpx

from common.contracts.contacts import ContactAbandoned, ContactErased
from integration.router.conftest import RouterHarness, key
from integration.router.examples import received
from support.erasure import find_tables_with

WORDS = "PRIVATE"


async def test_words_of_representatives_are_gone(
    harness: RouterHarness, api: httpx.AsyncClient
) -> None:
    await harness.hire("rita", auto_accept=True)
    contact = received(subject=WORDS)
    await harness.handle_events(contact)
    path = f"/v1/assignments/{contact.contact_id}/refer"
    answer = await api.post(path, json={"reason": WORDS}, headers=key("rita"))
    assert answer.is_success, answer.text
    assert await find_tables_with(harness.database, WORDS) == {"assignments", "published_events"}
    erased = ContactErased(contact_id=contact.contact_id, occurred_at=contact.occurred_at)
    await harness.handle_events(erased)
    assert await find_tables_with(harness.database, WORDS) == set()
    assert (await harness.assignment(contact.contact_id)).referral == "[erased]"


async def test_words_about_a_waiting_contact_are_gone_and_it_waits_on(
    harness: RouterHarness, api: httpx.AsyncClient
) -> None:
    await harness.hire("rita", auto_accept=False)
    contact = received(subject=WORDS)
    await harness.handle_events(contact)
    path = f"/v1/assignments/{contact.contact_id}/decline"
    headers = {**key("rita"), "Idempotency-Key": "k1"}
    assert (await api.post(path, json={"reason": WORDS}, headers=headers)).is_success
    erased = ContactErased(contact_id=contact.contact_id, occurred_at=contact.occurred_at)
    await harness.handle_events(erased)
    assert await find_tables_with(harness.database, WORDS) == set()
    assert (await harness.assignment(contact.contact_id)).state == "queued"
    (stored,) = await harness.rows("SELECT answer FROM idempotency_keys")
    assert stored.answer is None


async def test_words_of_the_same_batch_are_gone(harness: RouterHarness) -> None:
    await harness.hire("rita", auto_accept=True)
    contact = received()
    await harness.handle_events(contact)
    contact_id, at = contact.contact_id, contact.occurred_at
    abandoned = ContactAbandoned(contact_id=contact_id, occurred_at=at, reason=WORDS)
    erased = ContactErased(contact_id=contact_id, occurred_at=at)
    await harness.handle_events(abandoned, erased)
    assert await find_tables_with(harness.database, WORDS) == set()


async def test_erasure_of_an_unknown_contact_changes_nothing(harness: RouterHarness) -> None:
    contact = received()
    erased = ContactErased(contact_id=contact.contact_id, occurred_at=contact.occurred_at)
    await harness.handle_events(erased)
    assert await harness.rows("SELECT contact_id FROM assignments") == []
