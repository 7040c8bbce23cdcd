"""Surveys and their answers, each published once."""

import httpx
import pytest

from common.storage.database import Database
from intake.store import UnitOfWork
from integration.intake.harness import accept, assign, key, published, published_data

CSAT = {"survey_id": "s-1", "kind": "csat", "team_id": "madrid"}


@pytest.fixture
async def resolved(api: httpx.AsyncClient, database: Database[UnitOfWork]) -> str:
    """The path of a contact that Rita resolved."""
    contact_id = await accept(api, text=None)
    await assign(database, contact_id)
    path = f"/v1/contacts/{contact_id}"
    await api.post(f"{path}/resolve", json={}, headers=key("representative"))
    return path


async def test_survey_and_answer_are_published_once(
    api: httpx.AsyncClient, database: Database[UnitOfWork], resolved: str
) -> None:
    answers = [await api.post(f"{resolved}/surveys", json=CSAT) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 200]
    assert answers[0].json() == answers[1].json()
    for _ in range(2):
        answer = await api.post(
            f"{resolved}/surveys/s-1/answer", json={"scale": "1-5", "score": 4, "comment": "ok"}
        )
        assert answer.status_code == 202, answer.text
    assert (await published(database))[2:] == ["survey_sent", "survey_answered"]
    (sent,) = await published_data(database, "survey_sent")
    assert {**CSAT, "person_id": "rita", "resolution_no": 1}.items() <= sent.items()
    (answered,) = await published_data(database, "survey_answered")
    expected = {"survey_id": "s-1", "kind": "csat", "scale": "1-5", "score": 4, "comment": "ok"}
    assert expected.items() <= answered.items()


async def test_answer_after_a_reopening_stays_about_the_first_resolution(
    api: httpx.AsyncClient, database: Database[UnitOfWork], resolved: str
) -> None:
    await api.post(f"{resolved}/surveys", json=CSAT)
    await api.post(f"{resolved}/reopen", json={"reason": "again"})
    again = await api.post(f"{resolved}/surveys", json=CSAT)
    assert again.status_code == 200
    for score in (2, 5):
        answer = {"scale": "1-5", "score": score}
        await api.post(f"{resolved}/surveys/s-1/answer", json=answer)
    answered = await published_data(database, "survey_answered")
    assert [event["score"] for event in answered] == [2, 5]
    assert len(await published_data(database, "survey_sent")) == 1


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        ({"scale": "0-10", "score": 9}, 422, "score-out-of-scale"),
        ({"scale": "1-5", "score": 0}, 422, "score-out-of-scale"),
        ({"scale": "1-5", "score": 11}, 422, "invalid"),
        ({"scale": "1-5", "score": "4"}, 422, "invalid"),
        ({"scale": "1-7", "score": 4}, 422, "invalid"),
    ],
)
async def test_answer_off_the_scale_is_refused(
    api: httpx.AsyncClient,
    database: Database[UnitOfWork],
    resolved: str,
    answer: dict[str, object],
    status: int,
    code: str,
) -> None:
    await api.post(f"{resolved}/surveys", json=CSAT)
    refused = await api.post(f"{resolved}/surveys/s-1/answer", json=answer)
    assert refused.status_code == status
    assert refused.json()["type"] == f"urn:upstairs:problem:{code}"
    assert not await published_data(database, "survey_answered")


async def test_unknown_survey_is_not_found(api: httpx.AsyncClient, resolved: str) -> None:
    answer = await api.post(f"{resolved}/surveys/s-9/answer", json={"scale": "1-5", "score": 4})
    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:upstairs:problem:survey-not-found"


async def test_survey_id_of_another_survey_is_refused(
    api: httpx.AsyncClient, database: Database[UnitOfWork], resolved: str
) -> None:
    await api.post(f"{resolved}/surveys", json=CSAT)
    other = await api.post(f"{resolved}/surveys", json={**CSAT, "kind": "nps"})
    assert other.status_code == 422
    assert other.json()["type"] == "urn:upstairs:problem:idempotency-key-reused"
    assert len(await published_data(database, "survey_sent")) == 1


async def test_survey_before_any_resolution_is_refused_except_nps(
    api: httpx.AsyncClient,
) -> None:
    path = f"/v1/contacts/{await accept(api, text=None)}/surveys"
    refused = await api.post(path, json=CSAT)
    assert refused.status_code == 409
    assert refused.json()["type"] == "urn:upstairs:problem:resolution-not-found"
    assert (await api.post(path, json={"survey_id": "s-1", "kind": "nps"})).status_code == 201


async def test_only_channels_report_surveys(api: httpx.AsyncClient, resolved: str) -> None:
    rita = key("representative")
    answers = [
        await api.post(f"{resolved}/surveys", json=CSAT, headers=rita),
        await api.post(
            f"{resolved}/surveys/s-1/answer", json={"scale": "1-5", "score": 5}, headers=rita
        ),
    ]
    assert [answer.status_code for answer in answers] == [403, 403]
