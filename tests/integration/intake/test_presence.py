"""A customer who leaves a chat and does not come back has abandoned it, unless it was answered."""

from datetime import timedelta

import httpx
import pytest

from common.storage.database import Database
from intake.handlers import SUBSCRIPTIONS
from intake.store import UnitOfWork
from integration.intake.harness import accept, assign, key, published_data
from support.databases import rows
from support.probe import record_statements
from support.service_harness import ServiceHarness, make_dispatcher


@pytest.fixture
async def chat(api: httpx.AsyncClient) -> str:
    return f"/v1/contacts/{await accept(api)}"


async def report(api: httpx.AsyncClient, chat: str, customer: str, **fields: float) -> None:
    answer = await api.post(f"{chat}/report-presence", json={"customer": customer, **fields})
    assert answer.status_code == 202, answer.text


async def state_after(
    api: httpx.AsyncClient, database: Database[UnitOfWork], chat: str, seconds: float
) -> str:
    harness = ServiceHarness(database, make_dispatcher(database, SUBSCRIPTIONS))
    await harness.advance_time(seconds)
    state: str = (await api.get(chat)).json()["state"]
    return state


async def test_customer_who_does_not_come_back_abandons_the_chat(
    api: httpx.AsyncClient, database: Database[UnitOfWork], chat: str
) -> None:
    await report(api, chat, "left", abandon_after_s=60)
    assert await state_after(api, database, chat, 59) == "open"
    assert await state_after(api, database, chat, 2) == "abandoned"
    (event,) = await published_data(database, "contact_abandoned")
    assert event["reason"] == "the customer left and did not come back"
    assert event["reported_by"] == "channel:shop"


async def test_chat_that_was_answered_waits_for_the_customer(
    api: httpx.AsyncClient, database: Database[UnitOfWork], chat: str
) -> None:
    reply = {"author": "representative", "text": "Which invoice?", "person_id": "rita"}
    await api.post(f"{chat}/messages", json=reply)
    await report(api, chat, "left", abandon_after_s=60)
    assert await state_after(api, database, chat, 61) == "waiting_on_customer"
    await api.post(f"{chat}/messages", json={"author": "customer", "text": "The one of March."})
    assert await state_after(api, database, chat, 1000) == "open"


async def test_chat_that_waits_without_an_answer_is_abandoned(
    api: httpx.AsyncClient, database: Database[UnitOfWork], chat: str
) -> None:
    assert (await api.post(f"{chat}/wait-for-customer")).status_code == 202
    await report(api, chat, "left", abandon_after_s=60)
    assert await state_after(api, database, chat, 61) == "abandoned"


@pytest.mark.parametrize("customer", ["here", "typing"])
async def test_customer_who_comes_back_abandons_nothing(
    api: httpx.AsyncClient, database: Database[UnitOfWork], chat: str, customer: str
) -> None:
    await report(api, chat, "left", abandon_after_s=60)
    await report(api, chat, customer)
    assert await rows(database, "SELECT id FROM timers") == []
    assert await state_after(api, database, chat, 1000) == "open"


async def test_customer_who_writes_abandons_nothing(
    api: httpx.AsyncClient, database: Database[UnitOfWork], chat: str
) -> None:
    await report(api, chat, "left", abandon_after_s=60)
    database.clock.offset += timedelta(seconds=10)
    await api.post(f"{chat}/messages", json={"author": "customer", "text": "I am back."})
    assert await state_after(api, database, chat, 1000) == "open"


async def test_leaving_again_begins_the_time_again(
    api: httpx.AsyncClient, database: Database[UnitOfWork], chat: str
) -> None:
    await report(api, chat, "left", abandon_after_s=60)
    assert await state_after(api, database, chat, 50) == "open"
    await report(api, chat, "left", abandon_after_s=60)
    assert await state_after(api, database, chat, 50) == "open"
    assert await state_after(api, database, chat, 11) == "abandoned"


async def test_leaving_a_chat_that_has_ended_changes_nothing(
    api: httpx.AsyncClient, database: Database[UnitOfWork], chat: str
) -> None:
    await api.post(f"{chat}/resolve", json={})
    await report(api, chat, "left", abandon_after_s=0)
    assert await rows(database, "SELECT id FROM timers") == []
    assert await state_after(api, database, chat, 10) == "resolved"


async def test_typing_locks_and_writes_nothing(
    api: httpx.AsyncClient, database: Database[UnitOfWork], chat: str
) -> None:
    async with record_statements(database) as sent:
        await report(api, chat, "typing")
    words = " ".join(sent).upper()
    assert "FOR UPDATE" not in words
    assert "INSERT" not in words
    assert "DELETE" not in words


async def test_only_the_channel_of_the_chat_tells_of_its_customer(
    api: httpx.AsyncClient, database: Database[UnitOfWork], chat: str
) -> None:
    await assign(database, chat.rpartition("/")[2], "rita")
    for caller, status in (("kiosk", 404), ("representative", 403), ("supervisor", 403)):
        answer = await api.post(
            f"{chat}/report-presence", json={"customer": "left"}, headers=key(caller)
        )
        assert answer.status_code == status, caller
