"""The SQL of home tabs, and of what they show."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ARRAY, ColumnElement, Select, Text, any_, bindparam, select
from sqlalchemy.dialects import postgresql

from common.contracts.event import PersonId
from common.contracts.notifications import Medium
from common.storage.bulk import bulk_insert
from common.storage.connection import Connection
from common.storage.database import Database
from common.storage.rows import LockedTable
from notifier import tables
from notifier.domain.home_tabs import HomeTab
from notifier.domain.notifications import Notification
from notifier.domain.reasons import ANSWERABLE_REASONS
from notifier.store.notification_statements import NEWEST_OF_PERSON
from notifier.store.notifications import Notifications

_H, _N, _E, _U = (
    tables.home_tabs,
    tables.notifications,
    tables.escalations,
    tables.channel_users,
)


class HomeTabs(LockedTable[str, HomeTab]):
    """`has_opened`: this transaction has a tab that its user has opened."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, _H, HomeTab)
        self.has_opened = False

    async def lock_or_add(self, tab: HomeTab) -> HomeTab:
        """Lock it, also one that is new."""
        await self.connection.execute(_NEW_TABS, self.to_parameters([tab]))
        return await self.lock(tab.key) or tab

    async def lock_of(self, people: Collection[PersonId]) -> list[HomeTab]:
        """Lock those that these people have opened."""
        return self.adopt(await self.connection.execute(_OF_PEOPLE, {"people": list(people)}))

    async def lock_due(self, now: datetime, most: int) -> list[HomeTab]:
        """Lock what is due, but nothing that is locked already."""
        return self.adopt(await self.connection.execute(_DUE, {"now": now, "most": most}))


async def pages_for(
    person_id: PersonId, medium: Medium, notifications: Notifications
) -> Sequence[Notification]:
    """Return one message about each escalation that waits for the person or that they hold.

    It is the newest to the person, on this medium if there is one there. Who holds an escalation
    without a message about it gets another person's.
    """
    values = {"person": person_id, "medium": medium}
    waiting = await notifications.connection.execute(_WAITING, values)
    own = await notifications.connection.execute(_OWN, values)
    pages = (notifications.read(dict(row)) for row in (*waiting, *own))
    return tuple({page.escalation_id: page for page in pages}.values())


async def time_until_due(database: Database[Any]) -> timedelta | None:
    """Return how long it is until a tab is due; None if nobody has opened one."""
    left: timedelta | None
    (left,) = await database.fetch_row("SELECT min(due_at) - clock_timestamp() FROM home_tabs")
    return left


def _waiting() -> Select[Any]:
    newest = NEWEST_OF_PERSON
    reason = newest.c.content["reason"].astext
    asks = (_E.c.state == "raised") & reason.in_(ANSWERABLE_REASONS)
    asks_approval = _E.c.approval_asked & (reason == "approval_asked")
    return (
        select(newest)
        .ext(postgresql.distinct_on(newest.c.escalation_id))
        .join(_E, _E.c.escalation_id == newest.c.escalation_id)
        .where(newest.c.kind == "page", newest.c.state != "cancelled", asks | asks_approval)
        .order_by(newest.c.escalation_id, *_best_first(newest.c))
    )


def _own() -> Select[Any]:
    is_held = _E.c.state.in_(("acknowledged", "taken_over"))
    return (
        select(_N)
        .ext(postgresql.distinct_on(_N.c.escalation_id))
        .join(_E, _E.c.escalation_id == _N.c.escalation_id)
        .where(_E.c.by == bindparam("person"), is_held, _N.c.kind == "page")
        .order_by(_N.c.escalation_id, _N.c.person_id != bindparam("person"), *_best_first(_N.c))
    )


def _best_first(notifications: Any) -> tuple[ColumnElement[Any], ...]:
    elsewhere = notifications.medium.is_distinct_from(bindparam("medium"))
    return (elsewhere, notifications.notification_id.desc())


_WAITING: Final = _waiting()
_OWN: Final = _own()
_NEW_TABS: Final = bulk_insert(_H, arrays=True, conflict="ignore")
_OF_PEOPLE: Final = (
    select(_H)
    .join(_U, (_U.c.medium == _H.c.medium) & (_U.c.user_id == _H.c.user_id))
    .where(_U.c.person_id == any_(bindparam("people", type_=ARRAY(Text))))
    .order_by(_H.c.key)
    .with_for_update(of=_H)
)
_DUE: Final = (
    select(_H)
    .where(_H.c.due_at <= bindparam("now"))
    .order_by(_H.c.due_at)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
