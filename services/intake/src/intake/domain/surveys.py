"""Surveys about a resolution, and their answers."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from common.contracts.contacts import SurveyAnswered, SurveyKind, SurveyScale, SurveySent
from common.contracts.event import PersonId, TeamId
from intake.domain.errors import KeyReusedError, ResolutionNotFoundError, ScoreOutOfScaleError
from intake.domain.model import Contact, Survey, SurveyAnswer, SurveyDecision

SCALES: Final[Mapping[SurveyKind, SurveyScale]] = {"csat": "1-5", "nps": "0-10", "fcr": "0-1"}
_RANGES: Final[Mapping[SurveyScale, range]] = {
    "1-5": range(1, 6),
    "0-10": range(11),
    "0-1": range(2),
}


@dataclass(frozen=True, slots=True)
class SurveyRequest:
    """What the sender says of a survey; the rest comes from the contact."""

    survey_id: str
    kind: SurveyKind
    person_id: PersonId | None = None
    team_id: TeamId | None = None
    resolution_no: int | None = None


def send_survey(
    contact: Contact, earlier: Survey | None, request: SurveyRequest, at: datetime
) -> SurveyDecision:
    """Record that the customer was asked; the same request again changes nothing."""
    if earlier is not None:
        if not _is_repeat(earlier, request):
            raise KeyReusedError(f"The survey id {request.survey_id}")
        return SurveyDecision(earlier)
    survey = Survey(
        contact_id=contact.contact_id,
        survey_id=request.survey_id,
        kind=request.kind,
        person_id=request.person_id or _person(contact, request),
        team_id=request.team_id,
        resolution_no=_resolution_no(contact, request),
        sent_at=at,
    )
    sent = SurveySent(
        contact_id=survey.contact_id,
        occurred_at=at,
        survey_id=survey.survey_id,
        kind=survey.kind,
        person_id=survey.person_id,
        team_id=survey.team_id,
        resolution_no=survey.resolution_no,
    )
    return SurveyDecision(survey, (sent,))


def answer_survey(survey: Survey, answer: SurveyAnswer, at: datetime) -> SurveyDecision:
    """Record the answer in place of an earlier one; the same answer again changes nothing."""
    scale = SCALES[survey.kind]
    if answer.scale != scale or answer.score not in _RANGES[scale]:
        raise ScoreOutOfScaleError(survey.kind, scale)
    if survey.answer == answer:
        return SurveyDecision(survey)
    answered = SurveyAnswered(
        contact_id=survey.contact_id,
        occurred_at=at,
        survey_id=survey.survey_id,
        kind=survey.kind,
        scale=answer.scale,
        score=answer.score,
        comment=answer.comment,
    )
    return SurveyDecision(replace(survey, answer=answer, answered_at=at), (answered,))


def _resolution_no(contact: Contact, request: SurveyRequest) -> int | None:
    """Return which resolution is asked about; only NPS may ask before there is any."""
    latest = contact.resolution_no
    if request.resolution_no is not None:
        if request.resolution_no > latest:
            raise ResolutionNotFoundError(request.resolution_no, latest)
        return request.resolution_no
    if request.kind == "nps":
        return latest or None
    if latest == 0:
        raise ResolutionNotFoundError(1, latest)
    return latest


def _person(contact: Contact, request: SurveyRequest) -> PersonId | None:
    """Return who gave the latest resolution; NPS is about the company and rates nobody."""
    if request.kind == "nps" or request.resolution_no not in (None, contact.resolution_no):
        return None
    return contact.resolved_by


def _is_repeat(earlier: Survey, request: SurveyRequest) -> bool:
    pairs = (
        (request.person_id, earlier.person_id),
        (request.team_id, earlier.team_id),
        (request.resolution_no, earlier.resolution_no),
    )
    same = all(requested in (None, stored) for requested, stored in pairs)
    return request.kind == earlier.kind and same
