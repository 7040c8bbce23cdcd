"""Pages to operations about outside systems, owned by `escalation`."""

from common.contracts.contract import Contract, Instant
from common.contracts.escalations import EscalationsEvent
from common.contracts.event import Event, PageId, SystemName


class PagedConnection(Contract):
    """Nothing comes from an outside system though something is expected, or it comes again.

    What came last came at `silent_since`; at `heard_at` something came again.
    """

    system: SystemName
    silent_since: Instant
    expected_every_minutes: int | None = None
    heard_at: Instant | None = None


class ConnectionPageRequested(EscalationsEvent):
    """Operations are to be paged about an outside system that is silent, or is heard again.

    `contact_id` stands for its connection to intake and is no contact.
    """

    page_id: PageId
    connection: PagedConnection


EVENTS: tuple[type[Event], ...] = (ConnectionPageRequested,)
