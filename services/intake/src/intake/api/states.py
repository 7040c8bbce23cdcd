"""What else may happen to a contact: waiting ends, it is no work, or its work goes on elsewhere."""

from http import HTTPStatus

from pydantic import TypeAdapter

from common.contracts.contract import Instant
from common.contracts.event import ContactId
from common.http.app import ContactPath, OpaqueText
from common.http.pagination import Cursor, Limit, Page, decode_cursor
from common.http.routes import ApiRouter
from intake import use_cases
from intake.api.answers import ContactIdOut, HistoryEntryOut
from intake.api.deps import (
    ON_ACTION,
    ON_CHANGE,
    ON_CONTACT,
    ChannelOrStaffUser,
    IntakeDatabase,
    make_actor,
    refusals,
    transaction,
)
from intake.api.schemas import DiscardIn, MergeIn
from intake.domain import errors

router = ApiRouter(prefix="/v1/contacts", tags=["contacts"])

_HISTORY_KEY = TypeAdapter(tuple[Instant, OpaqueText, OpaqueText])


@router.post(
    "/{contact_id}/stop-waiting",
    status_code=HTTPStatus.ACCEPTED,
    responses=refusals(*ON_CHANGE),
)
async def stop_waiting(
    contact_id: ContactPath, database: IntakeDatabase, caller: ChannelOrStaffUser
) -> ContactIdOut:
    """Report that you no longer wait for the customer: the promises' clocks run on.

    A message of the customer or of a representative does the same. For a contact that is open this
    changes nothing. There is no body.
    """
    async with transaction(database) as uow:
        await use_cases.stop_waiting(contact_id, make_actor(caller), uow)
    return ContactIdOut(contact_id=contact_id)


@router.post(
    "/{contact_id}/discard",
    status_code=HTTPStatus.ACCEPTED,
    responses=refusals(*ON_ACTION),
)
async def discard_contact(
    contact_id: ContactPath,
    body: DiscardIn,
    database: IntakeDatabase,
    caller: ChannelOrStaffUser,
) -> ContactIdOut:
    """Report that nobody shall work on it: all promises, pages and assignments are cancelled.

    It may be over already. It can be reopened.
    """
    async with transaction(database) as uow:
        actor = make_actor(caller, body.person_id)
        await use_cases.discard(contact_id, body.cause, actor, uow)
    return ContactIdOut(contact_id=contact_id)


@router.post(
    "/{contact_id}/merge",
    status_code=HTTPStatus.ACCEPTED,
    responses=refusals(*ON_ACTION, errors.MergeTargetError, errors.MergeTargetEndedError),
)
async def merge_contact(
    contact_id: ContactPath,
    body: MergeIn,
    database: IntakeDatabase,
    caller: ChannelOrStaffUser,
) -> ContactIdOut:
    """Report that its work goes on in another contact of the same customer.

    You must be allowed to change both: a channel merges contacts that it sent, a representative
    those that they have; a supervisor merges those of two representatives.

    The contact ends; send what the customer writes to the other one. That one must be open or
    waiting: into a contact that has ended this answers 409 `merge-target-ended`. If it was merged
    itself, `merged_into` of the answer names the next one to try.

    What an open contact still asks for goes over to the other one: its priority, if it is the more
    urgent one, and the customer's request for a supervisor, if there was one since the contact was
    last opened.
    """
    async with transaction(database) as uow:
        actor = make_actor(caller, body.person_id)
        await use_cases.merge(contact_id, ContactId(body.into), actor, uow)
    return ContactIdOut(contact_id=contact_id)


@router.get("/{contact_id}/history", responses=refusals(*ON_CONTACT))
async def show_history(
    contact_id: ContactPath,
    database: IntakeDatabase,
    caller: ChannelOrStaffUser,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[HistoryEntryOut]:
    """List the changes that the outside system reported, applied or too late, the latest first."""
    filters = {"contact_id": contact_id}
    before = decode_cursor(cursor, _HISTORY_KEY, filters)
    async with transaction(database) as uow:
        await use_cases.get_to_read(contact_id, make_actor(caller), uow)
        entries = await uow.contact_history.list_before(contact_id, before, limit + 1)
    return Page[HistoryEntryOut].of(
        entries,
        limit,
        key=lambda entry: [entry.at.isoformat(), entry.event_id, entry.field],
        show=lambda entry: HistoryEntryOut.model_validate(entry, from_attributes=True),
        filters=filters,
    )
