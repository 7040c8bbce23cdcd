"""Merges as Zendesk reports them: in any order, crossing each other, and into the ticket itself."""

import asyncio
from itertools import permutations
from typing import Any

import httpx
import orjson
import pytest
from sqlalchemy import text

from common.core.metrics import Metrics
from common.service.retention import RetentionWorker
from common.storage.database import Database
from intake import tables
from intake.store import UnitOfWork
from integration.intake.harness import deliver, key, published, published_data, zendesk_body
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


async def report(
    zendesk: httpx.AsyncClient, ticket: str, kind: str, at: str, **event: Any
) -> dict[str, Any]:
    """Report what happened to the ticket on one day, at a time as `09:30`."""
    ticket_fields = {"id": ticket, "requester_id": event.pop("requester", "ada")}
    body = zendesk_body(f"ticket.{kind}", f"{kind}-{ticket}", ticket_fields, **event)
    content = {**orjson.loads(body), "time": f"2026-01-01T{at}:00Z"}
    answer = await deliver(zendesk, orjson.dumps(content))
    assert (answer.status_code, answer.json()["kept"]) == (200, False), answer.text
    (result,) = answer.json()["results"]
    return dict(result)


BOSS = "I want to speak to your manager."
MERGE = {"meta": {"sequence": {"id": "M", "position": 1}}}
ASKED: list[tuple[str, str, dict[str, Any]]] = [
    ("comment_added", "09:30", {"comment": {"id": "c-1", "body": BOSS, "author": {"id": "ada"}}}),
    ("priority_changed", "09:40", {"current": "URGENT"}),
    ("status_changed", "10:00", {"current": "CLOSED", **MERGE}),
]


async def test_target_takes_over_request_and_priority_in_any_order(
    zendesk: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    for number, order in enumerate(permutations(range(4))):
        source, target = f"source-{number}", f"target-{number}"
        merged = ("merged", "10:00", {"target_ticket_id": target, **MERGE})
        target_id = (await report(zendesk, target, "created", "09:00"))["contact_id"]
        await report(zendesk, source, "created", "09:00")
        for step in order:
            kind, at, event = [*ASKED, merged][step]
            await report(zendesk, source, kind, at, **event)
        requests = await published_data(database, "supervisor_requested")
        quotes = [each["quote"] for each in requests if each["contact_id"] == target_id]
        assert quotes == [BOSS], order
        (contact,) = await rows(
            database, f"SELECT state, priority FROM contacts WHERE contact_id = '{target_id}'"
        )
        assert (contact.state, contact.priority) == ("open", "urgent"), order


async def test_request_goes_on_to_the_end_of_a_chain_of_merges(
    zendesk: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    for ticket in ("a", "b", "c"):
        last = await report(zendesk, ticket, "created", "09:00")
    kind, at, event = ASKED[0]
    await report(zendesk, "b", "merged", "10:05", target_ticket_id="c")
    await report(zendesk, "a", "merged", "10:00", target_ticket_id="b")
    await report(zendesk, "a", kind, at, **event)
    (request,) = await published_data(database, "supervisor_requested")
    assert request["contact_id"] == last["contact_id"]


async def test_later_report_asks_the_target_of_a_persons_merge_no_second_time(
    zendesk: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    target = (await report(zendesk, "b", "created", "09:00"))["contact_id"]
    source = (await report(zendesk, "a", "created", "09:00"))["contact_id"]
    (kind, at, event), (later_kind, later_at, later_event), _ = ASKED
    await report(zendesk, "a", kind, at, **event)
    answer = await zendesk.post(
        f"/v1/contacts/{source}/merge", json={"into": target}, headers=key("admin")
    )
    assert answer.status_code == 202, answer.text
    await report(zendesk, "a", later_kind, later_at, **later_event)
    requests = await published_data(database, "supervisor_requested")
    assert [each["contact_id"] for each in requests] == [source, target]
    prioritized = await published_data(database, "contact_prioritized")
    assert [each["contact_id"] for each in prioritized] == [source, target]


async def test_report_about_a_ticket_whose_target_was_deleted_is_applied(
    zendesk: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    for ticket in ("a", "b"):
        await report(zendesk, ticket, "created", "09:00")
    await report(zendesk, "b", "status_changed", "09:50", current="SOLVED")
    await report(zendesk, "a", "merged", "10:00", target_ticket_id="b")
    # Retention counts the age of each contact alone.
    long_ago = "UPDATE contacts SET resolved_at = '2020-01-01' WHERE external_ref = 'b'"
    async with database.transaction() as uow:
        await uow.connection.execute(text(long_ago))
    worker = RetentionWorker(database, Metrics(), tables.RETENTION, pause_s=0)
    await worker.apply(asyncio.Event())
    assert (await targets(database)).keys() == {"a"}
    kind, at, event = ASKED[1]
    await report(zendesk, "a", kind, at, **event)
    (contact,) = await rows(database, "SELECT priority FROM contacts")
    assert contact.priority == "urgent"


@pytest.mark.parametrize(
    ("requester", "end"), [("ada", "SOLVED"), ("bo", "OPEN")], ids=["solved before", "not hers"]
)
async def test_target_takes_over_nothing_that_is_done_or_of_another_customer(
    zendesk: httpx.AsyncClient, database: Database[UnitOfWork], requester: str, end: str
) -> None:
    await report(zendesk, "b", "created", "09:00", requester=requester)
    await report(zendesk, "a", "created", "09:00")
    for kind, at, event in ASKED[:2]:
        await report(zendesk, "a", kind, at, **event)
    await report(zendesk, "a", "status_changed", "09:50", current=end)
    await report(zendesk, "a", "merged", "10:00", target_ticket_id="b")
    assert (await published(database)).count("supervisor_requested") == 1
    assert (await published(database)).count("contact_prioritized") == 1


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
