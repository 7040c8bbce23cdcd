"""What the stream shows of a record of the topic."""

from dataclasses import dataclass
from typing import Any

import orjson
import structlog

from common.contracts.escalations import EVENTS, ClockBreached, ClockWarned
from common.contracts.event import ContactId, EscalationId, Event
from common.core.ids import EventId
from common.messaging.envelope import Envelope, MalformedRecordError, decode, type_of

_CLOCKS = (ClockWarned, ClockBreached)
_SHOWN = frozenset(
    kind.type for kind in EVENTS if "escalation_id" in kind.model_fields or kind in _CLOCKS
)
_ELSEWHERE = {"contact_id", "escalation_id", "occurred_at"}
# More than a relay that takes over from another sends again.
_REMEMBERED = 5000

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class News:
    type: str
    contact_id: ContactId
    escalation_id: EscalationId | None
    data: str


@dataclass(frozen=True, slots=True)
class Happened:
    """One record; `news` is nil for what no screen shows."""

    partition: int
    offset: int
    news: News | None


class Newsreader:
    """Reads records in their order, and knows those again that come a second time."""

    def __init__(self) -> None:
        self._known: dict[EventId, None] = {}

    def read(self, record: Any) -> Happened:
        return Happened(record.partition, record.offset, self._news(record))

    def _news(self, record: Any) -> News | None:
        if type_of(record.headers) not in _SHOWN:
            return None
        try:
            envelope, event = decode(record.key, record.headers, record.value)
        except MalformedRecordError as error:
            log.warning("news_malformed", error=str(error))
            return None
        if self._knows(envelope.id):
            return None
        return _told(envelope, event)

    def _knows(self, event_id: EventId) -> bool:
        known = event_id in self._known
        self._known[event_id] = None
        if len(self._known) > _REMEMBERED:
            del self._known[next(iter(self._known))]
        return known


def _told(envelope: Envelope, event: Event) -> News | None:
    escalation_id: EscalationId | None = getattr(event, "escalation_id", None)
    if escalation_id is None and not isinstance(event, _CLOCKS):
        return None
    contact_id = ContactId(event.key)
    data = {
        "contact_id": contact_id,
        "escalation_id": escalation_id,
        "sequence": envelope.sequence,
        "at": event.occurred_at,
        "data": event.model_dump(mode="json", exclude=_ELSEWHERE),
    }
    told = orjson.dumps(data, option=orjson.OPT_UTC_Z).decode()
    return News(envelope.type, contact_id, escalation_id, told)
