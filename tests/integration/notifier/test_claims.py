"""A transaction that adds a message also claims it, and the call follows its commit."""

import asyncio
from datetime import timedelta

import httpx
import pytest

from common.storage.database import OnEnd
from devstack import receivers
from integration.notifier.conftest import ServiceHarness, acknowledged, key, paged
from notifier.domain import notifications
from notifier.domain.notifications import Page
from notifier.domain.recipients import Address
from notifier.handlers import new_notification_id
from notifier.store.unit_of_work import UnitOfWork
from support.waiting import until

ADDRESS = Address("slack", {"channel": "D-dana", "user_id": "U-dana"})


async def all_sent(harness: ServiceHarness, count: int) -> None:
    await until(
        harness.states, lambda states: [state for *_, state in states].count("sent") == count
    )


async def add_twice(harness: ServiceHarness, page: Page) -> None:
    """Run a transaction that fails when it writes what it has claimed."""
    async with harness.database.transaction() as uow:
        for _ in range(2):
            twin = notifications.notify(page, ADDRESS, new_notification_id(), uow.now)
            uow.notifications.add(twin)


async def test_page_is_claimed_by_the_transaction_that_adds_it(harness: ServiceHarness) -> None:
    await harness.add_recipient("dana", "slack")
    harness.slack.otherwise = receivers.HANGS
    async with harness.delivering(delivery_timeout_seconds=60) as kill:
        await harness.handle(paged("dana"))
        assert await harness.states() == [("page", "slack", "sending")]
        await until(harness.posted)
        kill()
    assert await harness.attempts() == []


async def test_page_answered_in_the_same_batch_is_not_sent(harness: ServiceHarness) -> None:
    await harness.add_recipient("dana", "slack")
    page = paged("dana")
    async with harness.delivering():
        await harness.handle(page, acknowledged(page, "dana"), paged("dana"))
        await all_sent(harness, 1)
    assert sorted(state for *_, state in await harness.states()) == ["cancelled", "sent"]
    assert len(harness.posted()) == 1


async def test_transaction_that_fails_sends_nothing_and_frees_its_slots(
    harness: ServiceHarness,
) -> None:
    await harness.add_recipient("dana", "slack")
    page = notifications.page_from(paged("dana"))
    async with harness.delivering(delivery_slots=1):
        for _ in range(3):
            with pytest.raises(Exception, match="idempotency_key"):
                await add_twice(harness, page)
        await harness.handle(paged("dana"))
        assert "pending" not in str(await harness.states())
        await all_sent(harness, 1)
    assert len(harness.posted()) == 1


async def test_page_that_has_no_slot_is_sent_when_one_is_free(harness: ServiceHarness) -> None:
    await harness.add_recipient("dana", "slack")
    async with harness.delivering(delivery_slots=2):
        await harness.handle(*(paged("dana") for _ in range(9)))
        await all_sent(harness, 9)
    assert await harness.attempts() == [(1, "sent")] * 9


async def test_longer_waiting_page_has_the_slot_before_a_new_one(harness: ServiceHarness) -> None:
    await harness.add_recipient("dana", "slack")
    await harness.add_recipient("omar", "slack")
    await harness.handle(*(paged("omar") for _ in range(4)))
    harness.slack.answers.append(receivers.HANGS)
    async with harness.delivering(delivery_slots=1, delivery_timeout_seconds=0.5):
        await until(harness.posted)
        await harness.handle(paged("dana"))
        await all_sent(harness, 5)
    places = [post.body["channel"] for post in harness.posted()]
    assert places[:4] == ["D-omar"] * 4


async def test_stop_waits_for_a_transaction_that_has_claimed(harness: ServiceHarness) -> None:
    await harness.add_recipient("dana", "slack")
    claimed, may_commit = asyncio.Event(), asyncio.Event()

    async def hold(_uow: UnitOfWork) -> OnEnd:
        claimed.set()
        await may_commit.wait()
        return lambda *, committed: None  # noqa: ARG005 - of no interest

    async with asyncio.TaskGroup() as group, harness.delivering():
        harness.database.before_commit(hold)
        group.create_task(harness.handle(paged("dana")))
        await claimed.wait()
        asyncio.get_running_loop().call_later(0.2, may_commit.set)
    assert await harness.states() == [("page", "slack", "sent")]
    assert await harness.attempts() == [(1, "sent")]
    (event,) = await harness.published()
    assert not event["ambiguous"]


async def test_attempt_under_way_is_shown(harness: ServiceHarness, api: httpx.AsyncClient) -> None:
    await harness.add_recipient("dana", "slack")
    harness.slack.otherwise = receivers.HANGS
    async with harness.delivering(delivery_timeout_seconds=60) as kill:
        await harness.handle(paged("dana"))
        await until(harness.posted)
        shown = await api.get("/v1/notifications", headers=key("sara"))
        kill()
    ((attempt,),) = (each["attempts"] for each in shown.json()["items"])
    assert (attempt["attempt"], attempt["ended_at"], attempt["outcome"]) == (1, None, None)


async def test_page_of_a_shared_transaction_is_sent_without_waiting_for_a_poll(
    harness: ServiceHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a request with an idempotency key."""
    monkeypatch.setattr("notifier.workers.delivery._MAX_POLL", timedelta(hours=1))
    await harness.add_recipient("dana", "slack")
    async with harness.delivering():
        await harness.handle(paged("dana"))
        await all_sent(harness, 1)
        async with harness.database.share_transaction() as shared:
            await harness.handle(paged("dana"))
            await shared.commit()
        await all_sent(harness, 2)


@pytest.mark.parametrize(("transactions", "pages", "slots"), [(8, 1, 1), (2, 10, 8), (6, 6, 4)])
async def test_transactions_at_once_share_the_slots(
    harness: ServiceHarness, transactions: int, pages: int, slots: int
) -> None:
    people = [f"p{number}" for number in range(transactions)]
    for person in people:
        await harness.add_recipient(person, "slack")
    harness.slack.otherwise = receivers.HANGS
    async with harness.delivering(delivery_slots=slots, delivery_timeout_seconds=60) as kill:
        await asyncio.gather(
            *(harness.handle(*(paged(person) for _ in range(pages))) for person in people)
        )
        await until(harness.posted, lambda posted: len(posted) >= slots)
        kill()
    states = [state for *_, state in await harness.states()]
    assert states.count("sending") == slots
    assert states.count("pending") == transactions * pages - slots
