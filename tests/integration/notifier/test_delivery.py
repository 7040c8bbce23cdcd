"""Everyone who must know is told, on time, once; and every delivery can explain itself."""

from datetime import timedelta

from common.contracts.escalations import EscalationClosed, EscalationUnanswered
from common.contracts.event import EscalationId, PersonId
from devstack import receivers
from integration.notifier.conftest import LEASE, Desk, acknowledged, button, of_same, paged
from notifier import handlers
from notifier.domain.delivering import Patience, Sent
from notifier.domain.recipients import Recipient
from support.waiting import until


async def all_sent(desk: Desk) -> None:
    await until(desk.states, lambda states: {state for *_, state in states} == {"sent"})


async def test_a_page_goes_out_once_on_each_medium(desk: Desk) -> None:
    await desk.know("dana")
    page = paged("dana")
    async with desk.couriers():
        await desk.tell(page)
        await all_sent(desk)
    (post,) = desk.posted()
    assert post.body["channel"] == "D-dana"
    assert post.headers["authorization"] == "Bearer xoxb-test"
    (mail,) = desk.mail.messages
    assert (mail["To"], mail["Subject"]) == ("dana@example.com", page.headline)
    assert mail["Auto-Submitted"] == "auto-generated"
    link = button(post.body["blocks"], "open")["url"]
    assert link.startswith("http://notifier/v1/acknowledgements/")
    text = mail.get_body(("plain",))
    assert text
    assert "Acknowledge: http://notifier/v1/acknowledgements/" in text.get_content()
    told = await desk.published()
    assert sorted((one["event"], one["medium"]) for one in told) == [
        ("notification_sent", "email"),
        ("notification_sent", "slack"),
    ]
    assert {(one["attempt"], one["ambiguous"], one["page_id"]) for one in told} == {
        (1, False, page.page_id)
    }
    assert await desk.attempts() == [(1, "sent"), (1, "sent")]


async def test_a_page_that_is_asked_for_again_is_not_sent_again(desk: Desk) -> None:
    await desk.know("dana", "slack")
    page = paged("dana")
    async with desk.couriers():
        await desk.tell(page, page)
        await all_sent(desk)
        await desk.tell(page)
        await desk.tell(paged("dana"))
        await until(desk.posted, lambda posts: len(posts) >= 2)
    assert len(desk.posted()) == 2


async def test_a_person_who_cannot_be_told_is_reported(desk: Desk) -> None:
    async with desk.database.transaction() as uow:
        await uow.recipients.save(Recipient(PersonId("dana"), "Dana", ()))
    await desk.tell(paged("dana"), paged("stranger"))
    told = await desk.published()
    assert {(one["event"], one["medium"], one["attempts"]) for one in told} == {
        ("notification_failed", None, 0)
    }
    assert [one["because"] for one in told] == ["the recipient has no media", "no such recipient"]


async def test_slack_says_when_to_come_back(desk: Desk) -> None:
    await desk.know("dana", "slack")
    desk.slack.answers.append(receivers.rate_limited(30))
    async with desk.couriers():
        await desk.tell(paged("dana"))
        await until(desk.attempts, lambda attempts: attempts == [(1, "retry")])
        (waits,) = await desk.rows(
            "SELECT due_at - clock_timestamp() AS left FROM notifications WHERE state = 'pending'"
        )
        assert timedelta(seconds=25) < waits.left <= timedelta(seconds=30)
        desk.advance(timedelta(seconds=30))
        await all_sent(desk)
    assert await desk.attempts() == [(1, "retry"), (2, "sent")]
    (sent,) = await desk.published()
    assert (sent["attempt"], sent["ambiguous"]) == (2, False)


async def test_a_failing_slack_is_tried_again_and_mail_does_not_wait(desk: Desk) -> None:
    await desk.know("dana")
    desk.slack.otherwise = receivers.failing(503)
    async with desk.couriers():
        await desk.tell(paged("dana"))
        await until(desk.posted, lambda posts: len(posts) >= 2)
        await until(lambda: desk.mail.messages)
        desk.slack.otherwise = receivers.OK
        await all_sent(desk)
    assert (1, "retry") in await desk.attempts()


async def test_what_slack_refuses_for_good_is_not_tried_again(desk: Desk) -> None:
    await desk.know("dana", "slack")
    desk.slack.otherwise = receivers.refusing("channel_not_found")
    async with desk.couriers():
        await desk.tell(paged("dana"))
        (failed,) = await until(desk.published)
    assert (failed["event"], failed["attempts"]) == ("notification_failed", 1)
    assert failed["because"] == "Slack refused: channel_not_found"
    assert len(desk.posted()) == 1


async def test_a_mailbox_that_does_not_exist_is_not_tried_again(desk: Desk) -> None:
    await desk.know("dana", "email")
    desk.mail.answer = "550 no such user"
    async with desk.couriers():
        await desk.tell(paged("dana"))
        (failed,) = await until(desk.published)
    assert (failed["event"], failed["medium"]) == ("notification_failed", "email")
    assert "550" in failed["because"]


async def test_it_gives_up_after_so_many_attempts(desk: Desk) -> None:
    await desk.know("dana", "slack")
    desk.slack.otherwise = receivers.refusing("invalid_auth")
    async with desk.couriers(delivery_attempts=2):
        await desk.tell(paged("dana"))
        (failed,) = await until(desk.published)
    assert failed["attempts"] == 2
    assert failed["because"].startswith("gave up after 2 attempts: Slack refused for now")


async def test_an_answer_that_never_comes_may_still_have_arrived(desk: Desk) -> None:
    await desk.know("dana", "slack")
    desk.slack.answers.append(receivers.HANGS)
    async with desk.couriers(delivery_timeout_seconds=0.3):
        await desk.tell(paged("dana"))
        await all_sent(desk)
    assert await desk.attempts() == [(1, "unknown"), (2, "sent")]
    (sent,) = await desk.published()
    assert (sent["attempt"], sent["ambiguous"]) == (2, True)


async def test_a_slow_receiver_holds_up_nobody_else(desk: Desk) -> None:
    await desk.know("dana")
    await desk.know("omar")
    desk.slack.answers.append(receivers.HANGS)
    async with desk.couriers(delivery_timeout_seconds=2, delivery_slots=2):
        await desk.tell(paged("dana"))
        await until(desk.posted, lambda posts: len(posts) == 1)
        await desk.tell(*(paged("omar") for _ in range(5)))
        await until(desk.posted, lambda posts: len(posts) == 6)
        await until(lambda: len(desk.mail.messages) == 6)
        states = await until(
            desk.states, lambda states: [one for *_, one in states].count("sent") == 11
        )
        assert ("page", "slack", "sending") in states


async def test_what_a_dead_process_was_sending_is_sent_again(desk: Desk) -> None:
    await desk.know("dana", "slack")
    await desk.tell(paged("dana"))
    async with desk.database.transaction() as uow:
        (errand,) = await handlers.take_up("slack", 16, Patience(), uow)
    async with desk.couriers():
        await desk.know("omar", "slack")
        await desk.tell(paged("omar"))
        await until(desk.states, lambda states: ("page", "slack", "sent") in states)
        assert [post.body["channel"] for post in desk.posted()] == ["D-omar"]
        desk.advance(LEASE)
        await all_sent(desk)
    assert [post.body["channel"] for post in desk.posted()] == ["D-omar", "D-dana"]
    assert (await desk.attempts())[:2] == [(1, "unknown"), (2, "sent")]
    (sent,) = [one for one in await desk.published() if one["person_id"] == "dana"]
    assert sent["ambiguous"]

    # The process was only very slow: what it records now changes nothing.
    async with desk.database.transaction() as uow:
        await handlers.record_attempt(errand, Sent({"ts": "late"}), Patience(), 1.0, uow)
    assert len(await desk.published()) == 2


async def test_two_replicas_send_each_once(desk: Desk) -> None:
    await desk.know("dana")
    async with desk.couriers(), desk.couriers():
        for _ in range(5):
            await desk.tell(*(paged("dana") for _ in range(8)))
        await until(desk.states, lambda states: [one for *_, one in states].count("sent") == 80)
    assert len(desk.posted()) == len(desk.mail.messages) == 40
    assert await desk.attempts() == [(1, "sent")] * 80


async def test_stopping_finishes_what_is_under_way_and_begins_nothing(desk: Desk) -> None:
    await desk.know("dana", "slack")
    desk.slack.otherwise = receivers.HANGS
    async with desk.couriers(delivery_timeout_seconds=0.3):
        await desk.tell(paged("dana"))
        await until(desk.posted, lambda posts: len(posts) == 1)
    assert await desk.attempts() == [(1, "unknown")]
    assert await desk.states() == [("page", "slack", "pending")]
    assert len(desk.posted()) == 1


async def test_an_outcome_that_cannot_be_recorded_takes_no_other_along(desk: Desk) -> None:
    await desk.know("dana", "slack")
    await desk.know("omar", "slack")
    desk.slack.answers.extend((receivers.HANGS, receivers.HANGS))
    async with desk.couriers(delivery_timeout_seconds=0.5):
        await desk.tell(paged("dana"), paged("omar"))
        await until(desk.posted, lambda posts: len(posts) == 2)
        async with desk.database.transaction() as uow:
            for table in ("delivery_attempts", "notifications"):
                await uow.connection.exec_driver_sql(
                    f"DELETE FROM {table} WHERE notification_id IN "
                    "(SELECT notification_id FROM notifications WHERE person_id = 'dana')"
                )
        await all_sent(desk)
    assert await desk.attempts() == [(1, "unknown"), (2, "sent")]


async def test_nobody_is_paged_for_what_is_settled(desk: Desk) -> None:
    await desk.know("dana")
    await desk.know("omar")
    page = paged("dana")
    await desk.tell(page, of_same(page, "omar"), acknowledged(page, "omar"))
    assert {state for *_, state in await desk.states()} == {"cancelled"}
    (why,) = await desk.rows("SELECT DISTINCT because FROM notifications")
    assert why.because == "Acknowledged by Omar"
    async with desk.couriers():
        await desk.tell(paged("dana"))
        await until(desk.posted)
        await until(lambda: desk.mail.messages)
    assert len(desk.posted()) == len(desk.mail.messages) == 1


async def test_a_message_in_slack_shows_who_took_it(desk: Desk) -> None:
    await desk.know("dana")
    await desk.know("omar", "slack")
    page = paged("dana")
    async with desk.couriers():
        await desk.tell(page, of_same(page, "omar"))
        await all_sent(desk)
        await desk.tell(acknowledged(page, "dana"))
        updates = await until(lambda: desk.posted("chat.update"), lambda updates: len(updates) == 2)
        await all_sent(desk)
    assert {one.body["channel"] for one in updates} == {"D-dana", "D-omar"}
    assert len({one.body["ts"] for one in updates}) == 2
    for one in updates:
        assert [block["type"] for block in one.body["blocks"]] == ["section", "context"]
        assert "Acknowledged by Dana" in one.body["blocks"][1]["elements"][0]["text"]
    # An update is no news to anyone but the reader.
    assert len(await desk.published()) == 3


async def test_an_update_that_fails_is_left(desk: Desk) -> None:
    await desk.know("dana", "slack")
    page = paged("dana")
    async with desk.couriers():
        await desk.tell(page)
        await all_sent(desk)
        desk.slack.otherwise = receivers.refusing("message_not_found")
        await desk.tell(acknowledged(page, "dana"))
        await until(desk.states, lambda states: ("update", "slack", "failed") in states)
    assert [one["event"] for one in await desk.published()] == ["notification_sent"]


async def test_what_is_settled_while_it_is_sent_is_corrected(desk: Desk) -> None:
    await desk.know("dana", "slack")
    page = paged("dana")
    await desk.tell(page)
    async with desk.database.transaction() as uow:
        (errand,) = await handlers.take_up("slack", 16, Patience(), uow)
    await desk.tell(acknowledged(page, "omar"))
    assert await desk.states() == [("page", "slack", "sending")]
    async with desk.database.transaction() as uow:
        sent = Sent({"channel": "D-dana", "ts": "1.1"})
        await handlers.record_attempt(errand, sent, Patience(), 1.0, uow)
    assert await desk.states() == [("page", "slack", "sent"), ("update", "slack", "pending")]


async def test_a_warning_under_way_while_its_lease_runs_out_says_that_it_waits(desk: Desk) -> None:
    await desk.know("dana", "slack")
    page = paged("dana")
    await desk.tell(acknowledged(page, "dana"), of_same(page, "dana", reason="lease_ending"))
    async with desk.database.transaction() as uow:
        (errand,) = await handlers.take_up("slack", 16, Patience(), uow)
    await desk.tell(of_same(page, "omar", reason="climbed"))
    async with desk.database.transaction() as uow:
        sent = Sent({"channel": "D-dana", "ts": "1.1"})
        await handlers.record_attempt(errand, sent, Patience(), 1.0, uow)
    async with desk.couriers():
        (update,) = await until(lambda: desk.posted("chat.update"))
    said = update.body["blocks"][1]["elements"][0]["text"]
    assert said == ":arrows_counterclockwise: It waits for somebody again"


async def test_later_news_take_the_place_of_earlier(desk: Desk) -> None:
    await desk.know("dana", "slack")
    page = paged("dana")
    async with desk.couriers():
        await desk.tell(page)
        await all_sent(desk)
        closed = EscalationClosed(
            contact_id=page.contact_id,
            occurred_at=page.occurred_at,
            escalation_id=EscalationId(page.escalation_id or ""),
            reason="resolved below",
        )
        await desk.tell(acknowledged(page, "dana"), closed)
        (update,) = await until(lambda: desk.posted("chat.update"))
    assert "Closed" in update.body["blocks"][1]["elements"][0]["text"]


async def test_it_waits_for_an_answer_again_after_nobody_gave_one(desk: Desk) -> None:
    page = paged("dana")
    unanswered = EscalationUnanswered(
        contact_id=page.contact_id,
        occurred_at=page.occurred_at,
        escalation_id=EscalationId(page.escalation_id or ""),
        level=1,
        lateness_ms=3,
    )
    await desk.tell(page, acknowledged(page, "dana"), unanswered)
    (escalation,) = await desk.rows("SELECT state, by FROM escalations")
    assert tuple(escalation) == ("raised", None)
