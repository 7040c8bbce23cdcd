"""Receipts are counted in the messages that the notifier really writes."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from common.contracts.event import ContactId, EscalationId, NotificationId, PageId, PersonId
from common.core.ids import new_id
from devstack.receivers import SlackCall
from notifier.channels import slack_messages
from notifier.domain import brake, notifications
from notifier.domain.content import Content, Status, Summary
from notifier.domain.notifications import Notification
from notifier.domain.recipients import Address
from notifier.links import Links
from stage.invariants import count_receipts
from unit.notifier.examples import compose_mail

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
LINKS = Links("secret", "http://notifier", timedelta(hours=1))
SUMMARY = Content("summary", summary=Summary())
SENDER = "Upstairs <upstairs@localhost>"


def notification() -> Notification:
    return Notification(
        notification_id=NotificationId(new_id()),
        idempotency_key="page/slack",
        kind="page",
        state="sending",
        page_id=PageId(new_id()),
        contact_id=ContactId(new_id()),
        escalation_id=EscalationId(new_id()),
        person_id=PersonId("sara"),
        medium="slack",
        address=Address("slack", {"channel": "D0SARA", "user_id": "U0SARA"}),
        content=Content("raised"),
        requested_at=NOON,
        due_at=NOON,
        receipt={"channel": "D0SARA", "ts": "1"},
    )


def call(body: Mapping[str, Any], ts: str, method: str = "chat.postMessage") -> SlackCall:
    return SlackCall(method, body, {}, NOON, ts=ts)


def test_posts_and_mails_are_counted_by_their_notification() -> None:
    slack_page = notification()
    post = slack_messages.page_message(slack_page, LINKS, NOON)
    mailbox = Address("email", {"address": "sara@example.com"})
    mail_page = replace(notification(), medium="email", address=mailbox)
    mail = compose_mail(mail_page, SENDER, LINKS, NOON)
    assert count_receipts([call(post, "1"), call(post, "2")], [mail]) == {
        slack_page.notification_id: 2,
        mail_page.notification_id: 1,
    }


def test_summary_counts_for_each_page_in_it() -> None:
    pages = [notification(), notification()]
    summary, _ = brake.fill(replace(notification(), kind="summary", content=SUMMARY), pages, 0)
    post = slack_messages.page_message(summary, LINKS, NOON)
    mailbox = Address("email", {"address": "sara@example.com"})
    mail = compose_mail(replace(summary, address=mailbox), SENDER, LINKS, NOON)
    assert count_receipts([call(post, "1")], [mail]) == {page.notification_id: 2 for page in pages}


def test_update_of_an_earlier_message_is_not_counted() -> None:
    page = notification()
    status = Status("acknowledged", by="Sara")
    update = notifications.update(page, status, NotificationId(new_id()), NOON)
    post = slack_messages.update_message(update, LINKS, NOON)
    assert not count_receipts([call(post, "1", "chat.update")], [])


def test_page_that_a_change_of_its_message_shows_again_arrived_once() -> None:
    old, new = notification(), notification()
    empty = replace(notification(), kind="summary", content=SUMMARY)
    first, _ = brake.fill(empty, [old], 0)
    both, _ = brake.fill(empty, [old, new], 0)
    posts = [slack_messages.page_message(each, LINKS, NOON) for each in (first, both)]
    calls = [call(posts[0], "1"), call(posts[1], "1", "chat.update")]
    assert count_receipts(calls, []) == {old.notification_id: 1, new.notification_id: 1}
    # As a message of its own it would have come twice.
    again = [call(posts[0], "1"), call(posts[1], "2")]
    assert count_receipts(again, [])[old.notification_id] == 2


def test_home_tab_delivers_nothing() -> None:
    post = slack_messages.page_message(notification(), LINKS, NOON)
    home = {"user_id": "U0SARA", "view": {"type": "home", "blocks": post["blocks"]}}
    assert not count_receipts([call(home, "1", "views.publish")], [])
