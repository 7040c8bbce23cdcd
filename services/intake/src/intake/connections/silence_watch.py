"""Watches connections by which something is expected, and tells when one is silent.

Each has a timer. A delivery does not replace it: when it fires it looks what came last.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from common.contracts.contacts import ConnectionHeardAgain, ConnectionSilent
from common.messages import Cancel, Schedule
from intake.domain.connections import ConnectionSetup
from intake.domain.silence import Expectation, listeners_of, silent_at
from intake.domain.timers import SilenceDue
from intake.store import UnitOfWork
from intake.store.connections import ActivityRow, UnreadableConnectionError

# What came last is written some seconds after it came.
_GRACE: Final = timedelta(seconds=30)

log = structlog.get_logger()


async def watch(setup: ConnectionSetup, uow: UnitOfWork) -> None:
    """Begin to watch a connection from now on, or end it; without a word, since a person did it."""
    activity = await uow.channel_activity.lock(setup.kind, setup.connection)
    if activity.silent_since is not None:
        await uow.channel_activity.set_silent(setup.kind, setup.connection, None)
    if setup.state == "active" and setup.expected is not None:
        _set_timer(setup, setup.expected, uow.now, uow)
    else:
        uow.timers.set([Cancel(setup.key, SilenceDue.type)])


async def check_silence(timer: SilenceDue, uow: UnitOfWork) -> None:
    """Tell it if nothing came for as long as expected while intake listened."""
    setup = await uow.channel_connections.lock(timer.kind, timer.connection)
    if setup is not None and setup.is_unreadable:
        raise UnreadableConnectionError
    if setup is None or setup.expected is None or setup.state != "active":
        return
    activity = await uow.channel_activity.lock(timer.kind, timer.connection)
    if activity.silent_since is not None:
        return
    listening_since = await uow.channel_activity.listening_since(listeners_of(setup.kind), uow.now)
    if listening_since is None:
        # What was sent meanwhile was not heard: that says nothing about the connection.
        _set_timer(setup, setup.expected, uow.now, uow)
        return
    heard_at = activity.last_delivery_at
    counted_from = max(filter(None, (heard_at, setup.changed_at, listening_since)))
    if silent_at(setup.expected, counted_from) + _GRACE > uow.now:
        _set_timer(setup, setup.expected, counted_from, uow)
        return
    silent_since = heard_at or setup.changed_at
    await uow.channel_activity.set_silent(setup.kind, setup.connection, silent_since)
    silent = ConnectionSilent(
        contact_id=setup.key,
        occurred_at=uow.now,
        system=setup.system,
        silent_since=silent_since,
        expected_every_minutes=setup.expected.every_minutes,
    )
    uow.outbox.add((silent,))
    log.warning("connection_silent", system=setup.system, since=silent_since)


async def record_activity(noticed: Sequence[ActivityRow], uow: UnitOfWork) -> None:
    """Write what came; tell of a connection that was silent and is heard again."""
    deliveries = {(row.kind, row.connection): row.last_delivery_at for row in noticed}
    for (kind, name), silent_since in await uow.channel_activity.record(noticed):
        heard_at = deliveries[kind, name]
        if heard_at is None:
            continue
        setup = await uow.channel_connections.find(kind, name)
        if setup is None or setup.is_unreadable:
            continue
        await uow.channel_activity.set_silent(kind, name, None)
        heard_again = ConnectionHeardAgain(
            contact_id=setup.key,
            occurred_at=uow.now,
            system=setup.system,
            silent_since=silent_since,
            heard_at=heard_at,
        )
        uow.outbox.add((heard_again,))
        if setup.state == "active" and setup.expected is not None:
            _set_timer(setup, setup.expected, heard_at, uow)


def _set_timer(
    setup: ConnectionSetup, expected: Expectation, heard_at: datetime, uow: UnitOfWork
) -> None:
    due = SilenceDue(contact_id=setup.key, kind=setup.kind, connection=setup.connection)
    # Never twice at once, however late it is.
    due_at = max(silent_at(expected, heard_at) + _GRACE, uow.now + _GRACE)
    uow.timers.set([Schedule(due, due_at)])
