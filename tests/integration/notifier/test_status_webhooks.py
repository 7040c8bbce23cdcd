"""A channel is told what becomes of its contacts: signed, in order, at least once."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from common.contracts.statuses import ContactStatus
from common.core.metrics import Metrics
from integration.notifier.conftest import ServiceHarness, open_api
from integration.notifier.status_examples import IMPATIENT, SETTINGS, SHOP, Shop
from notifier.domain.status_webhooks import FAILURES_TO_PAUSE, CallResult, StatusPolicy
from notifier.use_cases import status_webhooks
from notifier.use_cases.status_webhooks import EndedCall
from support.status_receiver import Answer, StatusReceiver
from support.waiting import until

_LIFE: tuple[ContactStatus, ...] = ("received", "assigned", "escalated", "acknowledged", "resolved")


@pytest.fixture
async def shop(harness: ServiceHarness) -> AsyncIterator[Shop]:
    async with StatusReceiver() as receiver, open_api(harness, **SETTINGS) as client:
        yield Shop(harness, receiver, client)


async def test_statuses_arrive_signed_and_in_order(shop: Shop) -> None:
    await shop.harness.add_recipient("rui")
    await shop.put()
    async with shop.harness.delivering(**SETTINGS):
        contact = await shop.tell(*_LIFE, person_id="rui", level="supervisor")
        await until(lambda: shop.receiver.statuses_of(contact), lambda got: len(got) == len(_LIFE))
    assert shop.receiver.statuses_of(contact) == [*_LIFE]
    assigned = shop.receiver.accepted[1].body
    assert assigned["type"] == "contact.assigned"
    assert assigned["data"] == {
        "contact_id": contact,
        "external_ref": "chat-7",
        "status": "assigned",
        "sequence": 2,
        "person": {"id": "rui", "name": "Rui"},
        "level": "supervisor",
        "merged_into": None,
    }


async def test_statuses_stay_in_order_while_receiver_fails_at_times(shop: Shop) -> None:
    await shop.put()
    failures = (500, 302, 404, 204, 503, 204, 429) * 3
    shop.receiver.answers.extend(Answer(status) for status in failures)
    async with shop.sending(IMPATIENT), shop.sending(IMPATIENT):
        contacts = [await shop.tell(*_LIFE) for _ in range(4)]
        await until(lambda: len(shop.receiver.accepted) == 4 * len(_LIFE))
    for contact in contacts:
        assert shop.receiver.statuses_of(contact) == [*_LIFE]


async def test_slow_receiver_delays_no_other(shop: Shop) -> None:
    await shop.put()
    async with StatusReceiver() as slow:
        put = {"url": slow.url}
        slow_path = "/v1/status-webhooks/channel:kiosk"
        answer = await shop.call("PUT", slow_path, "mona", json=put)
        slow.secrets.append(answer.json()["secret"])
        slow.may_answer.clear()
        async with shop.harness.delivering(**SETTINGS, status_webhook_slots=2):
            for _ in range(5):
                await shop.tell("received", source="channel:kiosk")
            await until(lambda: slow.max_at_once == 2)
            contact = await shop.tell(*_LIFE)
            await until(lambda: len(shop.receiver.statuses_of(contact)) == len(_LIFE))
            assert not slow.received
            slow.may_answer.set()
            await until(lambda: len(slow.accepted) == 5)
    assert slow.max_at_once == 2


async def test_call_that_is_free_goes_to_who_has_the_fewest(shop: Shop) -> None:
    """Statuses of a slow receiver that wait for long do not take all calls of a process."""
    await shop.put()
    kiosk = {"url": shop.receiver.url}
    await shop.call("PUT", "/v1/status-webhooks/channel:kiosk", "mona", json=kiosk)
    for _ in range(8):
        await shop.tell("received", source="channel:kiosk")
    assert await _claim(shop, 2) == ["channel:kiosk"] * 2
    await shop.tell("received")
    await shop.tell("received")
    assert await _claim(shop, 1) == ["channel:shop"]
    # One more makes both equal; then they take turns, the longest wait first.
    assert await _claim(shop, 2) == ["channel:shop", "channel:kiosk"]


async def test_first_success_makes_due_what_failed_in_the_same_transaction(shop: Shop) -> None:
    await shop.put()
    for _ in range(FAILURES_TO_PAUSE + 1):
        await shop.tell("received")
    failure, success = CallResult(500, "answered 500"), CallResult(204, "answered 204")
    policy = StatusPolicy(slots=FAILURES_TO_PAUSE + 1)
    async with shop.harness.database.transaction() as uow:
        claimed = await status_webhooks.claim(10, policy, uow)
        results = [*[failure] * FAILURES_TO_PAUSE, success]
        calls = [
            EndedCall(delivery, webhook, result)
            for (delivery, webhook, _), result in zip(claimed, results, strict=True)
        ]
        await status_webhooks.record_calls(calls, policy, lambda: 1.0, uow)
        again = await status_webhooks.claim(10, policy, uow)
    failed = [call.delivery.change_id for call in calls if call.result is failure]
    assert sorted(delivery.change_id for delivery, _, _ in again) == sorted(failed)
    assert (await shop.call("GET")).json()["failing_since"] is None


async def _claim(shop: Shop, limit: int) -> list[str]:
    """Let so many calls begin; return to whom."""
    async with shop.harness.database.transaction() as uow:
        claimed = await status_webhooks.claim(limit, StatusPolicy(), uow)
    return [delivery.source for delivery, _, _ in claimed]


async def test_receiver_that_is_gone_disables_webhook_and_later_gets_what_waited(
    shop: Shop,
) -> None:
    await shop.harness.add_recipient("operations", "email")
    await shop.put()
    shop.receiver.answers.append(Answer(410))
    metrics = Metrics()
    async with shop.harness.delivering(metrics, **SETTINGS):
        contact = await shop.tell("received", "resolved")
        await until(lambda: _state(shop), lambda state: state == "disabled")
        shown = (await shop.call("GET")).json()
        assert shown["disabled_reason"] == "the receiver answered 410 Gone"
        assert shown["waiting"] == 2
        (mail,) = await until(lambda: shop.harness.mail.messages)
        assert mail["Subject"] == "No statuses are sent to channel:shop any longer"
        # What comes meanwhile is not kept: intake is told to stop.
        await shop.tell("reopened", contact_id=contact, sequence=3)
        await shop.put()
        await until(lambda: len(shop.receiver.statuses_of(contact)) == 2)
    assert shop.receiver.statuses_of(contact) == ["received", "resolved"]
    assert len(shop.harness.mail.messages) == 1, "operations are told once"
    changes = [
        (each["source"], each["is_active"])
        for each in await shop.harness.published()
        if "is_active" in each
    ]
    assert changes == [("channel:shop", True), ("channel:shop", False), ("channel:shop", True)]
    assert metrics.registry.get_sample_value("upstairs_status_webhooks_disabled_total") == 1


async def _state(shop: Shop) -> str:
    return str((await shop.call("GET")).json()["state"])


async def test_status_that_never_arrives_fails_and_later_ones_go_on(shop: Shop) -> None:
    await shop.put()
    shop.receiver.otherwise = Answer(500)
    async with shop.harness.delivering(**SETTINGS):
        contact = await shop.tell("received")
        await until(lambda: shop.receiver.received)
        assert await shop.count("failed") == 0
        shop.advance(timedelta(hours=80))
        await shop.tell("received", source="channel:unknown")
        await until(lambda: shop.count("failed"), lambda count: count == 1)
        (listed,) = (await shop.call("GET", "/v1/status-webhooks")).json()["items"]
        assert (listed["failed"], listed["version"]) == (1, 1)
        shop.receiver.otherwise = Answer()
        await shop.tell("resolved", contact_id=contact, sequence=2)
        shop.advance(timedelta(hours=1))
        await until(lambda: shop.receiver.statuses_of(contact) == ["resolved"])
        await until(lambda: shop.count("delivered"), lambda count: count == 1)
        replayed = await shop.call("POST", f"{SHOP}/replay", json={"contact_id": contact})
        assert replayed.json() == {"replayed": 2}
        await until(lambda: _taken(shop), lambda taken: len(taken) == 3)
    assert _taken(shop) == ["resolved", "received", "resolved"]


def _taken(shop: Shop) -> list[str]:
    """Return all that the receiver took, also what it had before."""
    return [each.status for each in shop.receiver.received if each.answer == 204]


async def test_receiver_that_asks_to_wait_is_not_called_before(shop: Shop) -> None:
    await shop.put()
    shop.receiver.answers.append(Answer(429, {"Retry-After": "600"}))
    async with shop.harness.delivering(**SETTINGS):
        contact = await shop.tell("received")
        await until(lambda: len(shop.receiver.received) == 1)

        async def wait_s() -> float:
            rows = await shop.harness.rows(
                "SELECT extract(epoch FROM w.retry_at - clock_timestamp()) AS pause,"
                " extract(epoch FROM d.due_at - clock_timestamp()) AS delay"
                " FROM status_webhooks w, status_deliveries d WHERE d.state = 'pending'"
            )
            return min((rows[0].pause or 0, rows[0].delay)) if rows else 0

        assert await until(wait_s) > 590
        shop.advance(timedelta(minutes=11))
        await shop.tell("received", source="channel:unknown")
        await until(lambda: shop.receiver.statuses_of(contact) == ["received"])


async def test_receiver_that_fails_gets_one_call_at_a_time(shop: Shop) -> None:
    await shop.put()
    shop.receiver.otherwise = Answer(500)
    async with shop.harness.delivering(**SETTINGS):
        for _ in range(10):
            await shop.tell("received")
        await until(lambda: len(shop.receiver.received) >= 3)

        async def ended_calls() -> int:
            """Return how many calls have failed in a row, once none is under way."""
            rows = await shop.harness.rows(
                "SELECT failures, (SELECT count(*) FROM status_deliveries"
                " WHERE state = 'sending') AS under_way FROM status_webhooks"
            )
            return 0 if rows[0].under_way else int(rows[0].failures)

        before = await until(ended_calls, lambda count: count >= 3)
        shop.receiver.max_at_once = 0
        shop.advance(timedelta(minutes=10))
        await shop.tell("received", source="channel:unknown")
        await until(ended_calls, lambda count: count > before)
        assert shop.receiver.max_at_once == 1
        shop.receiver.otherwise = Answer()
        shop.advance(timedelta(minutes=10))
        await shop.tell("received", source="channel:unknown")
        # Once it takes one, all that wait are due.
        await until(lambda: len(shop.receiver.accepted) == 10)


async def test_answer_without_end_is_not_read(shop: Shop) -> None:
    await shop.put()
    shop.receiver.answers.append(Answer(200, endless=True))
    async with shop.harness.delivering(**SETTINGS):
        await shop.tell("received")
        await until(lambda: shop.count("delivered"), lambda count: count == 1)


async def test_receiver_that_hangs_is_left_after_the_time_limit(shop: Shop) -> None:
    await shop.put()
    shop.receiver.answers.append(Answer(hangs=True))
    async with shop.harness.delivering(**SETTINGS, status_webhook_timeout_seconds=0.2):
        await shop.tell("received")
        details = await until(
            shop.deliveries, lambda listed: bool(listed) and listed[0]["detail"] is not None
        )
    assert details[0]["detail"] == "no answer within 0.2 s"


async def test_event_that_comes_again_is_sent_once(shop: Shop) -> None:
    await shop.put()
    change_id = "019cadfe-5202-7c52-9f5e-3d1d5b1f0a12"
    async with shop.harness.delivering(**SETTINGS):
        contact = await shop.tell("assigned", change_id=change_id)
        await until(lambda: shop.count("delivered"), lambda count: count == 1)
        await shop.tell("assigned", change_id=change_id, contact_id=contact, sequence=5)
        await shop.tell("resolved", contact_id=contact, sequence=6)
        await until(lambda: shop.count("delivered"), lambda count: count == 2)
    assert [each.status for each in shop.receiver.received] == ["assigned", "resolved"]


async def test_replica_that_died_leaves_nothing_unsent(shop: Shop) -> None:
    await shop.put()
    shop.receiver.may_answer.clear()
    async with shop.harness.delivering(**SETTINGS) as kill:
        contact = await shop.tell("received", "resolved")
        await until(lambda: shop.receiver.max_at_once == 1)
        kill()
    shop.receiver.may_answer.set()
    shop.advance(timedelta(seconds=30))
    async with shop.harness.delivering(**SETTINGS):
        await until(lambda: shop.receiver.statuses_of(contact) == ["received", "resolved"])


async def test_only_wanted_statuses_are_sent(shop: Shop) -> None:
    await shop.put(statuses=["resolved"])
    async with shop.harness.delivering(**SETTINGS):
        contact = await shop.tell(*_LIFE)
        await until(lambda: shop.receiver.statuses_of(contact) == ["resolved"])
    assert len(await shop.deliveries()) == 1
