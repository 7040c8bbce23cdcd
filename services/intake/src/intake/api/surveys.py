"""Surveys that channels send to customers, and the answers."""

from http import HTTPStatus
from typing import Annotated

from fastapi import Path, Response

from common.http.app import ContactPath, ExternalId
from common.http.routes import ApiRouter
from intake import use_cases
from intake.api.answers import SURVEY_ID, SurveyIdOut
from intake.api.deps import (
    ON_CONTACT,
    ChannelUser,
    IntakeDatabase,
    make_actor,
    refusals,
    transaction,
)
from intake.api.schemas import SurveyAnswerIn, SurveyIn, person_id, team_id
from intake.domain import errors
from intake.domain.model import SurveyAnswer
from intake.domain.surveys import SurveyRequest

router = ApiRouter(prefix="/v1/contacts/{contact_id}/surveys", tags=["surveys"])

SurveyPath = Annotated[
    ExternalId, Path(description="Your id of the survey, URL-encoded.", examples=[SURVEY_ID])
]


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    responses=refusals(*ON_CONTACT, errors.KeyReusedError, errors.ResolutionNotFoundError),
)
async def send_survey(
    contact_id: ContactPath,
    body: SurveyIn,
    response: Response,
    database: IntakeDatabase,
    caller: ChannelUser,
) -> SurveyIdOut:
    """Report that a survey was sent to the customer. The same `survey_id` again answers 200."""
    request = SurveyRequest(
        body.survey_id,
        body.kind,
        person_id(body.person_id),
        team_id(body.team_id),
        body.resolution_no,
    )
    async with transaction(database) as uow:
        is_new = await use_cases.send_survey(contact_id, request, make_actor(caller), uow)
    if not is_new:
        response.status_code = HTTPStatus.OK
    return SurveyIdOut(contact_id=contact_id, survey_id=body.survey_id)


# An id may have a slash.
@router.post(
    "/{survey_id:path}/answer",
    status_code=HTTPStatus.ACCEPTED,
    responses=refusals(*ON_CONTACT, errors.SurveyNotFoundError, errors.ScoreOutOfScaleError),
)
async def answer_survey(
    contact_id: ContactPath,
    survey_id: SurveyPath,
    body: SurveyAnswerIn,
    database: IntakeDatabase,
    caller: ChannelUser,
) -> SurveyIdOut:
    """Record the customer's answer. A later answer replaces it; the same again changes nothing."""
    answer = SurveyAnswer(body.scale, body.score, body.comment)
    async with transaction(database) as uow:
        await use_cases.answer_survey(contact_id, survey_id, answer, make_actor(caller), uow)
    return SurveyIdOut(contact_id=contact_id, survey_id=survey_id)
