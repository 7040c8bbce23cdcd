"""Who may read and change a contact: its system, its representative, and those above."""

from typing import Any

import httpx
import pytest

from common.contracts.assignments import AssignmentReleased, ReleaseKind
from common.contracts.event import ContactId, PersonId
from common.storage.database import Database
from intake.store import UnitOfWork
from integration.intake.harness import (
    CONTACT,
    UNKNOWN_CONTACT,
    accept,
    assign,
    deliver,
    handle,
    key,
    published,
    published_data,
    zendesk_body,
)
from support.databases import rows
from support.departures import access_of, add_keys
from support.people import described

CALL = {
    "interaction_id": "call-1",
    "person_id": "rita",
    "started_at": "2026-03-02T10:00:00Z",
    "ended_at": "2026-03-02T10:04:30Z",
    "talk_s": 240,
    "ended_by": "customer",
}
CUSTOMER_MESSAGE = {"author": "customer", "text": "Let me talk to your supervisor!"}
REPLY = {"author": "representative", "text": "On its way."}
# Each change of a contact, and the body that asks for it.
CHANGES: list[tuple[str, Any]] = [
    ("messages", REPLY),
    ("request-supervisor", {"quote": "Your boss!"}),
    ("wait-for-customer", None),
    ("prioritize", {"priority": "low", "reason": "bored"}),
    ("abandon", {}),
    ("resolve", {}),
    ("reopen", {"reason": "again"}),
    ("stop-waiting", None),
    ("discard", {"cause": "spam"}),
]
# Into a contact that does not exist.
MERGE: tuple[str, Any] = ("merge", {"into": UNKNOWN_CONTACT})
CHANNEL_CHANGES: list[tuple[str, Any]] = [
    *CHANGES,
    MERGE,
    ("messages", CUSTOMER_MESSAGE),
    ("feedback", {"score": 1}),
    ("interactions", CALL),
    ("surveys", {"survey_id": "s-1", "kind": "nps"}),
    ("surveys/s-1/answer", {"scale": "0-10", "score": 0}),
]


async def change(
    api: httpx.AsyncClient, contact_id: str, action: str, body: object, caller: str
) -> httpx.Response:
    path = f"/v1/contacts/{contact_id}/{action}"
    return await api.post(path, json=body, headers=key(caller))


async def release(
    database: Database[UnitOfWork],
    contact_id: str,
    kind: ReleaseKind = "returned",
    person: str = "rita",
) -> None:
    released = AssignmentReleased(
        contact_id=ContactId(contact_id),
        occurred_at=database.clock.utc_now(),
        representative_id=PersonId(person),
        kind=kind,
        reason="no time",
    )
    await handle(database, released)


async def read(api: httpx.AsyncClient, contact_id: str, caller: str) -> httpx.Response:
    return await api.get(f"/v1/contacts/{contact_id}", headers=key(caller))


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("urn:upstairs:problem:")


@pytest.mark.parametrize(("action", "body"), CHANNEL_CHANGES)
async def test_contact_of_another_channel_is_not_found_and_stays_as_it_is(
    api: httpx.AsyncClient, database: Database[UnitOfWork], action: str, body: object
) -> None:
    contact_id = await accept(api, text=None)
    assert code(await change(api, contact_id, action, body, "kiosk")) == (404, "contact-not-found")
    assert code(await read(api, contact_id, "kiosk")) == (404, "contact-not-found")
    assert await published(database) == ["contact_received"]


@pytest.mark.parametrize(("action", "body"), [*CHANGES, MERGE])
async def test_representative_without_the_contact_may_not_change_or_read_it(
    api: httpx.AsyncClient, database: Database[UnitOfWork], action: str, body: object
) -> None:
    contact_id = await accept(api, text=None)
    await assign(database, contact_id, "omar")
    refused = await change(api, contact_id, action, body, "representative")
    assert code(refused) == (403, "not-your-contact")
    assert code(await read(api, contact_id, "representative")) == (403, "not-your-contact")
    assert await published(database) == ["contact_received"]


async def test_representative_merges_only_into_a_contact_that_they_have(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    """Else a colleague's contact would become urgent, with a supervisor to be called."""
    contact_id, target = await accept(api, text=None), await accept(api, text=None)
    await assign(database, contact_id)
    for action, body in (
        ("prioritize", {"priority": "urgent", "reason": "mine"}),
        ("request-supervisor", {"quote": "Your boss!"}),
    ):
        assert (await change(api, contact_id, action, body, "representative")).is_success
    before = await published(database)
    for representative in (None, "omar"):
        if representative:
            await assign(database, target, representative)
        refused = await change(api, contact_id, "merge", {"into": target}, "representative")
        assert code(refused) == (403, "not-your-contact")
    await assign(database, target)
    await release(database, target)
    refused = await change(api, contact_id, "merge", {"into": target}, "representative")
    assert code(refused) == (403, "not-your-contact")
    assert await published(database) == before
    await assign(database, target)
    merged = await change(api, contact_id, "merge", {"into": target}, "representative")
    assert merged.is_success


async def test_representative_with_the_contact_replies_and_resolves_it(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    contact_id = await accept(api, text=None)
    await assign(database, contact_id)
    assert (await change(api, contact_id, "messages", REPLY, "representative")).is_success
    assert (await change(api, contact_id, "resolve", {}, "representative")).is_success
    (replied,) = await published_data(database, "representative_replied")
    (resolved,) = await published_data(database, "contact_resolved")
    assert (replied["person_id"], replied["reported_by"]) == ("rita", None)
    assert (resolved["by"], resolved["reported_by"]) == ("rita", None)


@pytest.mark.parametrize("kind", ["returned", "transferred", "taken_over"])
async def test_representative_who_had_the_contact_reads_it_and_changes_nothing(
    api: httpx.AsyncClient, database: Database[UnitOfWork], kind: ReleaseKind
) -> None:
    contact_id = await accept(api, text=None)
    await assign(database, contact_id)
    await release(database, contact_id, kind)
    assert (await read(api, contact_id, "representative")).status_code == 200
    refused = await change(api, contact_id, "resolve", {}, "representative")
    assert code(refused) == (403, "not-your-contact")


async def test_next_assignment_ends_what_the_one_before_allowed(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    contact_id = await accept(api, text=None)
    await assign(database, contact_id)
    await assign(database, contact_id, "omar")
    refused = await change(api, contact_id, "messages", REPLY, "representative")
    assert code(refused) == (403, "not-your-contact")
    await assign(database, contact_id)
    assert (await change(api, contact_id, "messages", REPLY, "representative")).is_success


async def test_withdrawn_offer_gives_no_access(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    contact_id = await accept(api, text=None)
    await release(database, contact_id)
    assert code(await read(api, contact_id, "representative")) == (403, "not-your-contact")


@pytest.mark.parametrize("caller", ["supervisor", "admin"])
async def test_those_above_change_every_contact(api: httpx.AsyncClient, caller: str) -> None:
    contact_id = await accept(api, text=None)
    for action, body in CHANGES:
        answer = await change(api, contact_id, action, body, caller)
        assert answer.is_success or answer.status_code == 409, answer.text
    assert (await read(api, contact_id, caller)).status_code == 200


async def test_message_by_a_channel_is_of_the_person_it_names_and_says_so(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    contact_id = await accept(api, text=None)
    for body in ({**REPLY, "person_id": "rita"}, REPLY):
        assert (await change(api, contact_id, "messages", body, "channel")).is_success
    replied = await published_data(database, "representative_replied")
    assert [(event["person_id"], event["reported_by"]) for event in replied] == [
        ("rita", "channel:shop"),
        (None, "channel:shop"),
    ]
    shown = (await read(api, contact_id, "channel")).json()["messages"]
    assert [(message["person_id"], message["reported_by"]) for message in shown] == [
        ("rita", "channel:shop"),
        (None, "channel:shop"),
    ]


@pytest.mark.parametrize("caller", ["channel", "admin"])
async def test_system_is_never_stored_as_a_person(
    api: httpx.AsyncClient, database: Database[UnitOfWork], caller: str
) -> None:
    contact_id = await accept(api, text=None)
    for action, body in [*CHANGES, ("reopen", {"reason": "again"}), ("abandon", {})]:
        await change(api, contact_id, action, body, caller)
    events = await rows(
        database,
        "SELECT type, data FROM published_events WHERE CAST(data AS jsonb) ? 'reported_by'",
    )
    assert len({event.type for event in events}) == 6
    names = {(event.data.get("by"), event.data.get("person_id")) for event in events}
    assert names == {(None, None)}
    assert {event.data["reported_by"] for event in events} == {
        {"channel": "channel:shop", "admin": "admin:ops"}[caller]
    }


async def test_person_can_not_act_as_somebody_else(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    contact_id = await accept(api, text=None)
    for action, body in [*CHANGES, MERGE]:
        if body is None or action == "request-supervisor":
            continue
        other = {**body, "person_id": "marco"}
        refused = await change(api, contact_id, action, other, "supervisor")
        assert code(refused) == (403, "person-not-yourself")
    assert await published(database) == ["contact_received"]


@pytest.mark.parametrize("name", ["channel:shop", "zendesk:acme", "rita\n", "", "rita\u202e"])
async def test_name_that_is_no_person_id_is_refused(api: httpx.AsyncClient, name: str) -> None:
    contact_id = await accept(api, text=None)
    refused = await change(api, contact_id, "resolve", {"person_id": name}, "channel")
    assert refused.status_code == 422


async def test_channel_named_like_a_connection_does_not_get_its_tickets(
    zendesk: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    delivered = await deliver(zendesk, zendesk_body())
    (ticket,) = [result["contact_id"] for result in delivered.json()["results"]]
    posted = await zendesk.post(
        "/v1/contacts", json={**CONTACT, "external_ref": "5158"}, headers=key("acme")
    )
    assert (posted.status_code, posted.json()["contact_id"] == ticket) == (201, False)
    assert code(await read(zendesk, ticket, "acme")) == (404, "contact-not-found")
    refused = await change(zendesk, ticket, "messages", CUSTOMER_MESSAGE, "acme")
    assert code(refused) == (404, "contact-not-found")
    contacts = await rows(database, "SELECT received_from FROM contacts ORDER BY received_from")
    assert [row.received_from for row in contacts] == ["channel:acme", "zendesk:acme"]


async def test_account_of_an_outside_system_is_no_person_here(
    zendesk: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    comment = {"body": "Hello", "author": {"id": "sara", "is_staff": True}}
    await deliver(zendesk, zendesk_body("ticket.comment_added", comment=comment))
    (replied,) = await published_data(database, "representative_replied")
    assert (replied["person_id"], replied["reported_by"]) == ("zendesk:acme:sara", "zendesk:acme")


async def test_earlier_contact_of_another_channel_can_not_be_followed(
    api: httpx.AsyncClient,
) -> None:
    foreign = await accept(api, text=None)
    body = {**CONTACT, "follows": foreign}
    refused = await api.post("/v1/contacts", json=body, headers=key("kiosk"))
    assert code(refused) == (422, "earlier-contact-not-found")


async def test_access_of_a_person_who_leaves_ends(
    database: Database[UnitOfWork],
) -> None:
    await add_keys(database, "lee")
    await handle(database, described("lee"))
    assert await access_of(database, "lee") == ["channel", "manager", "token"]
    left = described("lee", active=False)
    await handle(database, left)
    assert await access_of(database, "lee") == ["channel"]
    await handle(database, described("lee"))
    assert await access_of(database, "lee") == ["channel", "token"]
    # The old event comes again, out of the dead letters.
    await handle(database, left)
    assert await access_of(database, "lee") == ["channel", "token"]
