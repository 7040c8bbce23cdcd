"""Everything that the checker reads, in types of its own: it shares no code with the services."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from common.contracts.event import Event

_DEADLINE_PERCENT = 100


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a topic; `event` is None if the record can't be decoded as its type.

    `origin` has the form that dead letters use.
    """

    topic: str
    partition: int
    offset: int
    origin: str
    type: str | None
    event_id: str
    sequence: int
    event: Event | None
    value: bytes


@dataclass(frozen=True, slots=True)
class JournalRow:
    key: str
    topic: str
    sequence: int
    event_id: str
    type: str
    at: datetime
    cause: str | None
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TimerRow:
    id: int
    due_at: datetime
    contact_id: str
    slot: str
    type: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class InboxRow:
    event_id: str


@dataclass(frozen=True, slots=True)
class DeadLetterRow:
    origin: str
    event_id: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """The events that one transaction publishes."""

    event_ids: Sequence[str]


@dataclass(frozen=True, slots=True)
class ContactRepresentative:
    """Who has or had a contact, as intake knows it."""

    contact_id: str
    person_id: str
    sequence: int
    is_released: bool


@dataclass(frozen=True)
class ServiceTables:
    """The reliability tables of one service, and the event types that it subscribes to.

    Those of `projected_types` are not in the inbox: they are in `contact_representatives`.
    """

    subscribed_types: frozenset[str] = frozenset()
    projected_types: frozenset[str] = frozenset()
    contact_representatives: Sequence[ContactRepresentative] = ()
    journal: Sequence[JournalRow] = ()
    inbox: Sequence[InboxRow] = ()
    dead_letters: Sequence[DeadLetterRow] = ()
    outbox: Sequence[OutboxRow] = ()
    timers: Sequence[TimerRow] = ()

    @cached_property
    def representatives_by_place(self) -> Mapping[tuple[str, str], ContactRepresentative]:
        return {(row.contact_id, row.person_id): row for row in self.contact_representatives}


@dataclass(frozen=True, slots=True)
class Contact:
    contact_id: str
    state: str


@dataclass(frozen=True, slots=True)
class Assignment:
    contact_id: str
    state: str
    representative_id: str | None
    offer: int


@dataclass(frozen=True, slots=True)
class Representative:
    """`load_limit` exceeds the capacity only after the capacity was lowered."""

    representative_id: str
    skills: tuple[str, ...]
    languages: tuple[str, ...]
    capacity: int
    load: int
    load_limit: int


@dataclass(frozen=True, slots=True)
class Threshold:
    percent: int
    due_at: datetime
    fired_at: datetime | None = None
    offset_s: float | None = None
    action: str = "raise"

    @property
    def is_deadline(self) -> bool:
        place = self.percent, self.offset_s, self.action
        return place == (_DEADLINE_PERCENT, None, "raise")


@dataclass(frozen=True, slots=True)
class Clock:
    name: str
    thresholds: tuple[Threshold, ...]
    started_at: datetime
    met_at: datetime | None = None
    cancelled_at: datetime | None = None
    paused_at: datetime | None = None
    run: int = 1

    @property
    def deadline(self) -> Threshold:
        return next(threshold for threshold in self.thresholds if threshold.is_deadline)

    @property
    def ended_at(self) -> datetime | None:
        return self.met_at or self.cancelled_at

    @property
    def next_threshold(self) -> Threshold | None:
        if self.ended_at is not None or self.paused_at is not None:
            return None
        return next((item for item in self.thresholds if item.fired_at is None), None)


@dataclass(frozen=True, slots=True)
class TrackedContact:
    contact_id: str
    details: Mapping[str, Any] | None
    resolved_at: datetime | None
    clocks: tuple[Clock, ...]
    escalation_id: str | None
    wait_ends_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Escalation:
    escalation_id: str
    contact_id: str
    state: str
    level: int
    round: int
    lease_no: int
    deadline: datetime | None
    lease: Mapping[str, Any] | None = None

    @property
    def warn_at(self) -> datetime | None:
        at = self.lease["warn_at"] if self.lease else None
        return None if at is None else datetime.fromisoformat(at)

    @property
    def is_open(self) -> bool:
        return self.state in ("raised", "acknowledged", "taken_over", "approval_asked")


@dataclass(frozen=True, slots=True)
class Notification:
    notification_id: str
    idempotency_key: str
    kind: str
    state: str
    page_id: str
    escalation_id: str | None
    medium: str | None
    ambiguous: bool


@dataclass(frozen=True, slots=True)
class Attempt:
    notification_id: str
    attempt: int
    outcome: str | None


@dataclass(frozen=True, slots=True)
class Address:
    medium: str


@dataclass(frozen=True, slots=True)
class Recipient:
    person_id: str
    media: tuple[Address, ...]


@dataclass(frozen=True)
class Snapshot:
    """`accepted_contacts` are those that a client got a 2xx for.

    `committed_offsets` are by service, topic and partition; `receipts` counts how often each
    notification arrived at the receivers. `at` is the time of the database snapshot.
    """

    at: datetime
    accepted_contacts: frozenset[str] = frozenset()
    records: Sequence[Record] = ()
    committed_offsets: Mapping[tuple[str, str, int], int] = field(default_factory=dict)
    tables: Mapping[str, ServiceTables] = field(default_factory=dict)
    contacts: Sequence[Contact] = ()
    assignments: Sequence[Assignment] = ()
    representatives: Sequence[Representative] = ()
    tracked_contacts: Sequence[TrackedContact] = ()
    escalations: Sequence[Escalation] = ()
    notifications: Sequence[Notification] = ()
    attempts: Sequence[Attempt] = ()
    recipients: Sequence[Recipient] = ()
    receipts: Mapping[str, int] = field(default_factory=dict)

    @cached_property
    def streams(self) -> Mapping[tuple[str, str], list[Record]]:
        """The events of each (topic, key) in the order in which each first appeared."""
        event_ids: set[str] = set()
        streams: defaultdict[tuple[str, str], list[Record]] = defaultdict(list)
        for record in self.records:
            if record.event is not None and record.event_id not in event_ids:
                event_ids.add(record.event_id)
                streams[record.topic, record.event.key].append(record)
        return streams

    def events(self, topic: str) -> Mapping[str, list[Event]]:
        """The events of a topic by key, each once, in their order."""
        return {
            key: [record.event for record in records if record.event is not None]
            for (stream_topic, key), records in self.streams.items()
            if stream_topic == topic
        }

    def timers_by_slot(self, service: str) -> Mapping[tuple[str, str], list[TimerRow]]:
        """The timers of a service by contact and slot."""
        tables = self.tables.get(service)
        timers: defaultdict[tuple[str, str], list[TimerRow]] = defaultdict(list)
        for timer in tables.timers if tables else ():
            timers[timer.contact_id, timer.slot].append(timer)
        return timers
