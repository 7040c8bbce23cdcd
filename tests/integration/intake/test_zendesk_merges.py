"""Merges as Zendesk reports them: in any order, crossing each other, and into the ticket itself."""

import asyncio
from itertools import permutations

import httpx
import orjson
import pytest

from common.storage.database import Database
from intake.store import UnitOfWork
from integration.intake.harness import deliver, published, zendesk_body
from support.databases import rows


async def open_tickets(zendesk: httpx.AsyncClient, *tickets: str) -> None:
    for ticket in tickets:
        body = zendesk_body(delivery=f"new-{ticket}", ticket={"id": ticket})
        content = {**orjson.loads(body), "time": "2026-01-01T09:00:00Z"}
        assert (await deliver(zendesk, orjson.dumps(content))).status_code == 200


async def merge(
    zendesk: httpx.AsyncClient, ticket: str, into: str, minute: int = 0
) -> httpx.Response:
    body = zendesk_body(
        "ticket.merged", f"m-{ticket}-{into}-{minute}", {"id": ticket}, target_ticket_id=into
    )
    content = {**orjson.loads(body), "time": f"2026-01-01T10:{minute:02}:00Z"}
    answer = await deliver(zendesk, orjson.dumps(content))
    assert (answer.status_code, answer.json()["kept"]) == (200, False), answer.text
    return answer


async def targets(database: Database[UnitOfWork]) -> dict[str, tuple[str, str | None]]:
    """Return of each ticket its state and the ticket that it was merged into."""
    contacts = await rows(
        database,
        """SELECT c.external_ref, c.state, target.external_ref AS target
           FROM contacts c LEFT JOIN contacts target ON target.contact_id = c.merged_into""",
    )
    return {row.external_ref: (row.state, row.target) for row in contacts}


async def test_merge_into_itself_changes_nothing(
    zendesk: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    await open_tickets(zendesk, "a")
    done = await published(database)
    await merge(zendesk, "a", "a")
    assert await targets(database) == {"a": ("open", None)}
    assert await published(database) == done


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_circle_of_merges_is_cut_at_its_newest_in_any_order(
    zendesk: httpx.AsyncClient, database: Database[UnitOfWork], order: tuple[int, ...]
) -> None:
    await open_tickets(zendesk, "a", "b", "c")
    merges = [("a", "b"), ("b", "c"), ("c", "a")]
    for number in order:
        await merge(zendesk, *merges[number], minute=number)
    assert await targets(database) == {
        "a": ("merged", "b"),
        "b": ("merged", "c"),
        "c": ("merged", None),
    }


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_newest_merge_says_where_the_work_goes_on(
    zendesk: httpx.AsyncClient, database: Database[UnitOfWork], order: tuple[int, ...]
) -> None:
    await open_tickets(zendesk, "b", "c")
    merges = [("a", "b"), ("a", "c")]
    for number in order:
        await merge(zendesk, *merges[number], minute=number)
    assert (await targets(database))["a"] == ("merged", "c")


async def test_merges_that_cross_each_other_leave_no_circle(
    zendesk: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    tickets = ("a", "b", "c")
    for turn in range(4):
        names = [f"{ticket}{turn}" for ticket in tickets]
        await open_tickets(zendesk, *names)
        await asyncio.gather(
            *(
                merge(zendesk, ticket, into, minute)
                for minute, (ticket, into) in enumerate(
                    zip(names, [*names[1:], names[0]], strict=True)
                )
            )
        )
    pointing = await targets(database)
    assert {state for state, _ in pointing.values()} == {"merged"}
    for turn in range(4):
        assert pointing[f"c{turn}"] == ("merged", None)
        assert pointing[f"a{turn}"] == ("merged", f"b{turn}")


async def test_event_id_of_another_ticket_is_kept_and_not_answered_as_a_repeat(
    zendesk: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    first = await deliver(zendesk, zendesk_body(delivery="d-1", ticket={"id": "a"}))
    assert first.json()["results"][0]["repeated"] is False
    other = await deliver(zendesk, zendesk_body(delivery="d-1", ticket={"id": "b"}))
    assert (other.status_code, other.json()) == (202, {"results": [], "kept": True})
    (letter,) = await rows(database, "SELECT reason FROM dead_letters")
    assert letter.reason.startswith("KeyReusedError: The event id d-1 was used before")
    assert set(await targets(database)) == {"a"}


@pytest.mark.parametrize("number", [b"1e400", b"-1e400", b"Infinity", b"NaN"])
async def test_ticket_whose_id_is_no_number_that_ends_is_kept(
    zendesk: httpx.AsyncClient, database: Database[UnitOfWork], number: bytes
) -> None:
    body = zendesk_body(ticket={"id": "TICKET"}).replace(b'"TICKET"', number)
    answer = await deliver(zendesk, body)
    assert (answer.status_code, answer.json()["kept"]) == (202, True)
    assert await targets(database) == {}
    requester = zendesk_body(ticket={"requester_id": "WHO"}).replace(b'"WHO"', number)
    assert (await deliver(zendesk, requester)).status_code == 200
    (contact,) = await rows(database, "SELECT customer_id FROM contacts")
    assert contact.customer_id == "zendesk:acme:ticket-5158"
