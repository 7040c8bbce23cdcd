"""How a template of messages is read, set, taken back and found again."""

from common.core.preconditions import Precondition
from notifier.domain.content_levels import ContentLevels
from notifier.domain.errors import (
    StaleTemplateError,
    TemplateInvalidError,
    TemplateVersionNotFoundError,
)
from notifier.domain.message_templates import MessageTemplate, TemplateKey
from notifier.message_templates.checking import try_template
from notifier.store.unit_of_work import UnitOfWork


async def save_template(
    key: TemplateKey,
    title: str,
    body: str,
    by: str,
    precondition: Precondition,
    levels: ContentLevels,
    uow: UnitOfWork,
) -> MessageTemplate:
    """Set it from now on. Raises StaleTemplateError or TemplateInvalidError."""
    _check(key, title, body, levels)
    return await _add(key, title, body, by, precondition, uow)


async def restore_shipped(
    key: TemplateKey, by: str, precondition: Precondition, uow: UnitOfWork
) -> MessageTemplate:
    """Use the shipped template again; what was set stays in the history."""
    return await _add(key, None, None, by, precondition, uow)


async def restore_version(
    key: TemplateKey,
    version: int,
    by: str,
    precondition: Precondition,
    levels: ContentLevels,
    uow: UnitOfWork,
) -> MessageTemplate:
    """Set it as it was in an earlier version, which is checked again."""
    earlier = await uow.message_templates.version(key, version)
    if earlier is None:
        raise TemplateVersionNotFoundError
    if earlier.body is not None:
        _check(key, earlier.title or "", earlier.body, levels)
    return await _add(key, earlier.title, earlier.body, by, precondition, uow)


def _check(key: TemplateKey, title: str, body: str, levels: ContentLevels) -> None:
    if problems := try_template(key, title, body, levels.of(key.medium)).problems:
        raise TemplateInvalidError([(each.part, each.detail) for each in problems])


async def _add(
    key: TemplateKey,
    title: str | None,
    body: str | None,
    by: str,
    precondition: Precondition,
    uow: UnitOfWork,
) -> MessageTemplate:
    before = await uow.message_templates.lock(key)
    if not precondition.holds(before.version if before else None):
        raise StaleTemplateError
    version = before.version + 1 if before else 1
    template = MessageTemplate(
        key.medium, key.kind, key.language, version, title, body, uow.now, by
    )
    await uow.message_templates.add(template)
    return template
