"""The checker follows a lease that is renewed, snoozed, handed over or returned."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from common.contracts.escalations import (
    ApprovalAsked,
    EscalationHandedOver,
    EscalationLeaseRenewed,
    EscalationReturned,
    EscalationSnoozed,
    PageReason,
    PageRequested,
)
from common.contracts.event import PageId, PersonId
from stage.invariants import check
from unit.stage.changes import Change, publishing
from unit.stage.examples import (
    ADA,
    MARCO,
    RAISED,
    SARA,
    UNANSWERED,
    acknowledged,
    at,
    climbed,
    page,
    sound_history,
    taken_over,
)

OF_ADA: dict[str, Any] = {"contact_id": ADA, "occurred_at": at(16), "escalation_id": RAISED}
HANDED_OVER = EscalationHandedOver(**OF_ADA, by=SARA, to=MARCO, context="knows her")
APPROVAL = ApprovalAsked(
    **OF_ADA,
    by=SARA,
    outcome="refund",
    amount=Decimal(500),
    currency="EUR",
    note="all of it",
    level=1,
    level_name="managers",
    approvers=(MARCO,),
)
RETURNED = EscalationReturned(
    **(OF_ADA | {"occurred_at": at(20)}),
    from_person=SARA,
    level=0,
    level_name="supervisors",
    reason="shift of sara ended",
    lateness_ms=1.0,
)


def renewed(until: datetime, by: PersonId = SARA) -> EscalationLeaseRenewed:
    return EscalationLeaseRenewed(**OF_ADA, by=by, lease_expires_at=until)


def snoozed(until: datetime) -> EscalationSnoozed:
    return EscalationSnoozed(**OF_ADA, by=SARA, until=until, reason="calls at noon")


def paged(reason: PageReason) -> PageRequested:
    return structs.replace(page(ADA), page_id=PageId(reason), reason=reason)


BROKEN: dict[str, tuple[Change, str]] = {
    "climbed after a renewal": (
        publishing(acknowledged(SARA, at(17)), renewed(at(99)), climbed(1.0)),
        "moved on before the lease ended",
    ),
    "climbed while snoozed": (
        publishing(acknowledged(SARA, at(17)), snoozed(at(99)), climbed(1.0)),
        "moved on before the lease ended",
    ),
    "climbed during a take-over": (
        publishing(structs.replace(taken_over(SARA), lease_expires_at=at(99)), climbed(1.0)),
        "moved on before the lease ended",
    ),
    "returned before the shift ended": (
        publishing(acknowledged(SARA, at(99)), RETURNED),
        "moved on before the lease ended",
    ),
    "another person renews": (
        publishing(acknowledged(SARA, at(99)), renewed(at(99), MARCO)),
        "two people hold one escalation",
    ),
    "acknowledged by another after an update page": (
        publishing(acknowledged(SARA, at(99)), paged("updated"), acknowledged(MARCO, at(99))),
        "two people hold one escalation",
    ),
    "taken over while an approval is open": (
        publishing(acknowledged(SARA, at(99)), APPROVAL, taken_over(MARCO)),
        "two people hold one escalation",
    ),
}
SOUND: dict[str, Change] = {
    "renewed lease ended": publishing(
        acknowledged(SARA, at(17)), renewed(at(19)), climbed(1.0), acknowledged(MARCO, at(99))
    ),
    "handed over": publishing(acknowledged(SARA, at(99)), HANDED_OVER, acknowledged(MARCO, at(99))),
    "returned": publishing(acknowledged(SARA, at(20)), RETURNED, acknowledged(MARCO, at(99))),
    "approval without a decision": publishing(acknowledged(SARA, at(99)), APPROVAL, UNANSWERED),
}


@pytest.mark.parametrize(("change", "message"), BROKEN.values(), ids=BROKEN)
def test_broken_lease_is_reported(change: Change, message: str) -> None:
    verdict = check(change(sound_history()))
    assert (2, message) in {(item.invariant, item.message) for item in verdict.violations}, str(
        verdict
    )


@pytest.mark.parametrize("change", SOUND.values(), ids=SOUND)
def test_sound_lease_is_not_reported(change: Change) -> None:
    verdict = check(change(sound_history()))
    messages = {message for _, message in BROKEN.values()}
    assert not {item.message for item in verdict.violations} & messages, str(verdict)
