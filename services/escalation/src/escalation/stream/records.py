"""Decodes records of the topics into the events of the stream."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import orjson
import structlog

from common.contracts import clocks, complaints, escalations
from common.contracts.clocks import ClockBreached, ClockWarned
from common.contracts.complaints import ComplaintRaised
from common.contracts.escalations import PagesErased
from common.contracts.event import ContactId, EscalationId, Event, PersonId
from common.core.ids import EventId
from common.messaging.envelope import Envelope, MalformedRecordError, type_of
from common.messaging.record_decoder import RecordDecoder
from escalation.stream.offsets import Partition

# These tell of a contact, and name no escalation.
_CONTACT_EVENTS = (ClockWarned, ClockBreached, PagesErased)
_STREAMED_TYPES = frozenset(
    kind.type
    for kind in (*escalations.EVENTS, *complaints.EVENTS, *clocks.EVENTS)
    if "escalation_id" in kind.__struct_fields__ or kind in _CONTACT_EVENTS
)
# The fields of an event that every event has, or that are beside its data.
EVENT_FRAME = frozenset(("contact_id", "escalation_id", "occurred_at"))
# More than a relay sends again when it takes over from another.
_MAX_REMEMBERED_IDS = 5000
_MAX_LOGGED_MALFORMED = 100

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """`data` is JSON. `is_of_escalation`: it tells of an escalation, and of no other clock.

    `is_erasure`: words about the contact are erased, and who shows some must read them again.
    """

    type: str
    contact_id: ContactId
    escalation_id: EscalationId | None
    data: str
    complaint_about: PersonId | None = None
    is_of_escalation: bool = True
    is_erasure: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """A record's position, and its event; None if it is not streamed."""

    partition: Partition
    offset: int
    event: StreamEvent | None


class Decoder:
    """Decodes records in their order and drops events that were published twice.

    A record that is read again, after a failure, has its event again.
    """

    def __init__(self, topics: Sequence[str], record_decoder: RecordDecoder) -> None:
        self._record_decoder = record_decoder
        self._topics = {topic: number for number, topic in enumerate(topics)}
        self._seen: dict[EventId, tuple[Partition, int]] = {}
        self._malformed = 0

    def decode(self, record: Any) -> Record:
        partition = self._topics[record.topic], record.partition
        try:
            event = self._event(record, (partition, record.offset))
        except Exception:
            # One record must not end the stream of all.
            log.exception("stream_record_failed", offset=record.offset)
            event = None
        return Record(partition, record.offset, event)

    def _event(self, record: Any, place: tuple[Partition, int]) -> StreamEvent | None:
        if type_of(record.headers) not in _STREAMED_TYPES:
            return None
        try:
            envelope, event = self._record_decoder.decode(record)
        except MalformedRecordError as error:
            self._malformed += 1
            # Strangers may write any number; the consumers of their topics count them.
            if self._malformed <= _MAX_LOGGED_MALFORMED:
                log.warning("stream_record_malformed", error=str(error))
            return None
        if self._is_duplicate(envelope.id, place):
            return None
        return _stream_event(envelope, event)

    def _is_duplicate(self, event_id: EventId, place: tuple[Partition, int]) -> bool:
        first_place = self._seen.setdefault(event_id, place)
        if len(self._seen) > _MAX_REMEMBERED_IDS:
            del self._seen[next(iter(self._seen))]
        return first_place != place


def _stream_event(envelope: Envelope, event: Event) -> StreamEvent | None:
    escalation_id: EscalationId | None = getattr(event, "escalation_id", None)
    if escalation_id is None and not isinstance(event, _CONTACT_EVENTS):
        return None
    contact_id = ContactId(event.key)
    content = {
        "contact_id": contact_id,
        "escalation_id": escalation_id,
        "sequence": envelope.sequence,
        "at": event.occurred_at,
        "data": {
            name: value
            for name, value in msgspec.to_builtins(event).items()
            if name not in EVENT_FRAME
        },
    }
    data = orjson.dumps(content, option=orjson.OPT_UTC_Z).decode()
    about = event.about if isinstance(event, ComplaintRaised) else None
    clock = getattr(event, "clock", "acknowledgement")
    is_erasure = isinstance(event, PagesErased)
    return StreamEvent(
        envelope.type,
        contact_id,
        escalation_id,
        data,
        about,
        is_of_escalation=clock == "acknowledgement" and not is_erasure,
        is_erasure=is_erasure,
    )
