"""Pages are delivered on time and once, and every attempt is recorded."""

from datetime import timedelta

from common.contracts.escalations import EscalationClosed, EscalationUnanswered
from common.contracts.event import EscalationId, PersonId
from devstack import receivers
from integration.notifier.conftest import (
    HEADLINE,
    LEASE,
    ServiceHarness,
    acknowledged,
    button,
    page_also,
    paged,
)
from notifier.domain.delivery import RetryPolicy, Sent
from notifier.domain.recipients import Recipient
from notifier.store.unit_of_work import UnitOfWork
from notifier.use_cases import attempts, deliveries
from notifier.use_cases.delivery_claims import ClaimedDelivery, DeliveryRules
from support.waiting import until


async def claim(uow: UnitOfWork) -> list[ClaimedDelivery]:
    claimed = await deliveries.claim({"slack": 16}, DeliveryRules(), uow)
    return claimed.deliveries


async def all_sent(harness: ServiceHarness) -> None:
    await until(harness.states, lambda states: {state for *_, state in states} == {"sent"})


async def test_page_is_sent_once_on_each_medium(harness: ServiceHarness) -> None:
    await harness.add_recipient("dana")
    page = paged("dana")
    async with harness.delivering():
        await harness.handle(page)
        await all_sent(harness)
    (post,) = harness.posted()
    assert post.body["channel"] == "D-dana"
    assert post.headers["authorization"] == "Bearer xoxb-test"
    (mail,) = harness.mail.messages
    assert (mail["To"], mail["Subject"]) == (
        "dana@example.com",
        HEADLINE,
    )
    assert mail["Auto-Submitted"] == "auto-generated"
    link = button(post.body["blocks"], "open")["url"]
    assert link.startswith("http://notifier/v1/acknowledgements/")
    text = mail.get_body(("plain",))
    assert text
    assert text.get_content().startswith("Acknowledge: http://notifier/v1/acknowledgements/")
    events = await harness.published()
    assert sorted((event["event"], event["medium"]) for event in events) == [
        ("notification_sent", "email"),
        ("notification_sent", "slack"),
    ]
    assert {(event["attempt"], event["ambiguous"], event["page_id"]) for event in events} == {
        (1, False, page.page_id)
    }
    assert await harness.attempts() == [(1, "sent"), (1, "sent")]


async def test_repeated_page_is_not_sent_again(harness: ServiceHarness) -> None:
    await harness.add_recipient("dana", "slack")
    page = paged("dana")
    async with harness.delivering():
        await harness.handle(page, page)
        await all_sent(harness)
        await harness.handle(page)
        await harness.handle(paged("dana"))
        await until(harness.posted, lambda posts: len(posts) >= 2)
    assert len(harness.posted()) == 2


async def test_unreachable_person_is_reported(harness: ServiceHarness) -> None:
    async with harness.database.transaction() as uow:
        await uow.recipients.save(Recipient(PersonId("dana"), "Dana", ()))
    await harness.handle(paged("dana"), paged("stranger"))
    events = await harness.published()
    assert {(event["event"], event["medium"], event["attempts"]) for event in events} == {
        ("notification_failed", None, 0)
    }
    assert [event["reason"] for event in events] == [
        "the recipient has no media",
        "no such recipient",
    ]


async def test_retry_waits_as_long_as_slack_requests(harness: ServiceHarness) -> None:
    await harness.add_recipient("dana", "slack")
    harness.slack.answers.append(receivers.rate_limited(30))
    async with harness.delivering():
        await harness.handle(paged("dana"))
        await until(harness.attempts, lambda attempts: attempts == [(1, "retry")])
        (pending,) = await harness.rows(
            "SELECT due_at - clock_timestamp() AS left FROM notifications WHERE state = 'pending'"
        )
        assert timedelta(seconds=25) < pending.left <= timedelta(seconds=30)
        harness.advance(timedelta(seconds=30))
        await all_sent(harness)
    assert await harness.attempts() == [(1, "retry"), (2, "sent")]
    (sent,) = await harness.published()
    assert (sent["attempt"], sent["ambiguous"]) == (2, False)


async def test_failing_slack_is_retried_and_mail_is_not_delayed(harness: ServiceHarness) -> None:
    await harness.add_recipient("dana")
    harness.slack.otherwise = receivers.server_error(503)
    async with harness.delivering():
        await harness.handle(paged("dana"))
        await until(harness.posted, lambda posts: len(posts) >= 2)
        await until(lambda: harness.mail.messages)
        harness.slack.otherwise = receivers.OK
        await all_sent(harness)
    assert (1, "retry") in await harness.attempts()


async def test_message_that_slack_refuses_is_not_retried(harness: ServiceHarness) -> None:
    await harness.add_recipient("dana", "slack")
    harness.slack.otherwise = receivers.slack_error("channel_not_found")
    async with harness.delivering():
        await harness.handle(paged("dana"))
        (failed,) = await until(harness.published)
    assert (failed["event"], failed["attempts"]) == ("notification_failed", 1)
    assert failed["reason"] == "Slack refused: channel_not_found"
    assert len(harness.posted()) == 1


async def test_failure_names_all_media_of_the_page(harness: ServiceHarness) -> None:
    """So that escalation knows whether another medium may still reach the person."""
    await harness.add_recipient("dana")
    await harness.add_recipient("omar", "slack")
    harness.slack.otherwise = receivers.slack_error("user_not_found")
    async with harness.delivering():
        await harness.handle(paged("dana"), paged("omar", media=["slack"]))
        events = await until(harness.published, lambda events: len(events) == 3)
    failed = [event for event in events if event["event"] == "notification_failed"]
    assert sorted(event["page_media"] for event in failed) == [["slack"], ["slack", "email"]]
    assert {event["medium"] for event in failed} == {"slack"}


async def test_unknown_mailbox_is_not_retried(harness: ServiceHarness) -> None:
    await harness.add_recipient("dana", "email")
    harness.mail.answer = "550 no such user"
    async with harness.delivering():
        await harness.handle(paged("dana"))
        (failed,) = await until(harness.published)
    assert (failed["event"], failed["medium"]) == ("notification_failed", "email")
    assert "550" in failed["reason"]


async def test_delivery_fails_after_the_last_attempt(harness: ServiceHarness) -> None:
    await harness.add_recipient("dana", "slack")
    harness.slack.otherwise = receivers.slack_error("invalid_auth")
    async with harness.delivering(delivery_attempts=2):
        await harness.handle(paged("dana"))
        (failed,) = await until(harness.published)
    assert failed["attempts"] == 2
    assert failed["reason"].startswith("gave up after 2 attempts: Slack refused for now")


async def test_message_without_an_answer_is_repeated_as_ambiguous(harness: ServiceHarness) -> None:
    await harness.add_recipient("dana", "slack")
    harness.slack.answers.append(receivers.HANGS)
    async with harness.delivering(delivery_timeout_seconds=0.3):
        await harness.handle(paged("dana"))
        await all_sent(harness)
    # On a busy machine a further attempt may take too long as well.
    *earlier, last = await harness.attempts()
    assert {outcome for _, outcome in earlier} == {"unknown"}
    assert last == (len(earlier) + 1, "sent")
    (sent,) = await harness.published()
    assert (sent["attempt"], sent["ambiguous"]) == (last[0], True)


async def test_slow_receiver_delays_no_other(harness: ServiceHarness) -> None:
    await harness.add_recipient("dana")
    await harness.add_recipient("omar")
    harness.slack.answers.append(receivers.HANGS)
    async with harness.delivering(delivery_timeout_seconds=60, delivery_slots=2) as kill:
        await harness.handle(paged("dana"))
        await until(harness.posted, lambda posts: len(posts) == 1)
        await harness.handle(*(paged("omar") for _ in range(5)))
        await until(harness.posted, lambda posts: len(posts) == 6)
        await until(lambda: len(harness.mail.messages) == 6)
        states = await until(
            harness.states, lambda states: [state for *_, state in states].count("sent") == 11
        )
        assert ("page", "slack", "sending") in states
        kill()


async def test_attempt_of_a_dead_process_is_repeated(harness: ServiceHarness) -> None:
    await harness.add_recipient("dana", "slack")
    await harness.handle(paged("dana"))
    async with harness.database.transaction() as uow:
        (claimed,) = await claim(uow)
    async with harness.delivering():
        await harness.add_recipient("omar", "slack")
        await harness.handle(paged("omar"))
        await until(harness.states, lambda states: ("page", "slack", "sent") in states)
        assert [post.body["channel"] for post in harness.posted()] == ["D-omar"]
        harness.advance(LEASE)
        await all_sent(harness)
    assert [post.body["channel"] for post in harness.posted()] == ["D-omar", "D-dana"]
    assert (await harness.attempts())[:2] == [(1, "unknown"), (2, "sent")]
    (sent,) = [event for event in await harness.published() if event["person_id"] == "dana"]
    assert sent["ambiguous"]

    # The process was only very slow: its late record changes nothing.
    async with harness.database.transaction() as uow:
        await attempts.record_attempt(claimed, Sent({"ts": "late"}), RetryPolicy(), 1.0, uow)
    assert len(await harness.published()) == 2


async def test_two_replicas_send_each_message_once(harness: ServiceHarness) -> None:
    await harness.add_recipient("dana")
    async with harness.delivering(), harness.delivering():
        for _ in range(5):
            await harness.handle(*(paged("dana") for _ in range(8)))
        await until(
            harness.states, lambda states: [state for *_, state in states].count("sent") == 80
        )
    assert len(harness.posted()) == len(harness.mail.messages) == 40
    assert await harness.attempts() == [(1, "sent")] * 80


async def test_shutdown_finishes_calls_and_begins_none(harness: ServiceHarness) -> None:
    await harness.add_recipient("dana", "slack")
    harness.slack.otherwise = receivers.HANGS
    async with harness.delivering(delivery_timeout_seconds=1):
        await harness.handle(paged("dana"))
        await until(harness.posted, lambda posts: len(posts) == 1)
    assert await harness.attempts() == [(1, "unknown")]
    assert await harness.states() == [("page", "slack", "pending")]
    assert len(harness.posted()) == 1


async def test_outcome_that_cannot_be_recorded_spares_the_others(harness: ServiceHarness) -> None:
    await harness.add_recipient("dana", "slack")
    await harness.add_recipient("omar", "slack")
    harness.slack.answers.extend((receivers.HANGS, receivers.HANGS))
    async with harness.delivering(delivery_timeout_seconds=0.5):
        await harness.handle(paged("dana"), paged("omar"))
        await until(harness.posted, lambda posts: len(posts) == 2)
        async with harness.database.transaction() as uow:
            for table in ("delivery_attempts", "notifications"):
                await uow.connection.driver.execute(
                    f"DELETE FROM {table} WHERE notification_id IN "
                    "(SELECT notification_id FROM notifications WHERE person_id = 'dana')"
                )
        await all_sent(harness)
    *earlier, last = await harness.attempts()
    assert {outcome for _, outcome in earlier} == {"unknown"}
    assert last == (len(earlier) + 1, "sent")


async def test_page_is_cancelled_once_another_person_acknowledged(harness: ServiceHarness) -> None:
    await harness.add_recipient("dana")
    await harness.add_recipient("omar")
    page = paged("dana")
    await harness.handle(page, page_also(page, "omar"), acknowledged(page, "omar"))
    assert {state for *_, state in await harness.states()} == {"cancelled"}
    (cancelled,) = await harness.rows("SELECT DISTINCT reason FROM notifications")
    assert cancelled.reason == "Acknowledged by Omar"
    async with harness.delivering():
        await harness.handle(paged("dana"))
        await until(harness.posted)
        await until(lambda: harness.mail.messages)
    assert len(harness.posted()) == len(harness.mail.messages) == 1


async def test_slack_message_shows_who_acknowledged(harness: ServiceHarness) -> None:
    await harness.add_recipient("dana")
    await harness.add_recipient("omar", "slack")
    page = paged("dana")
    async with harness.delivering():
        await harness.handle(page, page_also(page, "omar"))
        await all_sent(harness)
        await harness.handle(acknowledged(page, "dana"))
        updates = await until(
            lambda: harness.posted("chat.update"), lambda updates: len(updates) == 2
        )
        await all_sent(harness)
    assert {update.body["channel"] for update in updates} == {"D-dana", "D-omar"}
    assert len({update.body["ts"] for update in updates}) == 2
    for update in updates:
        # The buttons are for who holds it.
        buttons = ["actions"] if update.body["channel"] == "D-dana" else []
        shown = [block["type"] for block in update.body["blocks"]]
        assert shown == ["section", "context", *buttons]
        assert "Acknowledged by Dana" in update.body["blocks"][1]["elements"][0]["text"]
    # An update is no event.
    assert len(await harness.published()) == 3


async def test_failed_update_is_not_reported(harness: ServiceHarness) -> None:
    await harness.add_recipient("dana", "slack")
    page = paged("dana")
    async with harness.delivering():
        await harness.handle(page)
        await all_sent(harness)
        harness.slack.otherwise = receivers.slack_error("message_not_found")
        await harness.handle(acknowledged(page, "dana"))
        await until(harness.states, lambda states: ("update", "slack", "failed") in states)
    assert [event["event"] for event in await harness.published()] == ["notification_sent"]


async def test_page_acknowledged_while_it_is_sent_is_updated(harness: ServiceHarness) -> None:
    await harness.add_recipient("dana", "slack")
    page = paged("dana")
    await harness.handle(page)
    async with harness.database.transaction() as uow:
        (claimed,) = await claim(uow)
    await harness.handle(acknowledged(page, "omar"))
    assert await harness.states() == [("page", "slack", "sending")]
    async with harness.database.transaction() as uow:
        sent = Sent({"channel": "D-dana", "ts": "1.1"}, editable=True)
        await attempts.record_attempt(claimed, sent, RetryPolicy(), 1.0, uow)
    assert await harness.states() == [("page", "slack", "sent"), ("update", "slack", "pending")]


async def test_lease_warning_sent_after_the_lease_is_updated(harness: ServiceHarness) -> None:
    await harness.add_recipient("dana", "slack")
    page = paged("dana")
    await harness.handle(acknowledged(page, "dana"), page_also(page, "dana", reason="lease_ending"))
    async with harness.database.transaction() as uow:
        (claimed,) = await claim(uow)
    await harness.handle(page_also(page, "omar", reason="climbed"))
    async with harness.database.transaction() as uow:
        sent = Sent({"channel": "D-dana", "ts": "1.1"}, editable=True)
        await attempts.record_attempt(claimed, sent, RetryPolicy(), 1.0, uow)
    async with harness.delivering():
        (update,) = await until(lambda: harness.posted("chat.update"))
    status = update.body["blocks"][1]["elements"][0]["text"]
    assert status == ":arrows_counterclockwise: Waiting for an answer again"


async def test_later_status_replaces_an_earlier_one(harness: ServiceHarness) -> None:
    await harness.add_recipient("dana", "slack")
    page = paged("dana")
    async with harness.delivering():
        await harness.handle(page)
        await all_sent(harness)
        closed = EscalationClosed(
            contact_id=page.contact_id,
            occurred_at=page.occurred_at,
            escalation_id=EscalationId(page.escalation_id or ""),
            reason="resolved below",
        )
        await harness.handle(acknowledged(page, "dana"), closed)
        (update,) = await until(lambda: harness.posted("chat.update"))
    assert "Closed" in update.body["blocks"][1]["elements"][0]["text"]


async def test_unanswered_escalation_waits_for_an_answer_again(harness: ServiceHarness) -> None:
    page = paged("dana")
    unanswered = EscalationUnanswered(
        contact_id=page.contact_id,
        occurred_at=page.occurred_at,
        escalation_id=EscalationId(page.escalation_id or ""),
        level=1,
        lateness_ms=3,
    )
    await harness.handle(page, acknowledged(page, "dana"), unanswered)
    (escalation,) = await harness.rows("SELECT state, by FROM escalations")
    assert tuple(escalation) == ("raised", None)
