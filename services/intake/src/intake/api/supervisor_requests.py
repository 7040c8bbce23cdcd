"""Requests for a supervisor: reported, or found in a message by a person who was asked."""

from http import HTTPStatus

from common.http.app import ContactPath
from common.http.routes import ApiRouter
from intake import use_cases
from intake.api.answers import ContactIdOut
from intake.api.deps import (
    ON_CHANGE,
    ChannelOrStaffUser,
    IntakeDatabase,
    make_actor,
    refusals,
    transaction,
)
from intake.api.schemas import QuestionAnswerIn, SupervisorRequestIn
from intake.domain import errors

router = ApiRouter(prefix="/v1/contacts", tags=["contacts"])


@router.post(
    "/{contact_id}/request-supervisor",
    status_code=HTTPStatus.ACCEPTED,
    responses=refusals(*ON_CHANGE),
)
async def request_supervisor(
    contact_id: ContactPath,
    body: SupervisorRequestIn,
    database: IntakeDatabase,
    caller: ChannelOrStaffUser,
) -> ContactIdOut:
    """Report that the customer asked for a supervisor.

    A resolved or abandoned contact is reopened. For one that is discarded or merged this answers
    409, as for the customer's message: reopen it first, or use the contact in `merged_into`.
    """
    async with transaction(database) as uow:
        await use_cases.request_supervisor(contact_id, body.quote, make_actor(caller), uow)
    return ContactIdOut(contact_id=contact_id)


@router.post(
    "/{contact_id}/answer-supervisor-question",
    status_code=HTTPStatus.ACCEPTED,
    responses=refusals(*ON_CHANGE, errors.SupervisorQuestionNotFoundError),
)
async def answer_supervisor_question(
    contact_id: ContactPath,
    body: QuestionAnswerIn,
    database: IntakeDatabase,
    caller: ChannelOrStaffUser,
) -> ContactIdOut:
    """Say whether the customer asked for a supervisor, if intake could not be sure.

    A yes calls one, as `request-supervisor` does. The contact shows the question, and it ends with
    an answer, with a sure request or with the contact.
    """
    async with transaction(database) as uow:
        actor = make_actor(caller)
        await use_cases.answer_supervisor_question(contact_id, body.answer, actor, uow)
    return ContactIdOut(contact_id=contact_id)
