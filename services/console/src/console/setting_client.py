"""Reads and puts settings in the services, as the person who looks."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from console.clients.services import ServiceProblemError, Services
from console.parts import Parts
from console.viewer import Viewer
from console.views.etags import etag_of, precondition
from console.views.reader import Reader
from console.views.settings.kinds import Body, Kind, OpenContacts, Related, Setting, setting_of
from console.views.settings.values import Choices

_MAX_PAGES: Final = 10
_PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class SettingClient:
    """`parts` reads what a page can do without."""

    services: Services
    viewer: Viewer
    parts: Parts

    async def list_all(self, kind: Kind, *, is_archived: bool = False) -> list[Setting]:
        if is_archived and not kind.archive_choices:
            return []
        items = await self.services.items(
            kind.service,
            f"/v1/{kind.path}",
            self.viewer,
            max_pages=_MAX_PAGES,
            limit=_PAGE,
            archived=True if is_archived else None,
        )
        return [setting_of(kind, item, is_archived=is_archived) for item in items]

    async def find(self, kind: Kind, setting_id: str) -> Setting | None:
        """Return the setting in force, or the last version of one that was archived."""
        try:
            item = await self.services.get(kind.service, kind.path_of(setting_id), self.viewer)
        except ServiceProblemError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
        else:
            return setting_of(kind, item)
        archived = await self.list_all(kind, is_archived=True)
        return next((each for each in archived if each.setting_id == setting_id), None)

    async def versions(self, kind: Kind, setting_id: str) -> list[Mapping[str, Any]]:
        """Return the versions, the newest first."""
        path = f"{kind.path_of(setting_id)}/versions"
        return await self.services.items(
            kind.service, path, self.viewer, max_pages=_MAX_PAGES, limit=_PAGE
        )

    async def put(
        self,
        kind: Kind,
        setting_id: str,
        body: Body,
        etag: str,
        open_contacts: OpenContacts = "keep",
    ) -> Any:
        """Put it if it is still at the version of the ETag; with an empty one, if it is new.

        Returns what the service says.
        """
        answer = await self.services.send(
            kind.service,
            "PUT",
            kind.path_of(setting_id),
            self.viewer,
            query={"open_contacts": open_contacts} if kind.asks_for_open_contacts else None,
            body=body,
            # What is there for each person has no version.
            headers=precondition(etag) if etag or kind.is_open_to_new else None,
        )
        return answer.body

    async def archive(
        self, kind: Kind, setting_id: str, etag: str, open_contacts: str | None
    ) -> None:
        """Archive it if it is still at the version of the ETag, which is not empty."""
        await self.services.send(
            kind.service,
            "DELETE",
            kind.path_of(setting_id),
            self.viewer,
            query={"open_contacts": open_contacts},
            headers={"If-Match": etag},
        )

    async def choices(self, kind: Kind, reader: Reader) -> Choices:
        """Read the ids of the settings that the kind's fields may name."""
        lists = await asyncio.gather(
            *(
                self.parts.items("escalation", f"/v1/{path}", limit=_PAGE)
                for path in kind.named_kinds
            )
        )
        ids: dict[str, Sequence[str]] = {
            path: [item["id"] for item in items or ()]
            for path, items in zip(kind.named_kinds, lists, strict=True)
        }
        return Choices(reader, ids)

    async def related(self, body: Body) -> Related:
        """Read the ladder of a policy, of which its page tells too."""
        ladder_id = body.get("ladder_id")
        if ladder_id is None:
            return {}
        item = await self.parts.get("escalation", f"/v1/ladders/{ladder_id}")
        return {} if item is None else {("ladders", ladder_id): item["body"]}


def etag_of_setting(setting: Setting) -> str:
    """Return the ETag to send with a change; empty for what is put again or has no version."""
    return "" if setting.is_archived else etag_of(setting.version)
