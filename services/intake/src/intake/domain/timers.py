"""The timers of intake."""

from common.contracts.contract import Instant
from common.contracts.event import SystemName
from common.messages import Timer


class CustomerAbsenceDue(Timer):
    """The customer left a chat at `left_at`, as `reported_by` says, and may not have come back."""

    left_at: Instant
    reported_by: SystemName | None = None


class SilenceDue(Timer):
    """Something should have come by a connection; `contact_id` stands for it."""

    kind: str
    connection: str
