"""The SQL of people: how they are reached, who changed that, and who reports to whom."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from functools import partial

import msgspec
from sqlalchemy import (
    ARRAY,
    Select,
    Text,
    any_,
    bindparam,
    cast,
    delete,
    false,
    func,
    insert,
    literal,
    select,
    true,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql

from common.contracts.event import PersonId
from common.contracts.notifications import Medium
from common.storage.bulk import bulk_insert
from common.storage.connection import Connection, IntegrityError
from common.storage.rows import LockedTable
from notifier import tables
from notifier.domain.errors import ChannelUserTakenError
from notifier.domain.recipients import (
    DEFAULT_TIME_ZONE,
    Address,
    Recipient,
    RecipientChange,
    ReportingLine,
)
from notifier.domain.verification import OwnRequest

_USERS = tables.channel_users
_LINES = tables.reporting_lines
# Of a row that only locks a recipient who is not saved yet.
_NEW_EPOCH = 0
_to_recipient = partial(msgspec.convert, type=Recipient)
_to_change = partial(msgspec.convert, type=RecipientChange)


class Recipients:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._read: dict[PersonId, Recipient | None] = {}

    async def lock(self, person_id: PersonId) -> Recipient | None:
        """Lock the recipient, also one that is new, until the transaction ends."""
        row = {
            "person_id": person_id,
            "name": person_id,
            "media": [],
            "link_epoch": _NEW_EPOCH,
            "time_zone": DEFAULT_TIME_ZONE,
            "devices": [],
            "rules": {},
            "verified": {},
            "version": 0,
        }
        await self._connection.execute(
            postgresql.insert(tables.recipients).values(row).on_conflict_do_nothing()
        )
        locked = _recipients().where(tables.recipients.c.person_id == person_id)
        rows = await self._connection.execute(locked.with_for_update(of=tables.recipients))
        recipient = _to_recipient(dict(rows.single()))
        # It never had an address: this transaction has inserted it.
        return None if recipient.link_epoch == _NEW_EPOCH else recipient

    async def save(self, recipient: Recipient) -> None:
        """Insert or replace it; raises ChannelUserTakenError."""
        users = [
            {"medium": address.medium, "user_id": address.user_id, "person_id": recipient.person_id}
            for address in recipient.media
            if address.user_id is not None
        ]
        self._read.pop(recipient.person_id, None)
        rows = msgspec.json.encode([recipient]).decode()
        await self._connection.execute(_UPSERT_RECIPIENTS, {"rows": rows})
        await self._connection.execute(
            delete(_USERS).where(_USERS.c.person_id == recipient.person_id)
        )
        if users:
            try:
                await self._connection.execute(insert(_USERS), users)
            except IntegrityError as error:
                media = (address.medium for address in recipient.media if address.user_id)
                raise ChannelUserTakenError(media) from error

    async def taken_media(
        self, person_id: PersonId, media: Iterable[Address]
    ) -> tuple[Medium, ...]:
        """Return the media whose users in these addresses belong to other recipients."""
        users = [(address.medium, address.user_id) for address in media if address.user_id]
        query = select(_USERS.c.medium).where(
            tuple_(_USERS.c.medium, _USERS.c.user_id).in_(users), _USERS.c.person_id != person_id
        )
        return tuple((await self._connection.execute(query)).scalars()) if users else ()

    async def lock_others_with(self, device_id: str, person_id: PersonId) -> list[Recipient]:
        """Lock the other recipients that have this device, until the transaction ends."""
        recipients = tables.recipients
        query = _recipients().where(
            recipients.c.person_id != person_id,
            recipients.c.devices.contains([{"device_id": device_id}]),
        )
        ordered = query.order_by(recipients.c.person_id).with_for_update(of=recipients)
        return [_to_recipient(dict(row)) for row in await self._connection.execute(ordered)]

    async def void_links(self, person_id: PersonId) -> None:
        """Void the links that the person has."""
        recipients = tables.recipients
        await self._connection.execute(
            update(recipients)
            .where(recipients.c.person_id == person_id)
            .values(link_epoch=recipients.c.link_epoch + 1)
        )
        self._read.pop(person_id, None)

    async def get(self, person_id: PersonId) -> Recipient | None:
        return (await self.get_all((person_id,)))[person_id]

    async def get_all(self, person_ids: Iterable[PersonId]) -> dict[PersonId, Recipient | None]:
        wanted = set(person_ids)
        missing = wanted - self._read.keys()
        if missing:
            self._read.update(dict.fromkeys(missing))
            rows = await self._connection.execute(_RECIPIENTS_OF, {"people": list(missing)})
            for row in rows:
                self._read[row["person_id"]] = _to_recipient(dict(row))
        return {person_id: self._read[person_id] for person_id in wanted}

    async def name(self, person_id: PersonId) -> str:
        """Return the person's name, or the id while the name is unknown."""
        recipient = await self.get(person_id)
        return recipient.name if recipient else person_id

    async def of_user(self, medium: Medium, user_id: str) -> Recipient | None:
        """Return who has this user id in the channel."""
        person = select(_USERS.c.person_id).where(
            _USERS.c.medium == medium, _USERS.c.user_id == user_id
        )
        owner = _saved_recipients().where(tables.recipients.c.person_id == person.scalar_subquery())
        row = (await self._connection.execute(owner)).first()
        return _to_recipient(dict(row)) if row else None

    async def after(
        self,
        person_id: PersonId | None,
        limit: int,
        visible_to: PersonId | None,
        *,
        reachable: bool | None = None,
    ) -> list[Recipient]:
        """Return recipients by id: all, or those that this person may see.

        `reachable` restricts them to who has an address, or to who should have one and has none.
        """
        query = _saved_recipients().order_by(tables.recipients.c.person_id).limit(limit)
        if person_id is not None:
            query = query.where(tables.recipients.c.person_id > person_id)
        if visible_to is not None:
            query = query.where(
                (tables.recipients.c.person_id == visible_to)
                | tables.recipients.c.person_id.in_(_below(visible_to))
            )
        if reachable is not None:
            has_media = func.jsonb_array_length(tables.recipients.c.media) > 0
            has_devices = func.jsonb_array_length(tables.recipients.c.devices) > 0
            has_address = has_media | has_devices
            has_left = _LINES.c.active.is_(false())
            query = query.where(has_address if reachable else ~has_address & ~has_left)
        rows = await self._connection.execute(query)
        return [_to_recipient(dict(row)) for row in rows]


class RecipientChanges:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, change: RecipientChange) -> None:
        rows = msgspec.json.encode([change]).decode()
        await self._connection.execute(_INSERT_CHANGES, {"rows": rows})

    async def count_since(
        self, person_id: PersonId, since: datetime, *, of_rules: bool = False
    ) -> int:
        """Count the changes of how the person is reached, or with `of_rules` all changes."""
        changes = tables.recipient_changes
        query = select(func.count()).where(
            changes.c.person_id == person_id, changes.c.changed_at > since
        )
        if not of_rules:
            others = cast(["rules", "language", "media"], ARRAY(Text))
            before, after = changes.c.before.op("-")(others), changes.c.after.op("-")(others)
            earlier, later = changes.c.before["media"], changes.c.after["media"]
            # In whatever order.
            same_media = earlier.contains(later) & later.contains(earlier)
            has_refused = func.jsonb_array_length(changes.c.refused_media) > 0
            query = query.where(before.is_distinct_from(after) | ~same_media | has_refused)
        return int((await self._connection.execute(query)).scalar_one())

    async def latest(
        self, person_id: PersonId, before: str | None, limit: int
    ) -> list[RecipientChange]:
        changes = tables.recipient_changes
        query = select(changes).where(changes.c.person_id == person_id)
        if before is not None:
            query = query.where(changes.c.change_id < before)
        rows = await self._connection.execute(
            query.order_by(changes.c.change_id.desc()).limit(limit)
        )
        return [_to_change(dict(row)) for row in rows]


class OwnRequests(LockedTable[str, OwnRequest]):
    """Codes and tests that people have sent to themselves."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, tables.own_requests, OwnRequest)


class ReportingLines:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def save(self, line: ReportingLine) -> bool:
        """Save it unless there is the same version or a newer one; return whether it is new."""
        row = asdict(line)
        insertion = postgresql.insert(_LINES).values(row)
        upsert = insertion.on_conflict_do_update(
            index_elements=["person_id"], set_=row, where=_LINES.c.version < line.version
        )
        saved = await self._connection.execute(upsert.returning(_LINES.c.person_id))
        return bool(saved)

    async def is_active(self, person_id: PersonId) -> bool:
        """Return False only for a person who has left."""
        query = select(_LINES.c.active).where(_LINES.c.person_id == person_id)
        return (await self._connection.execute(query)).scalar_one_or_none() is not False

    async def is_above(self, manager_id: PersonId, person_id: PersonId) -> bool:
        """Return whether the person reports to this manager, directly or through others."""
        query = select(literal(person_id).in_(_below(manager_id)))
        return bool((await self._connection.execute(query)).scalar_one())


def _below(manager_id: PersonId) -> Select[tuple[str]]:
    """Select the people who report to this manager, directly or through others."""
    direct = select(_LINES.c.person_id).where(_LINES.c.manager_id == manager_id, _LINES.c.active)
    below = direct.cte("below", recursive=True)
    # UNION, not UNION ALL: it ends even where people report to each other in a circle.
    further = select(_LINES.c.person_id).where(
        _LINES.c.manager_id == below.c.person_id, _LINES.c.active
    )
    return select(below.union(further).c.person_id)


def _recipients() -> Select[tuple[object, ...]]:
    """Select recipients with whether they are active: nobody who is unknown has left."""
    active = func.coalesce(_LINES.c.active, true()).label("active")
    join = tables.recipients.outerjoin(_LINES, _LINES.c.person_id == tables.recipients.c.person_id)
    return select(*tables.recipients.columns, active).select_from(join)


def _saved_recipients() -> Select[tuple[object, ...]]:
    return _recipients().where(tables.recipients.c.link_epoch > _NEW_EPOCH)


_RECIPIENTS_OF = _saved_recipients().where(
    tables.recipients.c.person_id == any_(bindparam("people", type_=ARRAY(Text)))
)
_UPSERT_RECIPIENTS = bulk_insert(tables.recipients, conflict="update")
_INSERT_CHANGES = bulk_insert(tables.recipient_changes)
