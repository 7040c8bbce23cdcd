"""The stories of `make demo`, with more assertions."""

import re

import pytest

from common.contracts.clocks import ClockBreached, ClockWarned
from common.contracts.escalations import (
    EscalationCauseAdded,
    EscalationClimbed,
    EscalationRaised,
    PageRequested,
)
from common.contracts.notifications import NotificationSent
from stage import stories
from stage.stories import Scenario

# They share one system of four services.
pytestmark = pytest.mark.xdist_group("stories")


async def test_missed_deadline_climbs_from_warning_to_manager(stage: Scenario) -> None:
    outcome = await stories.missed_deadline(stage)
    event_log, contact_id = stage.event_log, outcome.contact_id
    (warned,) = event_log.find_all(ClockWarned, contact_id)
    (breached,) = event_log.find_all(ClockBreached, contact_id)
    (climbed,) = event_log.find_all(EscalationClimbed, contact_id)
    assert warned.threshold_percent == 60
    assert warned.occurred_at < breached.due_at <= breached.occurred_at < climbed.occurred_at
    assert min(outcome.latenesses_ms) >= 0
    pages = [
        (page.person_id, page.reason) for page in event_log.find_all(PageRequested, contact_id)
    ]
    assert pages == [("bruno", "warning"), ("sara", "raised"), ("marco", "climbed")]
    sent = {
        (event.person_id, event.medium)
        for event in event_log.find_all(NotificationSent, contact_id)
    }
    assert sent == {
        ("bruno", "slack"),
        ("sara", "slack"),
        ("sara", "email"),
        ("marco", "slack"),
        ("marco", "email"),
    }


async def test_customer_request_raises_with_the_customers_words(stage: Scenario) -> None:
    outcome = await stories.customer_asks_for_supervisor(stage)
    (raised,) = stage.event_log.find_all(EscalationRaised, outcome.contact_id)
    assert "Let me talk to your supervisor" in raised.reason


async def test_breach_after_referral_adds_a_reason_to_one_escalation(stage: Scenario) -> None:
    outcome = await stories.representative_refers(stage)
    (added,) = stage.event_log.find_all(EscalationCauseAdded, outcome.contact_id)
    assert added.cause == "breach"
    # The mail server received one message for each reason.
    mails = [
        # The mail says by how many seconds, if it was sent a second or more after the deadline.
        (mail["To"], re.sub(r"\d+ s overdue", "overdue", mail["Subject"].rpartition(": ")[2]))
        for mail in stage.system.receivers.mail.messages
        if "Returns email" in mail["Subject"]
    ]
    assert mails == [
        ("sara@example.com", "referred by rita"),
        ("sara@example.com", "first response overdue"),
    ]


async def test_contact_answered_in_time_is_not_escalated(stage: Scenario) -> None:
    outcome = await stories.answered_in_time(stage)
    escalations = await stage.actors.call("sara", "escalation", "GET", "/escalations")
    assert outcome.contact_id not in {row["contact_id"] for row in escalations["items"]}
