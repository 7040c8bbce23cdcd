"""The connections of outside systems: who may send contacts, and how they are read."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import Depends, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter, ValidationError

from common.core.preconditions import Precondition
from common.http.access import ManagerUser
from common.http.app import Slug
from common.http.if_match import IfMatch, WritePrecondition, etag
from common.http.pagination import Cursor, Limit, Page, decode_cursor
from common.http.routes import ApiRouter
from intake.api.connection_schemas import ConnectionIn, ConnectionOut, connection_out
from intake.api.deps import IntakeDatabase, get_channel, refusals, transaction
from intake.channels.base import Channel
from intake.connections import changes
from intake.domain import errors
from intake.domain.connections import ConnectionActivity
from intake.domain.model import ConnectionState

router = ApiRouter(prefix="/v1/channels", tags=["channels"])

KindPath = Annotated[Slug, Path(description="The kind of channel.", examples=["zendesk"])]
ConnectionPath = Annotated[Slug, Path(description="The name of the connection.", examples=["acme"])]


@dataclass(frozen=True, slots=True)
class ConnectionTarget:
    """The connection that a request names, of a kind that there is."""

    channel: Channel
    connection: str


async def _target(kind: KindPath, connection: ConnectionPath, request: Request) -> ConnectionTarget:
    return ConnectionTarget(get_channel(request, kind), connection)


Target = Annotated[ConnectionTarget, Depends(_target)]

_CURSOR_KEY: Final = TypeAdapter(tuple[Slug, Slug])
NO_KIND: Final = (404, "channel-not-found")


@router.put(
    "/{kind}/{connection}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=refusals(
        errors.StaleConnectionError, errors.WeakSecretError, others=(NO_KIND, (422, "invalid"))
    ),
)
async def connect_channel(
    target: Target,
    body: ConnectionIn,
    request: Request,
    response: Response,
    database: IntakeDatabase,
    caller: ManagerUser,
    precondition: WritePrecondition,
) -> None:
    """Connect an outside system, or change how it is connected.

    What is left out is as for a new connection, but its secrets and its state stay.
    """
    with invalid_at("body", "options"):
        change = body.change(target.channel, target.connection, body.state)
    trial: bool = request.app.state.trial
    async with transaction(database) as uow:
        setup = await changes.put(
            change,
            caller.actor,
            uow,
            precondition,
            allow_weak_secrets=trial,
        )
    response.headers["ETag"] = etag(setup.version)


@router.get("", responses=refusals())
async def list_connections(
    database: IntakeDatabase,
    caller: ManagerUser,
    kind: Annotated[Slug | None, Query(description="Of this kind only")] = None,
    state: Annotated[
        tuple[ConnectionState, ...],
        Query(description="In one of these states; without any, those that are not archived"),
    ] = (),
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[ConnectionOut]:
    """List the connections by kind and name."""
    del caller
    states = sorted(set(state)) or ["active", "paused"]
    filters = {"kind": kind, "state": states}
    after = decode_cursor(cursor, _CURSOR_KEY, filters)
    async with transaction(database) as uow:
        setups = await uow.channel_connections.page(kind, states, after, limit + 1)
        keys = [(setup.kind, setup.connection) for setup in setups[:limit]]
        activity = await uow.channel_activity.list_of(keys)
        secrets = uow.channel_connections.secrets
    return Page[ConnectionOut].of(
        setups,
        limit,
        key=lambda setup: (setup.kind, setup.connection),
        show=lambda setup: connection_out(
            setup, activity.get((setup.kind, setup.connection), ConnectionActivity()), secrets
        ),
        filters=filters,
    )


@router.get("/{kind}/{connection}", responses=refusals(errors.ConnectionNotFoundError))
async def get_connection(
    kind: KindPath,
    connection: ConnectionPath,
    response: Response,
    database: IntakeDatabase,
    caller: ManagerUser,
) -> ConnectionOut:
    """Show how an outside system is connected, and what came last; also if it is archived."""
    del caller
    key = kind, connection
    async with transaction(database) as uow:
        setup = await uow.channel_connections.find(*key)
        if setup is None:
            raise errors.ConnectionNotFoundError
        activity = (await uow.channel_activity.list_of([key])).get(key, ConnectionActivity())
        secrets = uow.channel_connections.secrets
    response.headers["ETag"] = etag(setup.version)
    return connection_out(setup, activity, secrets)


@router.delete(
    "/{kind}/{connection}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=refusals(errors.ConnectionNotFoundError, errors.StaleConnectionError),
)
async def archive_connection(
    kind: KindPath,
    connection: ConnectionPath,
    database: IntakeDatabase,
    caller: ManagerUser,
    versions: IfMatch,
) -> None:
    """Archive a connection: its secrets are deleted, its contacts stay.

    Its deliveries answer 401, as those of an unknown one. It can be put again.
    """
    async with transaction(database) as uow:
        await changes.archive(kind, connection, caller.actor, uow, Precondition(versions))


@contextmanager
def invalid_at(*place: str) -> Iterator[None]:
    """Report what is wrong with a part of the request by its place, as FastAPI does itself."""
    try:
        yield
    except ValidationError as error:
        details: list[Any] = error.errors(include_url=False)
        raise RequestValidationError(
            [{**detail, "loc": (*place, *detail["loc"])} for detail in details]
        ) from error
