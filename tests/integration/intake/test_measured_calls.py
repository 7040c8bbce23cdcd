"""Calls of Twilio are measured once for each leg, without anybody doing anything for it."""

from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from common.storage.database import Database
from intake.store import UnitOfWork
from integration.intake.channel_samples import PUBLIC_URL, by_twilio
from integration.intake.harness import assign, key, published_data

SECRET = "an-auth-token-of-twilio"
PATH = "/v1/channels/twilio/acme"
CALLER = {"From": "+491701234567", "To": "+49301234567", "Direction": "inbound"}
LEG = {
    "CallSid": "CA2",
    "ParentCallSid": "CA1",
    "From": "+491701234567",
    "To": "client:rita",
    "CallStatus": "completed",
    "CallDuration": "61",
    "Timestamp": "Sat, 28 Nov 2026 10:05:00 +0000",
}
DIALLED = {
    **CALLER,
    "CallSid": "CA1",
    "CallStatus": "in-progress",
    "DialCallStatus": "completed",
    "DialCallSid": "CA2",
    "DialCallDuration": "61",
}


@pytest.fixture
async def twilio(api: httpx.AsyncClient) -> httpx.AsyncClient:
    answer = await api.put(
        PATH, json={"secret": SECRET, "options": {"public_url": PUBLIC_URL}}, headers=key("admin")
    )
    assert answer.status_code == 204
    return api


async def post(api: httpx.AsyncClient, **parameters: str) -> None:
    body = urlencode(parameters).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    signed = by_twilio(body, 0, SECRET)
    answer = await api.post(PATH, content=body, headers={**headers, **signed.headers})
    assert answer.status_code == 200, answer.text


async def measured(database: Database[UnitOfWork]) -> list[dict[str, Any]]:
    return await published_data(database, "interaction_measured")


async def contact_of_call(api: httpx.AsyncClient) -> str:
    listed = await api.get("/v1/contacts", headers=key("admin"))
    contact_id: str = listed.json()["items"][0]["contact_id"]
    return contact_id


async def test_leg_and_its_dialling_are_one_measured_interaction(
    twilio: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    await post(twilio, CallSid="CA1", CallStatus="ringing", **CALLER)
    await post(twilio, **LEG)
    await post(twilio, **DIALLED)
    await post(twilio, **LEG)
    (event,) = await measured(database)
    assert event["interaction_id"] == "CA2"
    assert event["person_id"] == "twilio:acme:client:rita"
    assert (event["talk_s"], event["hold_s"], event["ended_by"]) == (61, 0, "system")
    listed = await twilio.get("/v1/contacts", headers=key("admin"))
    assert [item["state"] for item in listed.json()["items"]] == ["resolved"]


async def test_second_leg_is_another_interaction(
    twilio: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    await post(twilio, CallSid="CA1", CallStatus="ringing", **CALLER)
    await post(twilio, **LEG)
    await post(twilio, **{**LEG, "CallSid": "CA3", "To": "client:bruno", "CallDuration": "30"})
    assert [(each["person_id"], each["talk_s"]) for each in await measured(database)] == [
        ("twilio:acme:client:rita", 61),
        ("twilio:acme:client:bruno", 30),
    ]


async def test_dialling_without_account_is_of_who_has_the_contact(
    twilio: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    await post(twilio, CallSid="CA1", CallStatus="ringing", **CALLER)
    await post(twilio, **{**DIALLED, "DialCallSid": "CA8"})
    assert await measured(database) == [], "it would be nobody's"
    await assign(database, await contact_of_call(twilio), "rita")
    await post(twilio, **{**DIALLED, "DialCallSid": "CA9"})
    (event,) = await measured(database)
    assert event["person_id"] == "rita"
