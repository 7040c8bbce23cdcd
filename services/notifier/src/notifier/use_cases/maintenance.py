"""Setting, ending and announcing maintenance windows: load, decide, record."""

from datetime import timedelta
from typing import Final, assert_never

from msgspec.structs import replace

from common.contracts.event import OPERATIONS, PageId, PersonId
from common.core.ids import new_id
from notifier.domain import failover, maintenance, own_messages
from notifier.domain.content import Maintenance
from notifier.domain.errors import MaintenanceNotFoundError
from notifier.domain.maintenance import RELEASE_DELAY, MaintenanceWindow
from notifier.domain.reasons import Reason
from notifier.handlers import notify_page
from notifier.store.unit_of_work import UnitOfWork

# So long before its pages a message says that the maintenance has ended.
_AFTER_ANNOUNCEMENT: Final = timedelta(seconds=0.5)


async def save_window(window: MaintenanceWindow, uow: UnitOfWork) -> None:
    """Set it in place of an earlier one; raises MaintenanceTimesError."""
    maintenance.require_times(window, uow.now)
    before = await uow.maintenance.lock(window.key)
    after = maintenance.take_place_of(before, window, uow.now)
    if before is not None and before.begin_announced_at and not after.begin_announced_at:
        # One that begins later, or that nobody has heard the end of, is another maintenance.
        is_open = before.is_open(uow.now)
        ended = maintenance.end(before, window.set_by, uow.now) if is_open else before
        await _announce_end(ended, before, uow)
    uow.maintenance.put(after)
    if before is not None:
        await uow.maintenance.release(before, uow.now + RELEASE_DELAY)


async def end_window(key: str, by: str, uow: UnitOfWork) -> None:
    """End it now: what waits is sent; raises MaintenanceNotFoundError."""
    before = await uow.maintenance.lock(key)
    if before is None or before.ends_at <= uow.now:
        raise MaintenanceNotFoundError
    ended = maintenance.end(before, by, uow.now)
    uow.maintenance.put(await _announce_end(ended, before, uow))
    await uow.maintenance.release(before, uow.now + RELEASE_DELAY)


async def announce(uow: UnitOfWork) -> None:
    """Say which windows have begun and which have ended since the last time."""
    for window in await uow.maintenance.lock_unannounced(uow.now):
        due = maintenance.due_announcement(window, uow.now)
        match due:
            case "begin":
                news = maintenance.about(window)
                await _notify(OPERATIONS, "maintenance_began", news, uow)
                uow.maintenance.put(replace(window, begin_announced_at=uow.now))
            case "end":
                uow.maintenance.put(await _announce_end(window, window, uow))
                await uow.maintenance.release(window, uow.now + _AFTER_ANNOUNCEMENT)
            case None:
                pass
            case _:
                assert_never(due)


async def release_again(uow: UnitOfWork) -> None:
    """Let go what was delayed by a process that did not know yet that a window is another one."""
    for window in await uow.maintenance.lock_unreleased(uow.now):
        await uow.maintenance.release(window, uow.now)
        uow.maintenance.put(replace(window, release_at=None))


async def _announce_end(
    ended: MaintenanceWindow, planned: MaintenanceWindow, uow: UnitOfWork
) -> MaintenanceWindow:
    """Tell operations, if they know that it has begun, and everybody whose pages follow now."""
    if ended.end_announced_at is not None:
        return ended
    planned_until = planned.ends_at if ended.ended_by else None
    waiting = await uow.maintenance.waiting_pages(ended.delay_reason)
    if waiting or ended.begin_announced_at:
        pages = sum(each.count for each in waiting)
        news = maintenance.about(ended, pages, planned_until)
        await _notify(OPERATIONS, "maintenance_ended", news, uow)
    for each in waiting:
        if each.person_id != OPERATIONS:
            news = maintenance.about(ended, each.count, planned_until)
            await _notify(each.person_id, "maintenance_ended", news, uow)
    return replace(ended, end_announced_at=uow.now)


async def _notify(person_id: PersonId, reason: Reason, news: Maintenance, uow: UnitOfWork) -> None:
    """Send it on the first method of the person; another one stands in if that fails."""
    page = own_messages.maintenance_page(reason, news, person_id, PageId(new_id()))
    recipient = await uow.recipients.get(person_id)
    address = failover.next_address(recipient, (), ()) if recipient else None
    await notify_page(replace(page, media=(address.medium,) if address else ()), uow)
