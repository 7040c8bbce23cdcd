"""The parts of a page, from several services: one that does not answer leaves the rest."""

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Annotated, Any, Final, TypeVar

from fastapi import Depends

from common.contracts.services import EventService
from console.clients.services import (
    Answer,
    Caller,
    ServiceProblemError,
    Services,
    ServiceUnavailableError,
)
from console.dependencies import CurrentServices, CurrentViewer

T = TypeVar("T")
# The person may not see this part, or there is none.
_LEFT_OUT: Final = frozenset((403, 404))
_MAX_PAGES: Final = 10
# For all parts of a page, however many a service answers slowly.
_PARTS_S: Final = 10


class Parts:
    """Reads for one page. `missing` names the services that did not answer."""

    def __init__(self, services: Services, viewer: Caller, *, within_s: float = _PARTS_S) -> None:
        self._services = services
        self._viewer = viewer
        self._deadline = asyncio.get_running_loop().time() + within_s
        self.missing: list[EventService] = []

    async def get(self, service: EventService, path: str, **query: object) -> Any:
        """Return the decoded JSON, or None without an answer."""
        return await self._answer(service, self._services.get(service, path, self._viewer, **query))

    async def fetch(self, service: EventService, path: str) -> Answer | None:
        """As `get`, with the ETag of what is read."""
        return await self._answer(service, self._services.fetch(service, path, self._viewer))

    async def items(
        self, service: EventService, path: str, **query: object
    ) -> list[Mapping[str, Any]] | None:
        """Return the items of a list, of at most its first 2,000; None without an answer."""
        items = self._services.items(service, path, self._viewer, max_pages=_MAX_PAGES, **query)
        return await self._answer(service, items)

    async def _answer(self, service: EventService, reading: Awaitable[T]) -> T | None:
        try:
            async with asyncio.timeout_at(self._deadline):
                return await reading
        except (ServiceUnavailableError, TimeoutError):
            if service not in self.missing:
                self.missing.append(service)
        except ServiceProblemError as error:
            if error.status not in _LEFT_OUT:
                raise
        return None


async def _parts(services: CurrentServices, viewer: CurrentViewer) -> Parts:
    return Parts(services, viewer)


PageParts = Annotated[Parts, Depends(_parts)]
