"""The SQL of templates that managers have set."""

from typing import Any

import msgspec
import structlog
from msgspec.structs import asdict
from sqlalchemy import Select, insert, select
from sqlalchemy.dialects import postgresql

from common.storage.connection import Connection
from notifier import tables
from notifier.domain.message_templates import MessageTemplate, TemplateKey
from notifier.store.system_rows import LOCK_NAME

_T = tables.message_templates

log = structlog.get_logger()


class MessageTemplates:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def lock(self, key: TemplateKey) -> MessageTemplate | None:
        """Return the latest version; nobody else adds one until the transaction ends."""
        await self._connection.execute(LOCK_NAME, {"name": f"{_T.name} {key}"})
        return await self.latest(key)

    async def latest(self, key: TemplateKey) -> MessageTemplate | None:
        templates = await self.versions(key, None, 1)
        return templates[0] if templates else None

    async def versions(
        self, key: TemplateKey, before: int | None, limit: int
    ) -> list[MessageTemplate]:
        """Return the versions, the latest first."""
        query = _of(key).order_by(_T.c.version.desc()).limit(limit)
        if before is not None:
            query = query.where(_T.c.version < before)
        return await self._read(query)

    async def version(self, key: TemplateKey, version: int) -> MessageTemplate | None:
        templates = await self._read(_of(key).where(_T.c.version == version))
        return templates[0] if templates else None

    async def in_force(self) -> list[MessageTemplate]:
        """Return the latest version of each that is not the shipped one, by name.

        Where it can't be read, as one of a newer version of Upstairs, the shipped one is in force.
        """
        templates = []
        for row in await self._connection.execute(_LATEST):
            try:
                templates.append(msgspec.convert(dict(row), MessageTemplate))
            except msgspec.ValidationError as error:
                key = f"{row['medium']}/{row['kind']}/{row['language']}"
                log.warning("template_unreadable", template=key, error=str(error))
        return [template for template in templates if template.body is not None]

    async def add(self, template: MessageTemplate) -> None:
        await self._connection.execute(insert(_T).values(asdict(template)))

    async def _read(self, query: Select[Any]) -> list[MessageTemplate]:
        rows = await self._connection.execute(query)
        return [msgspec.convert(dict(row), MessageTemplate) for row in rows]


def _of(key: TemplateKey) -> Select[Any]:
    return select(_T).where(
        _T.c.medium == key.medium, _T.c.kind == key.kind, _T.c.language == key.language
    )


_LATEST = (
    select(_T)
    .ext(postgresql.distinct_on(_T.c.medium, _T.c.kind, _T.c.language))
    .order_by(_T.c.medium, _T.c.kind, _T.c.language, _T.c.version.desc())
)
