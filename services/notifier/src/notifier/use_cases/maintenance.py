"""Setting and ending maintenance windows: load, decide, record."""

from typing import Final

from notifier.domain import maintenance
from notifier.domain.errors import MaintenanceNotFoundError
from notifier.domain.maintenance import KNOWN_WITHIN, MaintenanceWindow
from notifier.store.unit_of_work import UnitOfWork

# By then each process knows that the window is another one.
_RELEASED_AFTER: Final = 1.2 * KNOWN_WITHIN


async def save_window(window: MaintenanceWindow, uow: UnitOfWork) -> None:
    """Set it in place of an earlier one; raises MaintenanceTimesError."""
    maintenance.require_times(window, uow.now)
    before = await uow.maintenance.lock(window.key)
    uow.maintenance.put(window)
    if before is not None:
        await uow.maintenance.release(before.delay_reason, uow.now + _RELEASED_AFTER)


async def end_window(key: str, uow: UnitOfWork) -> None:
    """End it now: what waits is sent; raises MaintenanceNotFoundError."""
    before = await uow.maintenance.lock(key)
    if before is None or before.ends_at <= uow.now:
        raise MaintenanceNotFoundError
    await uow.maintenance.remove(key)
    await uow.maintenance.release(before.delay_reason, uow.now + _RELEASED_AFTER)
