"""What streamed events are about, as the database has it now: filters of streams compare it."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from common.contracts.event import ContactId, EscalationId
from escalation.domain.model import Escalation, TrackedContact
from escalation.domain.settings.registry import Configuration
from escalation.stream.records import StreamEvent


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The escalations and contacts of some events; those that are open are there for contacts."""

    escalations: Mapping[EscalationId, Escalation]
    contacts: Mapping[ContactId, TrackedContact]
    configuration: Configuration
    at: datetime


ReadSnapshot = Callable[[Collection[StreamEvent]], Awaitable[Snapshot]]
