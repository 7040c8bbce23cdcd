"""Takes settings out of force, so that nothing that depends on them is left without a choice."""

from dataclasses import replace

from common.core.preconditions import NO_PRECONDITION, Precondition
from escalation.domain import change_reasons
from escalation.domain.errors import (
    SettingInUseError,
    SettingNotFoundError,
    StaleSettingError,
)
from escalation.domain.settings.archiving import dependents
from escalation.domain.settings.registry import OpenContacts, SettingKind
from escalation.store.unit_of_work import UnitOfWork


async def archive_setting(
    kind: SettingKind,
    setting_id: str,
    by: str,
    uow: UnitOfWork,
    precondition: Precondition = NO_PRECONDITION,
    *,
    open_contacts: OpenContacts | None,
) -> None:
    """Take a setting out of force; nothing new depends on it from then on.

    Raises SettingNotFoundError, StaleSettingError, or SettingInUseError if other settings name it,
    or if open work depends on it and `open_contacts` does not say what becomes of that.
    """
    configuration = await uow.settings.lock_for_update()
    current = configuration.get(kind.type, setting_id)
    if current is None:
        raise SettingNotFoundError
    if not precondition.holds(current.version):
        raise StaleSettingError(current)
    used_by = list(dependents(configuration, current))
    count = 0 if used_by else await uow.open_work.count(kind.path, setting_id)
    if used_by or (count and open_contacts is None):
        raise SettingInUseError(used_by, count, kind.open_contacts)
    archived = replace(current, version=current.version + 1, archived=True)
    await uow.settings.add(archived, uow.now, by)
    if open_contacts == "retarget":
        await uow.open_work.retarget(uow.now, change_reasons.setting_archived(setting_id))
    elif open_contacts == "release":
        await uow.open_work.release(kind.path, setting_id, uow.now)
