"""Surveys keep whom they ask about; their answers must lie on the scale of their kind."""

from dataclasses import replace

import pytest

from common.contracts.contacts import SurveyAnswered, SurveyKind, SurveyScale, SurveySent
from common.contracts.event import TeamId
from intake.domain import contacts
from intake.domain.actors import NOBODY, Actor
from intake.domain.errors import KeyReusedError, ResolutionNotFoundError, ScoreOutOfScaleError
from intake.domain.model import Survey, SurveyAnswer
from intake.domain.surveys import SurveyRequest, answer_survey, send_survey
from unit.intake.examples import AT, CONTACT, RESOLVED, RITA, SARA

CSAT = SurveyRequest("s-1", "csat")


def sent_survey(kind: SurveyKind = "csat") -> Survey:
    return send_survey(RESOLVED, None, SurveyRequest("s-1", kind), AT).survey


def test_survey_is_about_the_latest_resolution_and_its_person() -> None:
    decision = send_survey(RESOLVED, None, replace(CSAT, team_id=TeamId("madrid")), AT)
    assert decision.events == (
        SurveySent(
            contact_id=CONTACT.contact_id,
            occurred_at=AT,
            survey_id="s-1",
            kind="csat",
            person_id=RITA,
            team_id=TeamId("madrid"),
            resolution_no=1,
        ),
    )


def test_survey_about_an_earlier_resolution_does_not_name_the_latest_person() -> None:
    reopened = contacts.reopen(RESOLVED, "again", NOBODY, AT).contact
    second = contacts.resolve(reopened, AT, Actor("all", SARA)).contact
    earlier = send_survey(second, None, replace(CSAT, resolution_no=1), AT).survey
    latest = send_survey(second, None, CSAT, AT).survey
    assert (earlier.resolution_no, earlier.person_id) == (1, None)
    assert (latest.resolution_no, latest.person_id) == (2, SARA)


def test_nps_survey_names_nobody_and_needs_no_resolution() -> None:
    nps = SurveyRequest("s-1", "nps")
    assert send_survey(RESOLVED, None, nps, AT).survey.person_id is None
    unresolved = send_survey(CONTACT, None, nps, AT).survey
    assert (unresolved.person_id, unresolved.resolution_no) == (None, None)


@pytest.mark.parametrize(
    "request_", [CSAT, SurveyRequest("s-1", "fcr"), replace(CSAT, resolution_no=2)]
)
def test_survey_about_a_missing_resolution_is_refused(request_: SurveyRequest) -> None:
    with pytest.raises(ResolutionNotFoundError):
        send_survey(CONTACT, None, request_, AT)


def test_repeated_survey_changes_nothing_even_after_another_resolution() -> None:
    survey = sent_survey()
    reopened = contacts.reopen(RESOLVED, "again", NOBODY, AT).contact
    second = contacts.resolve(reopened, AT, Actor("all", SARA)).contact
    decision = send_survey(second, survey, CSAT, AT)
    assert (decision.survey, decision.events) == (survey, ())


@pytest.mark.parametrize(
    "other",
    [
        replace(CSAT, kind="nps"),
        replace(CSAT, person_id=SARA),
        replace(CSAT, team_id=TeamId("madrid")),
        replace(CSAT, resolution_no=2),
    ],
)
def test_survey_id_of_another_survey_is_refused(other: SurveyRequest) -> None:
    with pytest.raises(KeyReusedError, match="The survey id s-1 was used before"):
        send_survey(RESOLVED, sent_survey(), other, AT)


@pytest.mark.parametrize(
    ("kind", "scale", "score"),
    [
        ("csat", "1-5", 1),
        ("csat", "1-5", 5),
        ("nps", "0-10", 0),
        ("nps", "0-10", 10),
        ("fcr", "0-1", 0),
        ("fcr", "0-1", 1),
    ],
)
def test_answer_on_the_scale_is_published(kind: SurveyKind, scale: SurveyScale, score: int) -> None:
    decision = answer_survey(sent_survey(kind), SurveyAnswer(scale, score, "ok"), AT)
    assert decision.events == (
        SurveyAnswered(
            contact_id=CONTACT.contact_id,
            occurred_at=AT,
            survey_id="s-1",
            kind=kind,
            scale=scale,
            score=score,
            comment="ok",
        ),
    )
    assert decision.survey.answer == SurveyAnswer(scale, score, "ok")


@pytest.mark.parametrize(
    ("kind", "scale", "score"),
    [
        ("csat", "1-5", 0),
        ("csat", "1-5", 6),
        ("csat", "0-10", 5),
        ("nps", "0-10", 11),
        ("nps", "0-10", -1),
        ("nps", "1-5", 4),
        ("fcr", "0-1", 2),
        ("fcr", "1-5", 1),
    ],
)
def test_answer_off_the_scale_is_refused(kind: SurveyKind, scale: SurveyScale, score: int) -> None:
    with pytest.raises(ScoreOutOfScaleError, match=f"kind {kind} is answered on the scale"):
        answer_survey(sent_survey(kind), SurveyAnswer(scale, score), AT)


def test_changed_answer_replaces_and_same_answer_changes_nothing() -> None:
    first = answer_survey(sent_survey(), SurveyAnswer("1-5", 2), AT).survey
    assert answer_survey(first, SurveyAnswer("1-5", 2), AT).events == ()
    changed = answer_survey(first, SurveyAnswer("1-5", 4), AT)
    assert [event.type for event in changed.events] == [SurveyAnswered.type]
    assert changed.survey.answer == SurveyAnswer("1-5", 4)
