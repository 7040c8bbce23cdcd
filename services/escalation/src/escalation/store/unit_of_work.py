"""All SQL of escalation, and its unit of work."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

import orjson
from pydantic import TypeAdapter
from sqlalchemy import ARRAY, Uuid, any_, bindparam, select, text, type_coerce
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from common.contracts.contacts import ContactReceived
from common.contracts.event import ContactEvent, ContactId, EscalationId
from common.core.errors import PermanentError
from common.storage.rows import LockedTable
from common.storage.uow import UnitOfWork as BaseUnitOfWork
from escalation import tables
from escalation.domain.clocks.events import CLOCK_EVENTS, ClockEvent
from escalation.domain.duty.calendars import Calendar
from escalation.domain.duty.schedules import DutySchedule
from escalation.domain.model import Escalation, Watch
from escalation.domain.settings.ladders import Ladder
from escalation.domain.settings.people import ApprovalLimit, Person, Team
from escalation.domain.settings.policies import Repeated, SlaPolicy
from escalation.domain.settings.registry import Configuration, Ref, Setting, Versioned
from escalation.domain.situation import Situation
from escalation.domain.timers import PolicyChanged
from escalation.store.audit_trail import Trails
from escalation.store.duty_gaps import DutyGaps
from escalation.store.queries import Reading
from escalation.store.timer_check import Audits

S = TypeVar("S", bound=Setting)

KINDS: dict[type[Any], str] = {
    SlaPolicy: "sla-policies",
    Calendar: "calendars",
    Ladder: "ladders",
    DutySchedule: "duty-schedules",
    Person: "people",
    Team: "teams",
    ApprovalLimit: "approval-limits",
}


class ContactNotFoundError(PermanentError):
    """There is no such contact."""


@dataclass(frozen=True, slots=True)
class Step:
    """One line of an escalation's journal."""

    type: str
    at: datetime
    data: dict[str, Any]
    cause: str | None


@dataclass(frozen=True, slots=True)
class ClockStory:
    """A contact as it is kept, and what was told of its clocks, in order."""

    watch: Watch
    events: Sequence[ClockEvent]


class Watches(LockedTable[ContactId, Watch]):
    def __init__(self, connection: AsyncConnection) -> None:
        super().__init__(connection, tables.watches, Watch)

    async def begin(self, contact_ids: Sequence[ContactId]) -> None:
        """Make sure that each contact has a row to lock, whichever topic spoke of it first."""
        await self.connection.execute(_BEGIN, {"contacts": contact_ids})

    async def look_anew_at_promises(self, at: datetime) -> None:
        """Set a timer for each contact that is open, by which what is promised is looked up anew.

        One that another transaction opens meanwhile is promised what that one found in force.
        """
        await self.connection.execute(_LOOK_ANEW, {"at": at, "type": PolicyChanged.type})

    def save(self, watch: Watch) -> None:
        if self._rows[watch.contact_id] is not watch:
            self.put(watch)

    async def others_of(self, event: ContactReceived, rule: Repeated) -> int:
        """Count the customer's other contacts so few days apart, whichever is heard of first."""
        span = timedelta(days=rule.within_days)
        since, until = event.occurred_at - span, event.occurred_at + span
        topic = event.topic_of_contact if rule.same_topic else None
        customer = event.customer.customer_id
        # Those of the same batch are not written yet.
        held = list(self.loaded())
        counted = await self.connection.execute(
            _OTHERS,
            {
                "customer": customer,
                "since": since,
                "until": until,
                "topic": topic,
                "held": [watch.contact_id for watch in held],
            },
        )
        of_batch = (
            watch.contact_id != event.contact_id
            and watch.customer_id == customer
            and watch.opened_at is not None
            and since < watch.opened_at < until
            and (topic is None or (watch.contact is not None and watch.contact.topic == topic))
            for watch in held
        )
        return int(counted.scalar_one()) + sum(of_batch)

    async def clock_story(self, contact_id: ContactId) -> ClockStory:
        """Return the contact's watch and what was told of its clocks, both of one moment."""
        watches = tables.watches
        rows = await self.connection.execute(
            select(watches, type_coerce(_TOLD_OF_CLOCKS, JSONB).label("told")).where(
                watches.c.contact_id == contact_id
            ),
            {"types": list(CLOCK_EVENTS)},
        )
        row = rows.mappings().first()
        if row is None:
            raise ContactNotFoundError
        kept = dict(row)
        told = kept.pop("told") or []
        events = [CLOCK_EVENTS[one["type"]].model_validate(one["data"]) for one in told]
        return ClockStory(self.read(kept), events)

    async def look(self, contact_ids: Sequence[ContactId]) -> dict[ContactId, Watch]:
        watches = tables.watches
        rows = await self.connection.execute(
            select(watches).where(watches.c.contact_id == _any_of(contact_ids))
        )
        found = [self.read(dict(row)) for row in rows.mappings()]
        return {watch.contact_id: watch for watch in found}


class Escalations(LockedTable[EscalationId, Escalation]):
    def __init__(self, connection: AsyncConnection) -> None:
        super().__init__(connection, tables.escalations, Escalation)

    def has_changed(self, escalation: Escalation) -> bool:
        return self._rows.get(escalation.escalation_id) is not escalation

    def save(self, escalation: Escalation) -> None:
        """Write one that is held and has changed, or that was raised just now."""
        if escalation.escalation_id not in self._rows:
            self.mark_absent(escalation.escalation_id)
        if self._rows[escalation.escalation_id] is not escalation:
            self.put(escalation)

    async def look(self, escalation_id: EscalationId) -> Escalation | None:
        escalations = tables.escalations
        rows = await self.connection.execute(
            select(escalations).where(escalations.c.escalation_id == escalation_id)
        )
        row = rows.mappings().first()
        return self.read(dict(row)) if row else None

    async def journal(self, escalation: Escalation) -> list[Step]:
        rows = await self.connection.execute(
            _JOURNAL,
            {"contact": escalation.contact_id, "escalation": escalation.escalation_id},
        )
        return [Step(row.type, row.at, row.data, row.cause) for row in rows]


class Configurations:
    """Versions of settings; what is in force is read once for each change of it."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._in_force: Configuration | None = None

    async def in_force(self) -> Configuration:
        if self._in_force is None:
            revision = (await self._connection.execute(_REVISION)).scalar_one_or_none()
            if revision not in _known:
                read = _configuration((await self._connection.execute(_IN_FORCE)).all())
                _known.clear()
                _known[revision] = read
            self._in_force = _known[revision]
        return self._in_force

    async def hold(self) -> Configuration:
        """Keep others from changing it until this transaction ends.

        Changes one at a time: what they refer to stays, and the newest row is the last committed.
        """
        await self._connection.execute(_HOLD)
        self._in_force = None
        return await self.in_force()

    async def add(self, setting: Versioned[S], at: datetime, by: str) -> None:
        await self._connection.execute(
            insert(tables.configuration).values(
                kind=KINDS[type(setting.body)],
                id=setting.id,
                version=setting.version,
                body=_ADAPTERS[type(setting.body)].dump_python(
                    setting.body, mode="json", by_alias=True
                ),
                at=at,
                by=by,
            )
        )


class Facts:
    """What was heard of contacts, as it came: policies are tried out on it."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._rows: list[dict[str, object]] = []

    def add(self, event: ContactEvent, event_id: str | None) -> None:
        self._rows.append(
            {
                "contact_id": event.contact_id,
                "at": event.occurred_at,
                "type": event.type,
                "event_id": event_id or "",
                "data": orjson.Fragment(event.model_dump_json()),
            }
        )

    async def flush(self) -> None:
        if self._rows:
            await self._connection.execute(_REMEMBER, {"rows": orjson.dumps(self._rows).decode()})


class UnitOfWork(BaseUnitOfWork):
    def __init__(self, connection: AsyncConnection, now: datetime) -> None:
        super().__init__(connection, now)
        self.watches = Watches(connection)
        self.escalations = Escalations(connection)
        self.configurations = Configurations(connection)
        self.audits = Audits(connection)
        self.facts = Facts(connection)
        self.duty_gaps = DutyGaps(connection)
        self.reading = Reading(connection)
        self.trails = Trails(connection)

    @property
    def rows(self) -> Sequence[LockedTable[Any, Any]]:
        return (self.watches, self.escalations)

    async def prelock(self, contact_ids: Sequence[ContactId]) -> None:
        """Lock the contacts' watches, which also lock their escalations for us, then those."""
        await self.watches.begin(contact_ids)
        await self.watches.lock_all(contact_ids)
        open_ones = (watch.escalation_id for watch in self.watches.loaded())
        await self.escalations.lock_all([one for one in open_ones if one is not None])

    async def flush(self) -> None:
        await super().flush()
        await self.facts.flush()
        await self.trails.flush()

    async def situation(self, contact_id: ContactId) -> Situation:
        """Return all that a decision about the contact looks at, locked."""
        watch = await self.watches.lock(contact_id)
        if watch is None:
            raise ContactNotFoundError
        escalation = None
        if watch.escalation_id is not None:
            escalation = await self.escalations.lock(watch.escalation_id)
        return Situation(watch, escalation, await self.configurations.in_force(), self.now)


# By revision, which no other database has and which never changes its meaning.
_known: dict[str | None, Configuration] = {}


_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {kind: TypeAdapter(kind) for kind in KINDS}


def _configuration(rows: Sequence[Any]) -> Configuration:
    types = {kind: setting for setting, kind in KINDS.items()}
    found: dict[str, dict[str, Versioned[Any]]] = defaultdict(dict)
    calendars: dict[Ref, Calendar] = {}
    for row in rows:
        body = _ADAPTERS[types[row.kind]].validate_python(row.body)
        found[row.kind][row.id] = Versioned(row.id, row.version, body)
        if isinstance(body, Calendar):
            calendars[Ref(row.id, row.version)] = body
    return Configuration(
        policies=found["sla-policies"],
        calendars=found["calendars"],
        ladders=found["ladders"],
        schedules=found["duty-schedules"],
        people=found["people"],
        teams=found["teams"],
        limits=found["approval-limits"],
        earlier_calendars=calendars,
    )


def _any_of(contact_ids: Sequence[ContactId]) -> Any:
    return any_(bindparam("contacts", list(contact_ids), type_=ARRAY(Uuid(as_uuid=False))))


_BEGIN = text("""
    INSERT INTO watches (contact_id)
    SELECT contact_id FROM unnest(CAST(:contacts AS uuid[])) AS spoken_of(contact_id)
    ORDER BY contact_id ON CONFLICT DO NOTHING
""")
# One after another: what is due of other contacts meanwhile does not wait for all of them.
_LOOK_ANEW = text("""
    INSERT INTO timers (due_at, contact_id, slot, type, data)
    SELECT CAST(:at AS timestamptz) + row_number() OVER () * interval '2 milliseconds',
           contact_id, :type, :type, jsonb_build_object('contact_id', contact_id)
    FROM watches WHERE resolved_at IS NULL AND opened_at IS NOT NULL
""")
_REMEMBER = text("""
    INSERT INTO facts (contact_id, at, type, event_id, data)
    SELECT contact_id, at, type, event_id, data
    FROM jsonb_to_recordset(CAST(CAST(:rows AS text) AS jsonb)) AS r(
        contact_id uuid, at timestamptz, type text, event_id text, data jsonb)
    ON CONFLICT DO NOTHING
""")
_TOLD_OF_CLOCKS = text("""
    (SELECT jsonb_agg(jsonb_build_object('type', type, 'data', data) ORDER BY id)
     FROM published_events WHERE key = CAST(watches.contact_id AS text)
        AND type = ANY(CAST(:types AS text[])))
""")
_OTHERS = text("""
    SELECT count(*) FROM watches
    WHERE customer_id = :customer AND opened_at > :since AND opened_at < :until
      AND (CAST(:topic AS text) IS NULL OR contact->>'topic' = CAST(:topic AS text))
      AND contact_id <> ALL(CAST(:held AS uuid[]))
""")
_REVISION = text("SELECT CAST(revision AS text) FROM configuration ORDER BY serial DESC LIMIT 1")
_IN_FORCE = text("""
    SELECT kind, id, version, body FROM configuration AS setting
    WHERE kind = 'calendars' OR version = (
        SELECT max(version) FROM configuration AS newest
        WHERE newest.kind = setting.kind AND newest.id = setting.id)
    ORDER BY kind, id, version
""").columns(body=JSONB)
_HOLD = text("LOCK TABLE configuration IN SHARE ROW EXCLUSIVE MODE")
_JOURNAL = text("""
    SELECT type, at, data, cause FROM published_events
    WHERE key = :contact AND data->>'escalation_id' = :escalation ORDER BY id
""")
