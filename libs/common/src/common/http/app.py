"""The HTTP API of a service: what its routes share, and what surrounds them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any, Final, cast

from fastapi import FastAPI, Request
from fastapi import Path as PathParameter
from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints
from starlette.types import Receive, Scope, Send

from common.contracts.event import ID_PATTERN, UUID_PATTERN, ContactId, PersonId
from common.core.metrics import Metrics
from common.core.text import (
    MAX_ID_CHARACTERS,
    one_line,
    opaque_id,
    plain_text,
    require_visible,
)
from common.http import openapi
from common.http.examples import CONTACT_ID, REPRESENTATIVE
from common.http.limits import BodyLimit, BodyLimits
from common.http.request_handler import RequestHandler
from common.http.routes import ApiRoute, ApiRouter
from common.http.whole_request import WholeRequest


def reject_nul(text: str) -> str:
    """Return the text as it is; raises ValueError for the character NUL."""
    if "\x00" in text:
        raise ValueError("must not contain the character NUL")
    return text


def _reject_empty(text: str) -> str:
    if not text.strip():
        raise ValueError("must contain a visible character")
    return text


Slug = Annotated[str, StringConstraints(pattern=f"^{ID_PATTERN}$")]
# One line: a name, a subject, a reason.
ShortText = Annotated[
    str,
    StringConstraints(min_length=1, max_length=300),
    AfterValidator(reject_nul),
    AfterValidator(one_line),
    AfterValidator(_reject_empty),
]
# Lines of text: a message, a note, a comment.
LongText = Annotated[
    str,
    StringConstraints(min_length=1, max_length=100_000),
    AfterValidator(reject_nul),
    AfterValidator(plain_text),
    AfterValidator(_reject_empty),
]
# An id that an outside system chose: an address, a number, any text of one line.
ExternalId = Annotated[
    str,
    StringConstraints(min_length=1, max_length=MAX_ID_CHARACTERS),
    AfterValidator(opaque_id),
]
# A secret: kept as it came, so what is not visible is refused.
OpaqueText = Annotated[
    str,
    StringConstraints(min_length=1, max_length=300),
    AfterValidator(require_visible),
]
ContactPath = Annotated[
    ContactId, PathParameter(pattern=f"^{UUID_PATTERN}$", examples=[CONTACT_ID])
]
PersonPath = Annotated[
    PersonId, PathParameter(pattern=f"^{ID_PATTERN}$", examples=[REPRESENTATIVE])
]


class RequestModel(BaseModel):
    """A request body; a field that it does not know is an error, not ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


_DESCRIPTION: Final = """
Send an API key, or a token of an issuer that the operator has named, as `Authorization: Bearer …`.
An error is a problem document (RFC 9457); each operation lists the codes that it may answer, which
are the last part of `type`.

The examples are about one company, the one that `make run` starts with, on 2 March 2026; its plans
for duty are of 2030. Ids of contacts, escalations and complaints are those that other answers give.
"""


def make_app(
    title: str,
    routers: Sequence[ApiRouter],
    *,
    metrics: Metrics,
    state: Mapping[str, object],
    webhook_paths: Sequence[str] = (),
    form_paths: Sequence[str] = (),
    unkeyed_paths: Sequence[str] = (),
) -> FastAPI:
    """Make the app; `state` is what the routes' dependencies find in `request.app.state`.

    The body of a POST below the `webhook_paths` may be anything: its route reads it. A
    form may be sent below the `form_paths`; all other bodies are JSON. The
    `unkeyed_paths` heed idempotency keys on their own, or not.
    """
    app = _Api(
        title=f"Upstairs {title}",
        version="1",
        description=_DESCRIPTION,
        # They are on the port for operations.
        openapi_url=None,
        # A redirection would repeat the Host that the caller made up.
        redirect_slashes=False,
    )
    app.state.metrics = metrics
    app.state.admission_problems = ()
    for name, value in state.items():
        setattr(app.state, name, value)
    openapi.install(app, unkeyed_paths)
    for router in routers:
        for route in router.routes:
            if isinstance(route, ApiRoute):
                route.reads_body = route.path.startswith((*webhook_paths, *form_paths))
        # To document them.
        app.router.routes += router.routes
    app.handler = RequestHandler(
        [route for route in app.router.routes if isinstance(route, ApiRoute)],
        metrics,
        webhook_paths=webhook_paths,
        form_paths=form_paths,
        unkeyed_paths=unkeyed_paths,
    )
    return app


def set_body_limits(app: FastAPI, limits: Sequence[BodyLimit]) -> None:
    """Let bodies below these paths be larger than others; for what `make_app` returned."""
    cast("_Api", app).handler.bodies = BodyLimits(limits)


def set_admission(
    app: FastAPI,
    admit: Callable[[WholeRequest], Awaitable[None]] | None,
    problems: Sequence[tuple[int, str]],
) -> None:
    """Let `admit` see each request first; what it raises is the answer.

    `problems`: those of a request that changes something, for OpenAPI, whether it is set or not.
    """
    cast("_Api", app).handler.admit = admit
    app.state.admission_problems = problems


class _Api(FastAPI):
    """Describes the API, holds the state of its routes, and leaves requests to its handler."""

    handler: RequestHandler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = self
        await self.handler(scope, receive, send)


async def get_database(request: Request) -> Any:
    """Give a route its `Database`; annotate it with the service's own unit of work."""
    # async, or FastAPI would run it in a thread at each request.
    return request.app.state.database
