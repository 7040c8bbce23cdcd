"""What the checker says of who has an escalation that goes on: renewed, snoozed, given away."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

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
from unit.stage.examples import MARCO, UNANSWERED, acknowledged, climbed, taken_over
from unit.stage.history import ADA, RAISED, SARA, Change, at, good, page, telling

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
    asked=(MARCO,),
)
RETURNED = EscalationReturned(
    **(OF_ADA | {"occurred_at": at(20)}),
    from_person=SARA,
    level=0,
    level_name="supervisors",
    because="shift of sara ended",
    lateness_ms=1.0,
)


def renewed(until: datetime, by: PersonId = SARA) -> EscalationLeaseRenewed:
    return EscalationLeaseRenewed(**OF_ADA, by=by, lease_expires_at=until)


def snoozed(until: datetime) -> EscalationSnoozed:
    return EscalationSnoozed(**OF_ADA, by=SARA, until=until, reason="calls at noon")


def paged(reason: PageReason) -> PageRequested:
    return page(ADA).model_copy(update={"page_id": PageId(reason), "reason": reason})


BROKEN: dict[str, tuple[Change, str]] = {
    "climbed although it was renewed": (
        telling(acknowledged(SARA, at(17)), renewed(at(99)), climbed(1.0)),
        "climbed while somebody had it",
    ),
    "climbed while it is snoozed": (
        telling(acknowledged(SARA, at(17)), snoozed(at(99)), climbed(1.0)),
        "climbed while somebody had it",
    ),
    "climbed though it was taken over until later": (
        telling(taken_over(SARA).model_copy(update={"lease_expires_at": at(99)}), climbed(1.0)),
        "climbed while somebody had it",
    ),
    "returned before the shift ended": (
        telling(acknowledged(SARA, at(99)), RETURNED),
        "climbed while somebody had it",
    ),
    "another renews it": (
        telling(acknowledged(SARA, at(99)), renewed(at(99), MARCO)),
        "two have it",
    ),
    "news to whoever has it frees it for another": (
        telling(acknowledged(SARA, at(99)), paged("updated"), acknowledged(MARCO, at(99))),
        "two have it",
    ),
    "taken while an approval is asked for": (
        telling(acknowledged(SARA, at(99)), APPROVAL, taken_over(MARCO)),
        "two have it",
    ),
}
SOUND: dict[str, Change] = {
    "a renewed lease that ran out": telling(
        acknowledged(SARA, at(17)), renewed(at(19)), climbed(1.0), acknowledged(MARCO, at(99))
    ),
    "handed over": telling(acknowledged(SARA, at(99)), HANDED_OVER, acknowledged(MARCO, at(99))),
    "returned": telling(acknowledged(SARA, at(20)), RETURNED, acknowledged(MARCO, at(99))),
    "an approval nobody decides on": telling(acknowledged(SARA, at(99)), APPROVAL, UNANSWERED),
}


@pytest.mark.parametrize(("change", "otherwise"), BROKEN.values(), ids=BROKEN)
def test_who_has_it_wrongly_is_named(change: Change, otherwise: str) -> None:
    verdict = check(change(good()))
    assert (2, otherwise) in {(one.number, one.told) for one in verdict.broken}, str(verdict)


@pytest.mark.parametrize("change", SOUND.values(), ids=SOUND)
def test_who_has_it_rightly_is_not(change: Change) -> None:
    verdict = check(change(good()))
    told = {otherwise for _, otherwise in BROKEN.values()}
    assert not {one.told for one in verdict.broken} & told, str(verdict)
