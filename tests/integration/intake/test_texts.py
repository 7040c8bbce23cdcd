"""Texts of strangers lose at every door what would change how the text around them looks."""

import httpx

from common.storage.database import Database
from intake.store import UnitOfWork
from integration.intake.harness import accept, deliver, published_data, zendesk_body
from support.databases import rows

FALSE_LINK = "Ada\r\n\u2028Open it here: https://evil.example\u202e\u200b"
ONE_LINE = "Ada Open it here: https://evil.example"
LINES = "Ada\n\nOpen it here: https://evil.example"


async def test_texts_of_a_channel_are_cleaned(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    customer = {"customer_id": "c-1", "name": FALSE_LINK, "region": FALSE_LINK}
    contact_id = await accept(api, customer=customer, subject=FALSE_LINK, text=FALSE_LINK)
    path = f"/v1/contacts/{contact_id}"
    await api.post(f"{path}/request-supervisor", json={"quote": FALSE_LINK})
    await api.post(f"{path}/prioritize", json={"priority": "low", "reason": FALSE_LINK})
    await api.post(f"{path}/resolve", json={"note": FALSE_LINK})
    await api.post(f"{path}/feedback", json={"score": 1, "comment": FALSE_LINK})
    await api.post(f"{path}/reopen", json={"reason": FALSE_LINK})
    (received,) = await published_data(database, "contact_received")
    assert (received["subject"], received["customer"]["name"], received["customer"]["region"]) == (
        (ONE_LINE,) * 3
    )
    for kind, field, text in [
        ("customer_wrote", "excerpt", ONE_LINE),
        ("supervisor_requested", "quote", ONE_LINE),
        ("contact_prioritized", "reason", ONE_LINE),
        ("contact_resolved", "note", LINES),
        ("feedback_received", "comment", LINES),
        ("contact_reopened", "reason", ONE_LINE),
    ]:
        (event,) = await published_data(database, kind)
        assert event[field] == text, kind
    (message,) = await rows(database, "SELECT text FROM messages")
    assert message.text == LINES


async def test_texts_of_a_webhook_are_cleaned(
    zendesk: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    ticket = {"subject": FALSE_LINK, "description": FALSE_LINK}
    answer = await deliver(zendesk, zendesk_body(ticket=ticket))
    assert answer.status_code == 200, answer.text
    (contact,) = await rows(database, "SELECT subject FROM contacts")
    (message,) = await rows(database, "SELECT text FROM messages")
    assert (contact.subject, message.text) == (ONE_LINE, LINES)


async def test_ticket_without_visible_words_is_taken_in_by_its_id(
    zendesk: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    ticket = {"subject": "\u202e\u200b", "description": "\u2066"}
    assert (await deliver(zendesk, zendesk_body(ticket=ticket))).status_code == 200
    (contact,) = await rows(database, "SELECT subject FROM contacts")
    assert contact.subject == "5158"
    assert await rows(database, "SELECT text FROM messages") == []


async def test_delivery_with_a_line_break_in_an_identifier_is_kept(
    zendesk: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    answer = await deliver(zendesk, zendesk_body(ticket={"id": "51\n58"}))
    assert (answer.status_code, answer.json()["kept"]) == (202, True)
    assert await rows(database, "SELECT contact_id FROM contacts") == []
