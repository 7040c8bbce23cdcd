"""The main job, told by `make demo` and held to here."""

import pytest

from common.contracts.escalations import (
    ClockBreached,
    ClockWarned,
    EscalationClimbed,
    EscalationRaised,
    EscalationReasonAdded,
    PageRequested,
)
from common.contracts.notifications import NotificationSent
from stage import stories
from stage.stories import Scenario

# They share one system of four services.
pytestmark = pytest.mark.xdist_group("stories")


async def test_breach(stage: Scenario) -> None:
    ending = await stories.missed_deadline(stage)
    watch, contact_id = stage.event_log, ending.contact_id
    (warned,) = watch.find_all(ClockWarned, contact_id)
    (breached,) = watch.find_all(ClockBreached, contact_id)
    (climbed,) = watch.find_all(EscalationClimbed, contact_id)
    assert warned.threshold_percent == 60
    assert warned.occurred_at < breached.due_at <= breached.occurred_at < climbed.occurred_at
    assert min(ending.latenesses_ms) >= 0
    pages = [(page.person_id, page.reason) for page in watch.find_all(PageRequested, contact_id)]
    assert pages == [("bruno", "warning"), ("sara", "raised"), ("marco", "climbed")]
    sent = {(one.person_id, one.medium) for one in watch.find_all(NotificationSent, contact_id)}
    assert sent == {
        ("bruno", "slack"),
        ("sara", "slack"),
        ("sara", "email"),
        ("marco", "slack"),
        ("marco", "email"),
    }


async def test_customer_asks(stage: Scenario) -> None:
    ending = await stories.customer_asks_for_supervisor(stage)
    (raised,) = stage.event_log.find_all(EscalationRaised, ending.contact_id)
    assert "Let me talk to your supervisor" in raised.reason


async def test_representative_refers(stage: Scenario) -> None:
    ending = await stories.representative_refers(stage)
    (added,) = stage.event_log.find_all(EscalationReasonAdded, ending.contact_id)
    assert added.cause == "breach"
    # Whoever must know was told of each reason by one message on each medium, at the receivers too.
    told = [
        (mail["To"], mail["Subject"].rpartition(": ")[2])
        for mail in stage.system.receivers.mail.messages
        if "Returns email" in mail["Subject"]
    ]
    assert told == [
        ("sara@example.com", "referred by rita"),
        ("sara@example.com", "first response overdue"),
    ]


async def test_all_well(stage: Scenario) -> None:
    ending = await stories.answered_in_time(stage)
    escalations = await stage.actors.call("sara", "escalation", "GET", "/escalations")
    assert ending.contact_id not in {one["contact_id"] for one in escalations["escalations"]}
