"""What a page needs of its request, as one thing."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import Depends, Request
from starlette.responses import RedirectResponse, Response

from common.contracts.services import EventService
from console.clients.services import Answer, Services
from console.dependencies import CurrentServices, CurrentViewer, require_role
from console.errors import PageError
from console.navigation import LEADERS
from console.parts import PageParts, Parts
from console.readers import PageReader
from console.rendering import render_page
from console.viewer import Viewer
from console.views.reader import Reader


@dataclass(frozen=True, slots=True)
class PageContext:
    """`parts` reads what a page can do without, `services` what it can't."""

    request: Request
    viewer: Viewer
    reader: Reader
    services: Services
    parts: Parts

    @property
    def done(self) -> str:
        """The name of what the person has just done, as the address says; empty if nothing."""
        return self.request.query_params.get("done", "")

    def done_text(self, texts: Mapping[str, str]) -> str | None:
        """Say what the person has just done, by the texts for it; None if nothing."""
        text = texts.get(self.done)
        return None if text is None else self.reader.texts.gettext(text)

    async def read_form(self) -> dict[str, str]:
        """Return the fields that are texts, without the space around them."""
        fields = await read_fields(self.request)
        return {name: value.strip() for name, value in fields.items()}

    async def read_choices(self, name: str) -> list[str]:
        """Return what was ticked under one name; raises PageError as `read_fields`."""
        choices = (await self.request.form()).getlist(name)
        texts = [choice for choice in choices if isinstance(choice, str)]
        if not all(map(is_unicode, texts)):
            raise PageError(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid")
        return texts

    async def get(self, service: EventService, path: str, **query: object) -> Any:
        return await self.services.get(service, path, self.viewer, **query)

    async def post(self, service: EventService, path: str, body: object = None) -> Answer:
        return await self.services.send(service, "POST", path, self.viewer, body=body)

    def render(self, template: str, status: int = 200, **values: object) -> Response:
        return render_page(self.request, template, status, reader=self.reader, **values)

    @staticmethod
    def lead_to(address: str) -> Response:
        return RedirectResponse(address, HTTPStatus.SEE_OTHER)


async def read_fields(request: Request) -> dict[str, str]:
    """Return the fields of a form that are texts; raises PageError if one is no Unicode."""
    fields = await request.form()
    texts = {name: value for name, value in fields.items() if isinstance(value, str)}
    if not all(is_unicode(text) for text in texts.values()):
        raise PageError(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid")
    return texts


def is_unicode(text: str) -> bool:
    """Tell whether it can be sent on: some encodings of forms allow halves of characters."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


async def _context(
    request: Request,
    viewer: CurrentViewer,
    reader: PageReader,
    services: CurrentServices,
    parts: PageParts,
) -> PageContext:
    return PageContext(request, viewer, reader, services, parts)


Page = Annotated[PageContext, Depends(_context)]
require_leader: Final = Depends(require_role(*LEADERS))
require_representative: Final = Depends(require_role("representative"))
