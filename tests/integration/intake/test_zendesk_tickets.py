"""Tickets as Zendesk reports them: late, twice, about others, and when they are over."""

from itertools import permutations
from typing import Any

import httpx
import orjson
import pytest

from common.storage.database import Database
from intake.store import UnitOfWork
from integration.intake.harness import (
    accept,
    deliver,
    key,
    nothing_happened,
    published,
    published_data,
    zendesk_body,
)
from support.databases import rows

AGENT = {"id": 77, "is_staff": True}
REPLY = {"id": 2, "body": "Well?", "author": AGENT}
CUSTOMER = {"id": 8, "is_staff": False}
STATUS = "ticket.status_changed"
COMMENT = "ticket.comment_added"


async def report(
    zendesk: httpx.AsyncClient, kind: str, number: int, time: str | None = None, **event: Any
) -> httpx.Response:
    """Deliver an event of a time within one hour."""
    content = orjson.loads(zendesk_body(kind, f"d-{number}", **event))
    if time is not None:
        content["time"] = f"2026-01-01T10:{time}Z"
    answer = await deliver(zendesk, orjson.dumps(content))
    assert answer.status_code == 200, answer.text
    return answer


@pytest.mark.parametrize(
    ("kind", "event", "cause"),
    [
        (STATUS, {"current": "OPEN", "previous": "PENDING"}, "opened"),
        (STATUS, {"current": "HOLD", "previous": "PENDING"}, "on_hold"),
        (
            COMMENT,
            {"comment": {"id": 2, "body": "Well?", "author": AGENT}},
            "representative_replied",
        ),
        (COMMENT, {"comment": {"id": 2, "body": "", "author": CUSTOMER}}, "customer_wrote"),
    ],
)
async def test_every_way_out_of_waiting_is_published(
    zendesk: httpx.AsyncClient,
    database: Database[UnitOfWork],
    kind: str,
    event: dict[str, Any],
    cause: str,
) -> None:
    await report(zendesk, "ticket.created", 1)
    await report(zendesk, STATUS, 2, current="PENDING")
    await report(zendesk, kind, 3, **event)
    (ended,) = await published_data(database, "waiting_on_customer_ended")
    assert ended["cause"] == cause
    assert (await rows(database, "SELECT state FROM contacts"))[0].state == "open"


@pytest.mark.parametrize(
    "kind", ["zen:event-type:user.created", "zen:event-type:article.published", "anything"]
)
async def test_event_that_is_about_no_ticket_makes_nothing(
    zendesk: httpx.AsyncClient, database: Database[UnitOfWork], kind: str
) -> None:
    body = orjson.dumps({"id": "d", "type": kind, "detail": {"id": "990011"}})
    answer = await deliver(zendesk, body)
    assert (answer.status_code, answer.json()["results"]) == (200, [])
    assert await nothing_happened(database)


async def test_change_of_a_ticket_that_is_over_makes_nothing(
    zendesk: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    body = zendesk_body("ticket.tags_changed", ticket={"status": "CLOSED"})
    assert (await deliver(zendesk, body)).json()["results"] == []
    assert await nothing_happened(database)


@pytest.mark.parametrize(
    ("kind", "status", "state"),
    [
        ("ticket.created", "SOLVED", "resolved"),
        ("ticket.soft_deleted", "OPEN", "discarded"),
        ("ticket.marked_as_spam", "NEW", "discarded"),
        ("ticket.merged", "CLOSED", "merged"),
    ],
)
async def test_ticket_that_is_over_at_first_sight_is_opened_to_nobody(
    zendesk: httpx.AsyncClient, database: Database[UnitOfWork], kind: str, status: str, state: str
) -> None:
    await deliver(zendesk, zendesk_body(kind, ticket={"status": status}))
    (contact,) = await rows(database, "SELECT state FROM contacts")
    assert contact.state == state
    assert await published(database) == []


async def test_contact_that_was_over_is_announced_when_the_customer_writes(
    zendesk: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    await deliver(zendesk, zendesk_body(ticket={"status": "SOLVED"}))
    assert await published(database) == []
    comment = {"id": 5, "body": "It broke again", "author": CUSTOMER}
    await report(zendesk, COMMENT, 2, comment=comment)
    assert await published(database) == ["contact_received", "customer_wrote"]


async def test_any_order_gives_the_same_contact(
    zendesk: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    reply = {"id": 7, "body": "Refunded.", "author": AGENT}
    sequence = {"sequence": {"id": "A", "position": 2}}
    events: list[tuple[str, str, dict[str, Any]]] = [
        ("ticket.created", "00:00", {}),
        ("ticket.priority_changed", "01:00", {"current": "LOW"}),
        ("ticket.priority_changed", "02:00", {"current": "URGENT"}),
        (COMMENT, "03:00", {"comment": reply, "meta": {"sequence": {"id": "A", "position": 1}}}),
        (STATUS, "03:00", {"current": "SOLVED", "meta": sequence}),
    ]
    ids = []
    for number, order in enumerate(permutations(events)):
        ticket = {"id": f"ticket-{number}"}
        for place, (kind, time, event) in enumerate(order):
            content = orjson.loads(zendesk_body(kind, f"d-{number}-{place}", ticket, **event))
            content["time"] = f"2026-01-01T10:{time}Z"
            assert (await deliver(zendesk, orjson.dumps(content))).status_code == 200
        ids.append(number)
    stored = await rows(
        database,
        """SELECT state, priority, (SELECT array_agg(text ORDER BY at, text) FROM messages m
           WHERE m.contact_id = c.contact_id) AS texts FROM contacts c""",
    )
    assert len(stored) == len(ids)
    assert {(row.state, row.priority, frozenset(row.texts)) for row in stored} == {
        ("resolved", "urgent", frozenset(("Refunded.", "Twice!")))
    }


async def test_first_comment_that_comes_again_is_one_message(
    zendesk: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    comment = {"id": 12, "body": "Twice!", "author": CUSTOMER}
    await report(zendesk, "ticket.created", 1)
    await report(zendesk, COMMENT, 2, comment=comment)
    await report(zendesk, COMMENT, 3, comment=comment)
    messages = await rows(database, "SELECT text, external_id FROM messages")
    assert [tuple(message) for message in messages] == [("Twice!", "12")]
    await report(zendesk, COMMENT, 4, comment={**comment, "id": 13})
    assert len(await rows(database, "SELECT 1 FROM messages")) == 2


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_first_comment_with_other_white_space_is_one_message_in_either_order(
    zendesk: httpx.AsyncClient, database: Database[UnitOfWork], order: tuple[int, int]
) -> None:
    comment = {"id": 12, "body": "Twice\nnow! ", "author": CUSTOMER}
    events: list[tuple[str, dict[str, Any]]] = [
        ("ticket.created", {"ticket": {"description": "Twice now!"}}),
        (COMMENT, {"ticket": {"description": None}, "comment": comment}),
    ]
    for number in order:
        kind, event = events[number]
        await report(zendesk, kind, number, **event)
    (message,) = await rows(database, "SELECT external_id FROM messages")
    assert message.external_id == "12"


async def test_ticket_that_an_agent_wrote_is_not_the_words_of_the_customer(
    zendesk: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    ticket = {"requester_id": 8, "submitter_id": 77, "description": "wants to speak to a manager"}
    await deliver(zendesk, zendesk_body(ticket=ticket))
    assert await published(database) == ["contact_received"]
    (message,) = await rows(database, "SELECT author, person_id FROM messages")
    assert tuple(message) == ("representative", "zendesk:acme:77")


async def test_message_in_rest_may_be_automatic_internal_a_file_and_of_the_past(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    contact_id = await accept(api, text=None)
    path = f"/v1/contacts/{contact_id}"
    await api.post(f"{path}/wait-for-customer")
    note = {"author": "representative", "text": "Ask the warehouse", "internal": True}
    absent = {
        "author": "customer",
        "text": "Away",
        "mail_headers": {"Auto-Submitted": "auto-replied"},
    }
    file = {"name": "photo.jpeg", "url": "https://shop.example/f/1"}
    for body in (note, absent):
        assert (await api.post(f"{path}/messages", json=body)).status_code == 201
    assert (await api.get(path)).json()["state"] == "waiting_on_customer"
    early = {"author": "customer", "text": "Hi", "occurred_at": "2020-01-01T00:00:00Z"}
    refused = await api.post(f"{path}/messages", json=early)
    assert (refused.status_code, refused.json()["type"][-18:]) == (422, "time-out-of-bounds")
    picture = {"author": "customer", "attachments": [file]}
    assert (await api.post(f"{path}/messages", json=picture)).status_code == 201
    shown = (await api.get(path)).json()
    assert shown["state"] == "open"
    assert shown["messages"][-1]["attachments"] == [
        {**file, "content_type": None, "size_bytes": None}
    ]
    assert await published(database) == [
        "contact_received",
        "waiting_on_customer",
        "customer_wrote",
        "waiting_on_customer_ended",
        "customer_wrote",
    ]


async def test_person_can_not_say_when_a_message_was_written(api: httpx.AsyncClient) -> None:
    contact_id = await accept(api, text=None)
    body = {"author": "representative", "text": "Hi", "occurred_at": "2026-01-01T00:00:00Z"}
    path = f"/v1/contacts/{contact_id}/messages"
    assert (await api.post(path, json=body, headers=key("supervisor"))).status_code == 403


async def test_contact_is_stopped_waiting_discarded_and_merged_in_rest(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    first, other = await accept(api, text=None), await accept(api, text=None)
    path = f"/v1/contacts/{first}"
    await api.post(f"{path}/wait-for-customer")
    assert (await api.post(f"{path}/stop-waiting")).status_code == 202
    assert (await api.post(f"{path}/merge", json={"into": first})).status_code == 422
    assert (await api.post(f"{path}/merge", json={"into": other})).status_code == 202
    shown = (await api.get(path)).json()
    assert (shown["state"], shown["merged_into"]) == ("merged", other)
    words = {"author": "customer", "text": "Hello?"}
    assert (await api.post(f"{path}/messages", json=words)).status_code == 409
    quote = {"quote": "Your boss, please."}
    assert (await api.post(f"{path}/request-supervisor", json=quote)).status_code == 409
    discarded = await api.post(f"/v1/contacts/{other}/discard", json={"cause": "spam"})
    assert discarded.status_code == 202
    assert (await published(database))[-2:] == ["contact_merged", "contact_discarded"]


async def test_history_comes_in_pages_with_the_latest_change_first(
    zendesk: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    await report(zendesk, "ticket.created", 1)
    for minute, status in enumerate(("PENDING", "OPEN", "HOLD"), start=1):
        await report(zendesk, STATUS, minute + 1, f"0{minute}:00", current=status)
    contact_id = (await rows(database, "SELECT contact_id FROM contacts"))[0].contact_id
    path = f"/v1/contacts/{contact_id}/history"
    whole = (await zendesk.get(path, headers=key("admin"))).json()
    times = [entry["at"] for entry in whole["items"]]
    assert len(times) >= 3
    assert times == sorted(times, reverse=True)
    assert whole["next_cursor"] is None
    listed, cursor = [], None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await zendesk.get(path, params=query, headers=key("admin"))).json()
        listed += page["items"]
        if (cursor := page["next_cursor"]) is None:
            break
    assert listed == whole["items"]
