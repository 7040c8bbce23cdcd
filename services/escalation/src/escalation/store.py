"""All SQL of escalation, and its unit of work."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from pydantic import TypeAdapter
from sqlalchemy import ARRAY, Uuid, any_, bindparam, func, literal, or_, select, text, tuple_
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from common.contracts.event import ContactId, EscalationId, PageId, PersonId
from common.errors import PermanentError
from common.messages import Schedule
from common.rows import Rows
from common.uow import UnitOfWork as BaseUnitOfWork
from escalation import tables
from escalation.domain.audit import TIMERS, Books
from escalation.domain.calendars import Calendar
from escalation.domain.configuration import Configuration, Setting, Versioned
from escalation.domain.duty import DutySchedule
from escalation.domain.ladders import Ladder
from escalation.domain.policies import SlaPolicy
from escalation.domain.situation import Situation
from escalation.domain.watches import Escalation, EscalationState, Watch

S = TypeVar("S", bound=Setting)

KINDS: dict[type[Any], str] = {
    SlaPolicy: "sla-policies",
    Calendar: "calendars",
    Ladder: "ladders",
    DutySchedule: "duty-schedules",
}


class UnknownContact(PermanentError):
    """There is no such contact."""


@dataclass(frozen=True, slots=True)
class Step:
    """One line of an escalation's journal."""

    type: str
    at: datetime
    data: dict[str, Any]
    cause: str | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page of the list ended."""

    deadline: datetime | None
    escalation_id: EscalationId


class Watches(Rows[ContactId, Watch]):
    def __init__(self, connection: AsyncConnection) -> None:
        super().__init__(connection, tables.watches, Watch)

    async def begin(self, contact_ids: Sequence[ContactId]) -> None:
        """Make sure that each contact has a row to lock, whichever topic spoke of it first."""
        await self.connection.execute(_BEGIN, {"contacts": contact_ids})

    def save(self, watch: Watch) -> None:
        if self._held[watch.contact_id] is not watch:
            self.put(watch)

    async def look(self, contact_ids: Sequence[ContactId]) -> dict[ContactId, Watch]:
        watches = tables.watches
        rows = await self.connection.execute(
            select(watches).where(watches.c.contact_id == _any_of(contact_ids))
        )
        found = [self.read(dict(row)) for row in rows.mappings()]
        return {watch.contact_id: watch for watch in found}


class Escalations(Rows[EscalationId, Escalation]):
    def __init__(self, connection: AsyncConnection) -> None:
        super().__init__(connection, tables.escalations, Escalation)

    def save(self, escalation: Escalation) -> None:
        """Write one that is held and has changed, or that was raised just now."""
        if escalation.escalation_id not in self._held:
            self.absent(escalation.escalation_id)
        if self._held[escalation.escalation_id] is not escalation:
            self.put(escalation)

    async def look(self, escalation_id: EscalationId) -> Escalation | None:
        escalations = tables.escalations
        rows = await self.connection.execute(
            select(escalations).where(escalations.c.escalation_id == escalation_id)
        )
        row = rows.mappings().first()
        return self.read(dict(row)) if row else None

    async def by_time_left(
        self,
        states: Sequence[EscalationState],
        person: PersonId | None,
        after: Place | None,
        limit: int,
    ) -> list[Escalation]:
        """Return those that run out first; of a person, those held by or waiting for that one."""
        escalations = tables.escalations
        runs_out = func.coalesce(escalations.c.deadline, text("'infinity'"))
        query = select(escalations).where(escalations.c.state.in_(states))
        if person is not None:
            query = query.where(
                or_(escalations.c.holder == person, escalations.c.awaited.contains([person]))
            )
        if after is not None:
            there = text("'infinity'") if after.deadline is None else literal(after.deadline)
            query = query.where(
                tuple_(runs_out, escalations.c.escalation_id)
                > tuple_(there, literal(after.escalation_id, Uuid(as_uuid=False)))
            )
        query = query.order_by(runs_out, escalations.c.escalation_id).limit(limit)
        rows = await self.connection.execute(query)
        return [self.read(dict(row)) for row in rows.mappings()]

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


class Audits:
    """What the audit reads; it locks nothing."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def open_after(self, contact_id: ContactId, limit: int) -> list[ContactId]:
        """Return the next contacts, by their ids, that have anything open."""
        rows = await self._connection.execute(_OPEN, {"after": contact_id, "limit": limit})
        return [ContactId(str(row.contact_id)) for row in rows]

    async def books(self, contact_ids: Sequence[ContactId]) -> list[Books]:
        """Return state and timers as one statement sees them: as committed at one moment.

        State and timers change in one transaction, so of one in flight we see neither. A timer
        that is being fired is deleted in the transaction that changes the state: until that
        commits we see both as before, however locked the row is.
        """
        rows = await self._connection.execute(_BOOKS_OF, {"contacts": contact_ids})
        return [_books(row) for row in rows.mappings()]

    async def has_told(self, contact_id: ContactId, page_id: PageId) -> bool:
        told = await self._connection.execute(_TOLD, {"contact": contact_id, "page": page_id})
        return bool(told.scalar_one())


class UnitOfWork(BaseUnitOfWork):
    def __init__(self, connection: AsyncConnection, now: datetime) -> None:
        super().__init__(connection, now)
        self.watches = Watches(connection)
        self.escalations = Escalations(connection)
        self.configurations = Configurations(connection)
        self.audits = Audits(connection)

    @property
    def rows(self) -> Sequence[Rows[Any, Any]]:
        return (self.watches, self.escalations)

    async def hold(self, contact_ids: Sequence[ContactId]) -> None:
        """Lock the contacts' watches, which also lock their escalations for us, then those."""
        await self.watches.begin(contact_ids)
        await self.watches.lock_all(contact_ids)
        open_ones = (watch.escalation_id for watch in self.watches.held())
        await self.escalations.lock_all([one for one in open_ones if one is not None])

    async def situation(self, contact_id: ContactId) -> Situation:
        """Return all that a decision about the contact looks at, locked."""
        watch = await self.watches.lock(contact_id)
        if watch is None:
            raise UnknownContact
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
    for row in rows:
        body = _ADAPTERS[types[row.kind]].validate_python(row.body)
        found[row.kind][row.id] = Versioned(row.id, row.version, body)
    return Configuration(
        policies=found["sla-policies"],
        calendars=found["calendars"],
        ladders=found["ladders"],
        schedules=found["duty-schedules"],
    )


_BOOKS: TypeAdapter[Books] = TypeAdapter(Books)


def _books(row: Mapping[Any, Any]) -> Books:
    known = [one for one in row["timers"] if one["type"] in TIMERS]
    foreign = [one["slot"] for one in row["timers"] if one["type"] not in TIMERS]
    return _BOOKS.validate_python(
        {**row, "standing": [_schedule(one) for one in known], "foreign": foreign}
    )


def _schedule(row: Mapping[str, Any]) -> Schedule:
    # As models, so that a field that came later has its default in an old row.
    timer = TIMERS[row["type"]].model_validate(row["data"])
    return Schedule(timer, datetime.fromisoformat(row["due_at"]))


def _any_of(contact_ids: Sequence[ContactId]) -> Any:
    return any_(bindparam("contacts", list(contact_ids), type_=ARRAY(Uuid(as_uuid=False))))


_BEGIN = text("""
    INSERT INTO watches (contact_id)
    SELECT contact_id FROM unnest(CAST(:contacts AS uuid[])) AS spoken_of(contact_id)
    ORDER BY contact_id ON CONFLICT DO NOTHING
""")
_REVISION = text("SELECT CAST(revision AS text) FROM configuration ORDER BY serial DESC LIMIT 1")
_IN_FORCE = text("""
    SELECT DISTINCT ON (kind, id) kind, id, version, body FROM configuration
    ORDER BY kind, id, version DESC
""").columns(body=JSONB)
_HOLD = text("LOCK TABLE configuration IN SHARE ROW EXCLUSIVE MODE")
_JOURNAL = text("""
    SELECT type, at, data, cause FROM journal
    WHERE contact_id = :contact AND data->>'escalation_id' = :escalation ORDER BY sequence
""")
# By its key, so that it costs the same however many contacts there have been.
_OPEN = text("""
    (SELECT contact_id FROM watches
     WHERE resolved_at IS NULL AND contact_id > :after ORDER BY contact_id LIMIT :limit)
    UNION
    (SELECT contact_id FROM escalations
     WHERE state IN ('raised', 'acknowledged', 'taken_over', 'approval_asked') AND contact_id > :after
     ORDER BY contact_id LIMIT :limit)
    ORDER BY contact_id LIMIT :limit
""")
_BOOKS_OF = text("""
    SELECT CAST(w.contact_id AS text), w.clocks, to_jsonb(e) AS escalation, coalesce((
        SELECT jsonb_agg(to_jsonb(timers))
        FROM timers WHERE timers.contact_id = w.contact_id
    ), '[]') AS timers
    FROM watches w LEFT JOIN escalations e ON e.contact_id = w.contact_id
        AND e.state IN ('raised', 'acknowledged', 'taken_over', 'approval_asked')
    WHERE w.contact_id = ANY(CAST(:contacts AS uuid[])) ORDER BY w.contact_id
""").columns(clocks=JSONB, escalation=JSONB, timers=JSONB)
_TOLD = text("""
    SELECT EXISTS (SELECT FROM journal WHERE contact_id = :contact
        AND type = 'upstairs.timer_missing.v1' AND data->>'page_id' = :page)
""")
