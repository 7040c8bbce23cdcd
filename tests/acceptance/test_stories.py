"""The main job, told by `make demo` and held to here."""

from common.contracts.clocks import ClockBreached, ClockWarned
from common.contracts.escalations import (
    EscalationClimbed,
    EscalationRaised,
    EscalationReasonAdded,
    PageRequested,
)
from common.contracts.notifications import NotificationSent
from stage import stories
from stage.stories import Stage


async def test_breach(stage: Stage) -> None:
    ending = await stories.breach(stage)
    watch, contact_id = stage.watch, ending.contact_id
    (warned,) = watch.all(ClockWarned, contact_id)
    (breached,) = watch.all(ClockBreached, contact_id)
    (climbed,) = watch.all(EscalationClimbed, contact_id)
    assert warned.threshold_percent == 60
    assert warned.occurred_at < breached.due_at <= breached.occurred_at < climbed.occurred_at
    assert min(ending.latenesses_ms) >= 0
    pages = [(page.person_id, page.reason) for page in watch.all(PageRequested, contact_id)]
    assert pages == [("bruno", "warning"), ("sara", "raised"), ("marco", "climbed")]
    sent = {(one.person_id, one.medium) for one in watch.all(NotificationSent, contact_id)}
    assert sent == {
        ("bruno", "slack"),
        ("sara", "slack"),
        ("sara", "email"),
        ("marco", "slack"),
        ("marco", "email"),
    }


async def test_customer_asks(stage: Stage) -> None:
    ending = await stories.customer_asks(stage)
    (raised,) = stage.watch.all(EscalationRaised, ending.contact_id)
    assert "Let me talk to your supervisor" in raised.reason


async def test_representative_refers(stage: Stage) -> None:
    ending = await stories.representative_refers(stage)
    (added,) = stage.watch.all(EscalationReasonAdded, ending.contact_id)
    assert added.cause == "breach"
    # Whoever must know was told of each reason by one message on each medium, at the receivers too.
    told = [
        (mail["To"], mail["Subject"].rpartition(": ")[2])
        for mail in stage.system.outside.mail.messages
        if "Returns email" in mail["Subject"]
    ]
    assert told == [
        ("sara@example.com", "referred by rita"),
        ("sara@example.com", "first response overdue"),
    ]


async def test_all_well(stage: Stage) -> None:
    ending = await stories.all_well(stage)
    escalations = await stage.cast.call("sara", "escalation", "GET", "/escalations")
    assert ending.contact_id not in {one["contact_id"] for one in escalations["items"]}
