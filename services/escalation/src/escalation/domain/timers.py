"""The timers of escalation. A timer that comes too late finds another state and does nothing."""

from common.contracts.change_reasons import ChangeReason
from common.contracts.event import EscalationId
from common.messages import Timer

ESCALATION_SLOT = "escalation"
WAIT_SLOT = "wait"
WARNING_SLOT = "escalation:warning"
CLOCK_SLOT = "clocks"


class ClockDue(Timer):
    """The first of the contact's clocks passes its next threshold; the others wait behind it."""

    @property
    def slot(self) -> str:
        return CLOCK_SLOT


class EscalationTimer(Timer):
    """An open escalation waits for one thing at a time, so it has one slot."""

    escalation_id: EscalationId

    @property
    def slot(self) -> str:
        return ESCALATION_SLOT


class AcknowledgementDue(EscalationTimer):
    level: int
    round: int


class LeaseExpires(EscalationTimer):
    lease_no: int


class LeaseWarningDue(EscalationTimer):
    """The holder must be warned before the lease ends."""

    lease_no: int

    @property
    def slot(self) -> str:
        return WARNING_SLOT


class WaitExpires(Timer):
    """The customer has not answered for as long as the policy lets clocks pause."""

    @property
    def slot(self) -> str:
        return WAIT_SLOT


class SettingChanged(Timer):
    """A setting was changed for open contacts too: retarget the clocks of this one."""

    reason: str
    change_reason: ChangeReason | None = None


class SettingArchived(Timer):
    """A policy or calendar was archived, and open contacts are released from it."""

    kind: str
    setting_id: str
