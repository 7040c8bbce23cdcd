"""Receipts are counted in the messages that the notifier really writes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from common.contracts.event import ContactId, EscalationId, NotificationId, PageId, PersonId
from common.core.ids import new_id
from notifier.channels import email, slack
from notifier.domain.notifications import Content, Notification
from notifier.domain.recipients import EmailAddress, SlackAddress
from notifier.links import Links
from stage.invariants import count_receipts

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
LINKS = Links("secret", "http://notifier", timedelta(hours=1))


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
        address=SlackAddress("D0SARA", "U0SARA"),
        content=Content("raised", "No reply", "No reply within 10 s"),
        requested_at=NOON,
        due_at=NOON,
        receipt={"channel": "D0SARA", "ts": "1"},
    )


def test_posts_and_mails_are_counted_by_their_notification() -> None:
    slack_page = notification()
    _, post = slack.request(slack_page, LINKS, NOON)
    mail_page = replace(notification(), medium="email", address=EmailAddress("sara@example.com"))
    url = LINKS.url(mail_page.notification_id)
    mail = email.compose(mail_page, "Upstairs <upstairs@localhost>", url, NOON)
    assert count_receipts([post, post], [mail]) == {
        slack_page.notification_id: 2,
        mail_page.notification_id: 1,
    }


def test_update_of_an_earlier_message_is_not_counted() -> None:
    changed = replace(notification(), kind="update")
    _, post = slack.request(changed, LINKS, NOON)
    assert not count_receipts([post], [])
