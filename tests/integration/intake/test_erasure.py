"""A customer is erased: names and words are gone, and every service hears of it."""

import asyncio

import httpx
import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from common.contracts.event import CustomerId, SystemName
from common.core.ids import new_id
from common.storage.database import Database
from intake.main import cli
from intake.store import UnitOfWork
from intake.store.erasure import ErasureRecord
from integration.intake.customer_harness import email, link, send
from integration.intake.harness import accept, key, published, published_data
from support.databases import async_engine, rows, waits_for_lock
from support.erasure import find_tables_with
from support.waiting import until

WORDS = "PRIVATE"

# As the relay puts an event aside.
_COPY_AS_REFUSED = text("""
    INSERT INTO dead_letters
        (origin, type, event_id, key, reason, headers, payload, claimed, trusted)
    SELECT 'outbox/' || id, type, event_id, key, 'refused', '{}',
           convert_to(CAST(data AS text), 'UTF8'), false, true
    FROM published_events
""")
_COPIES = """
    SELECT DISTINCT key FROM dead_letters
    WHERE position('PRIVATE' IN convert_from(payload, 'UTF8')) > 0
"""
ADA = {"customer_id": "4711", "name": f"Ada {WORDS}", "region": f"{WORDS} street"}
ADA_ID = "channel:shop:4711"
ERASE = f"/v1/customers/{ADA_ID}/erase"


@pytest.fixture
async def contact_id(api: httpx.AsyncClient) -> str:
    """A contact with the customer's words in every text that it may have."""
    contact_id = await accept(api, customer=ADA, subject=WORDS, text=f"{WORDS}\n{WORDS}")
    path = f"/v1/contacts/{contact_id}"
    for action, body in [
        ("request-supervisor", {"quote": WORDS}),
        ("prioritize", {"priority": "low", "reason": WORDS}),
        ("messages", {"author": "representative", "text": f"Dear {WORDS}"}),
        ("resolve", {"note": WORDS}),
        ("feedback", {"score": 1, "comment": WORDS}),
        ("surveys", {"survey_id": "s-1", "kind": "nps"}),
        ("surveys/s-1/answer", {"scale": "0-10", "score": 0, "comment": WORDS}),
        ("reopen", {"reason": WORDS}),
        ("abandon", {"reason": WORDS}),
    ]:
        answer = await api.post(f"{path}/{action}", json=body)
        assert answer.is_success, answer.text
    return contact_id


async def test_words_of_the_customer_are_gone_from_every_table(
    api: httpx.AsyncClient, database: Database[UnitOfWork], contact_id: str
) -> None:
    assert "messages" in await find_tables_with(database, WORDS)
    for _ in range(2):
        answer = await api.post(ERASE, headers=key("admin"))
        assert (answer.status_code, answer.json()["contacts"]) == (202, 1)
    assert await find_tables_with(database, WORDS) == set()
    shown = (await api.get(f"/v1/contacts/{contact_id}")).json()
    assert shown["subject"] == "[erased]"
    assert {message["text"] for message in shown["messages"]} == {"[erased]"}


async def test_words_in_events_that_kafka_refused_are_gone(
    api: httpx.AsyncClient, database: Database[UnitOfWork], contact_id: str
) -> None:
    other = await accept(api, subject=WORDS, text=None)
    async with async_engine(database).begin() as connection:
        await connection.execute(_COPY_AS_REFUSED)
    assert {row.key for row in await rows(database, _COPIES)} == {contact_id, other}
    assert (await api.post(ERASE, headers=key("admin"))).status_code == 202
    assert [row.key for row in await rows(database, _COPIES)] == [other]


async def test_quote_of_an_open_request_for_a_supervisor_is_erased(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    contact_id = await accept(api, customer=ADA, text=None)
    await api.post(f"/v1/contacts/{contact_id}/request-supervisor", json={"quote": WORDS})
    assert "contacts" in await find_tables_with(database, WORDS)
    assert (await api.post(ERASE, headers=key("admin"))).status_code == 202
    assert await find_tables_with(database, WORDS) == set()


async def test_erasure_of_each_contact_is_published(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    contact_ids = [await accept(api, customer=ADA, text=None) for _ in range(102)]
    other = await accept(api, text=None)
    answer = await api.post(ERASE, headers=key("admin"))
    assert answer.json()["contacts"] == 102
    erased = await published_data(database, "contact_erased")
    assert sorted(event["contact_id"] for event in erased) == sorted(contact_ids)
    assert {event["reported_by"] for event in erased} == {"admin:ops"}
    assert (await api.get(f"/v1/contacts/{other}")).json()["subject"] != "[erased]"


@pytest.mark.parametrize("caller", ["channel", "representative", "supervisor"])
async def test_erasure_needs_a_manager(
    api: httpx.AsyncClient, database: Database[UnitOfWork], caller: str
) -> None:
    await accept(api, customer=ADA, text=None)
    assert (await api.post(ERASE, headers=key(caller))).status_code == 403
    assert await published(database) == ["contact_received"]


async def test_unknown_customer_is_not_found(api: httpx.AsyncClient) -> None:
    answer = await api.post(ERASE, headers=key("admin"))
    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:upstairs:problem:customer-not-found"


async def test_command_line_erases_a_customer(
    api: httpx.AsyncClient,
    database: Database[UnitOfWork],
    contact_id: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("UPSTAIRS_DATABASE_URL", url)
    runner = CliRunner()
    arguments = ["erase-customer", "channel:shop:4711"]
    result = await asyncio.to_thread(runner.invoke, cli, arguments)
    assert (result.exit_code, result.stdout) == (0, "erased; contacts: 1\n"), result.output
    assert await find_tables_with(database, WORDS) == set()
    unknown = await asyncio.to_thread(runner.invoke, cli, ["erase-customer", "channel:shop:1"])
    assert unknown.exit_code == 4


async def test_erasure_reaches_merged_customers_and_their_addresses(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    private = email(f"{WORDS.lower()}@example.com")
    contacts = [
        await send(api, customer_id, private, about={"name": WORDS}, subject=WORDS, text=WORDS)
        for customer_id in ("a", "b", "c")
    ]
    await link(api, "channel:shop:a", "channel:shop:b")
    await link(api, "channel:shop:b", "channel:shop:c")
    # Any of its ids stands for the customer.
    erased = await api.post("/v1/customers/channel:shop:b/erase", headers=key("admin"))
    assert (erased.status_code, erased.json()["contacts"]) == (202, 3)
    assert await find_tables_with(database, WORDS) == set()
    assert await find_tables_with(database, WORDS.lower()) == set()
    assert await find_tables_with(database, "She says so.") == set()
    events = await published_data(database, "contact_erased")
    assert sorted(event["contact_id"] for event in events) == sorted(
        contact["contact_id"] for contact in contacts
    )


async def test_erasure_leaves_a_record_that_managers_read(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    for customer_id in ("a", "b", "b", "c"):
        await send(api, customer_id)
    await link(api, "channel:shop:a", "channel:shop:b")
    answer = await api.post("/v1/customers/channel:shop:b/erase", headers=key("admin"))
    await api.post("/v1/customers/channel:shop:c/erase", headers=key("admin"))
    listed = (await api.get("/v1/erasures", headers=key("admin"))).json()["items"]
    assert [
        (each["customer_id"], each["customers"], each["contacts"], each["reported_by"])
        for each in listed
    ] == [("channel:shop:c", 1, 1, "admin:ops"), ("channel:shop:b", 2, 3, "admin:ops")]
    assert listed[1]["erasure_id"] == answer.json()["erasure_id"]
    assert all(each["completed_at"] >= each["at"] for each in listed)
    of_one = {"customer": "channel:shop:b", "limit": "1"}
    filtered = await api.get("/v1/erasures", params=of_one, headers=key("admin"))
    assert filtered.json()["items"] == listed[1:]
    first = await api.get("/v1/erasures", params={"limit": 1}, headers=key("admin"))
    cursor = {"limit": 1, "cursor": first.json()["next_cursor"]}
    rest = await api.get("/v1/erasures", params=cursor, headers=key("admin"))
    assert rest.json()["items"] == listed[1:]
    assert (await api.get("/v1/erasures", headers=key("supervisor"))).status_code == 403


async def test_erasure_that_breaks_off_shows_it_and_can_be_repeated(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    for _ in range(3):
        await send(api, "a")
    async with database.transaction() as uow:
        customer_ids = await uow.erasure.erase_customer(CustomerId("channel:shop:a"))
        broken = ErasureRecord(
            new_id(), customer_ids[0], 1, 0, None, SystemName("admin:ops"), uow.now
        )
        await uow.erasure.begin(broken)
    listed = (await api.get("/v1/erasures", headers=key("admin"))).json()["items"]
    assert [each["completed_at"] for each in listed] == [None]
    again = await api.post("/v1/customers/channel:shop:a/erase", headers=key("admin"))
    assert again.json()["contacts"] == 3


async def test_customer_who_joins_another_one_during_the_erasure_is_erased_too(
    api: httpx.AsyncClient, database: Database[UnitOfWork], contact_id: str
) -> None:
    del contact_id
    async with (
        async_engine(database).connect() as joining,
        asyncio.TaskGroup() as group,
        joining.begin(),
    ):
        # As a contact of a new customer, by the same verified address.
        await joining.execute(
            text("SELECT FROM customers WHERE customer_id = :into FOR SHARE"), {"into": ADA_ID}
        )
        await joining.execute(
            text("""
                INSERT INTO customers (customer_id, name, merged_into, survivor_id, version)
                VALUES ('channel:shop:new', 'Ada PRIVATE', :into, :into, 1)
            """),
            {"into": ADA_ID},
        )
        erasing = group.create_task(api.post(ERASE, headers=key("admin")))
        await until(lambda: waits_for_lock(database))
    assert erasing.result().status_code == 202
    names = await rows(database, "SELECT name FROM customers ORDER BY customer_id")
    assert [row.name for row in names] == [None, None]
