"""A message that may ask for a supervisor: the representative is asked, and the answer acts."""

import httpx

from common.storage.database import Database
from intake.store import UnitOfWork
from integration.intake.harness import accept, assign, key, published_data
from support.doubtful_text import DOUBTFUL

SURE = "I want to speak to your manager."


async def answer(api: httpx.AsyncClient, contact_id: str, said: str) -> httpx.Response:
    path = f"/v1/contacts/{contact_id}/answer-supervisor-question"
    return await api.post(path, json={"answer": said}, headers=key("representative"))


async def test_yes_of_the_representative_requests_a_supervisor(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    contact_id = await accept(api, text=DOUBTFUL)
    await assign(database, contact_id)
    question = (await api.get(f"/v1/contacts/{contact_id}")).json()["supervisor_question"]
    assert (question["quote"], question["evidence"].split()[0]) == (DOUBTFUL, "model")
    (event,) = await published_data(database, "supervisor_question_asked")
    assert event["message_id"] == question["message_id"]
    assert await published_data(database, "supervisor_requested") == []

    assert (await answer(api, contact_id, "yes")).status_code == 202
    (answered,) = await published_data(database, "supervisor_question_answered")
    assert (answered["answer"], answered["by"]) == ("yes", "rita")
    (requested,) = await published_data(database, "supervisor_requested")
    assert requested["quote"] == DOUBTFUL
    again = await answer(api, contact_id, "yes")
    assert again.status_code == 409
    assert again.json()["type"] == "urn:upstairs:problem:supervisor-question-not-found"


async def test_no_of_the_representative_requests_nobody(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    contact_id = await accept(api, text=DOUBTFUL)
    await assign(database, contact_id)
    assert (await answer(api, contact_id, "no")).status_code == 202
    shown = (await api.get(f"/v1/contacts/{contact_id}")).json()
    assert shown["supervisor_question"] is None
    assert await published_data(database, "supervisor_requested") == []


async def test_sure_request_asks_no_question(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    await accept(api, text=SURE)
    assert await published_data(database, "supervisor_question_asked") == []
    assert len(await published_data(database, "supervisor_requested")) == 1


async def test_open_question_goes_to_the_target_of_a_merge(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    contact_id, target = await accept(api, text=DOUBTFUL), await accept(api)
    merged = await api.post(f"/v1/contacts/{contact_id}/merge", json={"into": target})
    assert merged.status_code == 202, merged.text
    await assign(database, target)

    questions = [
        (await api.get(f"/v1/contacts/{each}")).json()["supervisor_question"]
        for each in (contact_id, target)
    ]
    assert (questions[0], questions[1]["quote"]) == (None, DOUBTFUL)
    events = await published_data(database, "supervisor_question_asked")
    assert [event["contact_id"] for event in events] == [contact_id, target]
    assert (await answer(api, target, "yes")).status_code == 202
    (requested,) = await published_data(database, "supervisor_requested")
    assert requested["contact_id"] == target
