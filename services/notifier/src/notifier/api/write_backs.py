"""What is written back to helpdesks and CRMs: for managers."""

import asyncio
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import Depends, Path, Query, Request, Response
from pydantic import StringConstraints, TypeAdapter

from common.contracts.event import ContactId, SystemName
from common.core.preconditions import Precondition
from common.core.sealed_secrets import UnknownEncryptionKeyError
from common.http.access import ManagerUser
from common.http.app import Slug
from common.http.examples import EVENT_ID
from common.http.if_match import IfMatch, WritePrecondition, etag
from common.http.pagination import Cursor, Limit, Page, decode_cursor
from common.http.routes import ApiRouter
from notifier.api.deps import UUID, NotifierDatabase, refusals, transaction
from notifier.api.write_back_schemas import (
    AccountOut,
    CaseWriteOut,
    WriteBackDetailOut,
    WriteBackIn,
    WriteBackOut,
    read_settings,
    shown,
    shown_detail,
    shown_write,
)
from notifier.case_systems.http import WriteFailedError
from notifier.case_systems.registry import CaseSystemFactory
from notifier.channels.http_client import open_client
from notifier.domain import errors
from notifier.domain.write_backs.settings import CaseSystemKind, WriteBackState, system_name
from notifier.domain.write_backs.writes import CaseWriteId, CaseWriteState
from notifier.use_cases import write_backs

_TEST_TIMEOUT_S: Final = 15
_SYSTEM = TypeAdapter(Annotated[str, StringConstraints(max_length=200)])
_WRITE = TypeAdapter(Annotated[CaseWriteId, StringConstraints(pattern=UUID)])

router = ApiRouter(prefix="/v1/write-backs", tags=["write-backs"])

KindPath = Annotated[CaseSystemKind, Path(description="The kind of system.", examples=["zendesk"])]
ConnectionPath = Annotated[
    Slug, Path(description="The connection, as intake names it.", examples=["acme"])
]
WritePath = Annotated[
    CaseWriteId, Path(pattern=UUID, description="The write's id.", examples=[EVENT_ID])
]


async def _system(kind: KindPath, connection: ConnectionPath) -> SystemName:
    return system_name(kind, connection)


System = Annotated[SystemName, Depends(_system)]


async def _factory(request: Request) -> CaseSystemFactory:
    factory: CaseSystemFactory = request.app.state.case_systems
    return factory


Factory = Annotated[CaseSystemFactory, Depends(_factory)]


@router.put(
    "/{kind}/{connection}",
    responses=refusals(
        errors.StaleWriteBackError,
        errors.CredentialsMissingError,
        errors.WriteBacksOffError,
        errors.AddressNotAllowedError,
    ),
)
async def set_write_back(
    system: System,
    body: WriteBackIn,
    caller: ManagerUser,
    precondition: WritePrecondition,
    factory: Factory,
    database: NotifierDatabase,
    response: Response,
) -> WriteBackOut:
    """Say what is written to the cases of a connection when their escalation takes a step.

    Each step that is not named is not written. A write-back that was halted begins again.
    """
    async with transaction(database) as uow:
        settings = read_settings(system, body, factory)
        by = caller.actor
        saved = await write_backs.save_write_back(system, settings, by, precondition, uow)
    response.headers["ETag"] = etag(saved.version)
    return shown(saved)


@router.get("/{kind}/{connection}", responses=refusals(errors.WriteBackNotFoundError))
async def show_write_back(
    system: System,
    _caller: ManagerUser,
    database: NotifierDatabase,
    response: Response,
) -> WriteBackDetailOut:
    """Show it, and how many writes wait or have failed; credentials are never shown."""
    async with transaction(database) as uow:
        write_back = await write_backs.read_write_back(system, uow)
        counts = await uow.case_writes.count([system])
    response.headers["ETag"] = etag(write_back.version)
    return shown_detail(write_back, counts[system])


@router.get("")
async def list_write_backs(
    _caller: ManagerUser,
    database: NotifierDatabase,
    kind: Annotated[CaseSystemKind | None, Query(description="Only of this kind.")] = None,
    state: Annotated[WriteBackState | None, Query(description="Only in this state.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[WriteBackDetailOut]:
    """List the connections that are written to, by name."""
    filters = {"kind": kind, "state": state}
    after = decode_cursor(cursor, _SYSTEM, filters)
    async with transaction(database) as uow:
        last = SystemName(after) if after else None
        listed = await uow.write_backs.after(last, limit + 1, kind, state)
        counts = await uow.case_writes.count([each.system for each in listed[:limit]])
    return Page[WriteBackDetailOut].of(
        listed,
        limit,
        key=lambda each: each.system,
        show=lambda each: shown_detail(each, counts[each.system]),
        filters=filters,
    )


@router.delete(
    "/{kind}/{connection}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=refusals(errors.WriteBackNotFoundError, errors.StaleWriteBackError),
)
async def remove_write_back(
    system: System,
    _caller: ManagerUser,
    if_match: IfMatch,
    database: NotifierDatabase,
) -> Response:
    """Write nothing to this connection any longer, and forget the credentials."""
    async with transaction(database) as uow:
        await write_backs.remove_write_back(system, Precondition(if_match), uow)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.post(
    "/{kind}/{connection}/test",
    responses=refusals(errors.WriteBackNotFoundError, errors.WriteBacksOffError),
)
async def check_write_back(
    system: System,
    _caller: ManagerUser,
    factory: Factory,
    database: NotifierDatabase,
) -> AccountOut:
    """Ask the system who we are, by the stored credentials. It changes nothing there."""
    async with transaction(database) as uow:
        write_back = await write_backs.read_write_back(system, uow)
        factory.require_box()
    try:
        async with asyncio.timeout(_TEST_TIMEOUT_S), open_client(factory.call_timeout_s) as session:
            account = await factory.make_for(write_back, session, database.clock).read_account()
    except WriteFailedError as error:
        return _failed_check(str(error))
    except UnknownEncryptionKeyError as error:
        return _failed_check(str(error.__doc__))
    except TimeoutError:
        return _failed_check(f"no answer within {_TEST_TIMEOUT_S} s")
    return AccountOut(works=True, user_id=account.user_id, name=account.name, reason=None)


def _failed_check(reason: str) -> AccountOut:
    return AccountOut(works=False, user_id=None, name=None, reason=reason)


@router.get("/{kind}/{connection}/writes", responses=refusals(errors.WriteBackNotFoundError))
async def list_case_writes(
    system: System,
    _caller: ManagerUser,
    database: NotifierDatabase,
    state: Annotated[CaseWriteState | None, Query(description="Only in this state.")] = None,
    contact_id: Annotated[
        ContactId | None, Query(pattern=UUID, description="Only those about this contact.")
    ] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[CaseWriteOut]:
    """List what was or will be written to the cases of this connection, the latest first."""
    filters = {"state": state, "contact_id": contact_id}
    before = decode_cursor(cursor, _WRITE, filters)
    async with transaction(database) as uow:
        listed = await write_backs.read_writes(system, state, contact_id, before, limit + 1, uow)
    return Page.of(listed, limit, key=lambda each: each.write_id, show=shown_write, filters=filters)


@router.post(
    "/{kind}/{connection}/writes/{write_id}/retry",
    responses=refusals(
        errors.CaseWriteNotFoundError,
        errors.CaseWriteNotFailedError,
        errors.CaseWriteOutdatedError,
    ),
)
async def retry_case_write(
    system: System,
    write_id: WritePath,
    _caller: ManagerUser,
    database: NotifierDatabase,
) -> CaseWriteOut:
    """Try a write again that failed, unless a later step was written to the case since."""
    async with transaction(database) as uow:
        retried = await write_backs.retry_write(system, write_id, uow)
    return shown_write(retried)
