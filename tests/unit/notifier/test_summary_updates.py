"""When a summary changes the message of the one before, and what it shows then."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from common.contracts.event import EscalationId, NotificationId
from common.core.ids import new_id
from notifier.channels import slack_messages
from notifier.domain import brake, own_messages, summary_updates
from notifier.domain.brake import BrakePolicy
from notifier.domain.escalations import Escalation
from notifier.domain.notifications import Notification
from notifier.domain.recipients import Address
from notifier.domain.summary_updates import EarlierSummary
from notifier.links import Links
from unit.notifier.examples import AT, CONTACT, SLACK, notification

LINKS = Links("secret", "https://up.example.com", timedelta(hours=1))
POLICY = BrakePolicy()
RECEIPT = {"channel": "D0123", "ts": "1.2"}
MINUTE = timedelta(minutes=1)


def page(reason: Any = "climbed", **changes: Any) -> Notification:
    made = notification(SLACK, reason, escalation_id=EscalationId(new_id()), **changes)
    return replace(made, notification_id=NotificationId(new_id()))


def summary(address: Address = SLACK) -> Notification:
    made = own_messages.summary(notification().person_id, address, NotificationId(new_id()), AT, AT)
    return replace(made, medium="slack")


def sent(*pages: Notification) -> EarlierSummary:
    """Return a summary that was sent with these pages, whose escalations still wait."""
    filled, parts = brake.fill(summary(), pages, 0)
    message = replace(brake.emptied(filled), state="sent", sent_at=AT, receipt=RECEIPT)
    waiting = {
        each.escalation_id: Escalation(each.escalation_id, CONTACT, "raised", None, AT)
        for each in pages
        if each.escalation_id
    }
    return EarlierSummary(message, tuple(replace(part, state="grouped") for part in parts), waiting)


def test_change_shows_all_that_is_open_and_carries_the_new_alone() -> None:
    old, new = page(), page()
    earlier = sent(old)
    changed = summary_updates.change_earlier(summary(), [new], earlier, POLICY, AT + MINUTE)
    assert changed
    filled, parts = changed
    content = filled.content.summary
    assert content
    assert {each.notification_id for each in content.pages} == {
        old.notification_id,
        new.notification_id,
    }
    assert [part.notification_id for part in parts] == [new.notification_id]
    assert (content.earlier, content.notified_at) == ((earlier.summary.notification_id,), AT)
    message = slack_messages.page_message(filled, LINKS, AT)
    change = slack_messages.summary_change(filled, message)
    assert change
    assert (change["channel"], change["ts"]) == ("D0123", "1.2")
    assert change["text"].startswith("2 escalations need you")
    assert not [name for name in change if name.startswith("unfurl")]


def test_summary_of_its_own_is_no_change() -> None:
    filled, _ = brake.fill(summary(), [page()], 0)
    message = slack_messages.page_message(filled, LINKS, AT)
    assert slack_messages.summary_change(filled, message) is None


def test_newer_page_about_an_escalation_takes_the_place_of_the_older() -> None:
    old = page()
    again = replace(page(), escalation_id=old.escalation_id)
    other = page()
    changed = summary_updates.change_earlier(summary(), [again], sent(old, other), POLICY, AT)
    assert changed
    content = changed[0].content.summary
    assert content
    shown = {each.notification_id for each in content.pages}
    assert shown == {again.notification_id, other.notification_id}


@pytest.mark.parametrize(
    ("earlier", "new", "after"),
    [
        # Slack makes no sound for a change.
        (sent(page()), page(severity="critical"), MINUTE),
        (sent(page("warning")), page(), MINUTE),
        (sent(page()), page(), POLICY.update_window),
        # Nothing of it is open any more.
        (EarlierSummary(sent(page()).summary, (), {}), page(), MINUTE),
        # There is no room.
        (sent(*(page() for _ in range(brake.MAX_PAGES_IN_SUMMARY))), page(), MINUTE),
    ],
)
def test_further_message_where_a_change_would_be_missed(
    earlier: EarlierSummary, new: Notification, after: timedelta
) -> None:
    assert summary_updates.change_earlier(summary(), [new], earlier, POLICY, AT + after) is None


@pytest.mark.parametrize(
    "changes",
    [{"state": "failed"}, {"state": "sending"}, {"ambiguous": True}, {"receipt": None}],
)
def test_further_message_where_it_is_not_clear_what_the_earlier_one_shows(
    changes: dict[str, Any],
) -> None:
    earlier = sent(page())
    doubtful = EarlierSummary(
        replace(earlier.summary, **changes), earlier.pages, earlier.escalations
    )
    assert summary_updates.change_earlier(summary(), [page()], doubtful, POLICY, AT) is None


def test_further_message_at_a_new_address_and_after_an_answer() -> None:
    earlier = sent(page())
    elsewhere = summary(Address("slack", {"channel": "D9", "user_id": "U0123"}))
    assert summary_updates.change_earlier(elsewhere, [page()], earlier, POLICY, AT) is None
    (old,) = earlier.pages
    answered = EarlierSummary(earlier.summary, (replace(old, acted_at=AT),), earlier.escalations)
    assert summary_updates.change_earlier(summary(), [page()], answered, POLICY, AT) is None
