"""Cases of Salesforce and Dynamics learn what becomes of their escalation."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from integration.notifier.conftest import ServiceHarness
from integration.notifier.write_back_examples import (
    CLIENT_CREDENTIALS,
    ENTRA_CREDENTIALS,
    EscalatedCase,
    all_written,
    list_writes,
    managing,
    set_up,
    write_states,
    writing,
)
from support.case_systems import (
    DYNAMICS_USER,
    SALESFORCE_USER,
    DynamicsStandIn,
    SalesforceStandIn,
)
from support.waiting import until

SALESFORCE = "/v1/write-backs/salesforce/acme"
DYNAMICS = "/v1/write-backs/dynamics/acme"
SALESFORCE_CASE = "5005g000009AbCdAAK"
INCIDENT = "7a1c9e52-40d1-4f3b-8a55-c1f0e2d3b4a5"
SALESFORCE_STEPS = {
    "escalated": {
        "note": True,
        "priority": "Critical",
        "fields": {"IsEscalated": True, "Level__c": "supervisor"},
    },
    "acknowledged": {"note": True},
}
DYNAMICS_STEPS = {
    "escalated": {"note": True, "priority": "high", "fields": {"isescalated": True}},
    "acknowledged": {"note": True},
}
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def salesforce(harness: ServiceHarness) -> AsyncIterator[SalesforceStandIn]:
    async with SalesforceStandIn() as salesforce:
        salesforce.cases[SALESFORCE_CASE] = {"Priority": "Low"}
        await set_up(
            harness,
            salesforce.url,
            SALESFORCE,
            credentials=CLIENT_CREDENTIALS,
            steps=SALESFORCE_STEPS,
        )
        yield salesforce


@pytest.fixture
async def dynamics(harness: ServiceHarness) -> AsyncIterator[DynamicsStandIn]:
    async with DynamicsStandIn() as dynamics:
        dynamics.incidents[INCIDENT] = {"prioritycode": 3}
        await set_up(
            harness, dynamics.url, DYNAMICS, credentials=ENTRA_CREDENTIALS, steps=DYNAMICS_STEPS
        )
        yield dynamics


def salesforce_case(ref: str = SALESFORCE_CASE) -> EscalatedCase:
    return EscalatedCase("salesforce:acme", ref)


def incident(ref: str = INCIDENT) -> EscalatedCase:
    return EscalatedCase("dynamics:acme", ref)


async def test_case_of_salesforce_gets_fields_and_comments(
    harness: ServiceHarness, salesforce: SalesforceStandIn
) -> None:
    case = salesforce_case()
    async with writing(harness, salesforce.url):
        await harness.handle(case.raised(), case.acknowledged())
        await all_written(harness)
    assert salesforce.cases[SALESFORCE_CASE] == {
        "Priority": "Critical",
        "IsEscalated": True,
        "Level__c": "supervisor",
    }
    first, second = salesforce.comments
    assert first["CommentBody"].startswith("Escalated. Supervisor is asked; severity high.\n")
    assert second["CommentBody"].startswith("dana has the escalation")
    assert not first["IsPublished"]
    # One token is enough for both, and each call says who makes the change.
    assert len(salesforce.tokens) == 1
    assert {call.headers["Sforce-Call-Options"] for call in salesforce.changes()} == {
        "client=upstairs"
    }


async def test_token_that_salesforce_ended_is_replaced(
    harness: ServiceHarness, salesforce: SalesforceStandIn
) -> None:
    case = salesforce_case()
    async with writing(harness, salesforce.url):
        await harness.handle(case.raised())
        await all_written(harness)
        salesforce.end_sessions()
        await harness.handle(case.acknowledged())
        await all_written(harness)
    assert len(salesforce.comments) == 2


async def test_comment_that_may_have_arrived_is_not_written_twice(
    harness: ServiceHarness, salesforce: SalesforceStandIn
) -> None:
    # The fields, and then the comment, whose answer is lost.
    salesforce.answers, salesforce.answers_late = [(204, {}), (502, {})], True
    async with writing(harness, salesforce.url):
        await harness.handle(salesforce_case().raised())
        await until(lambda: salesforce.comments)
        await until(lambda: write_states(harness), lambda writes: writes[0][1] == "pending")
        harness.advance(MINUTE)
        await all_written(harness)
    assert len(salesforce.comments) == 1


@pytest.mark.parametrize("ref", ["5005g000009AbCdAAX", "0015g000009AbCdAAK", "1 OR 1=1"])
async def test_unknown_case_of_salesforce_fails_at_once(
    harness: ServiceHarness, salesforce: SalesforceStandIn, ref: str
) -> None:
    async with writing(harness, salesforce.url):
        await harness.handle(salesforce_case(ref).raised())
        await until(lambda: write_states(harness), lambda writes: writes[0][1] == "failed")
    (failed,) = await list_writes(harness, salesforce.url, path=SALESFORCE)
    assert "case" in failed["reason"]


async def test_incident_gets_columns_and_notes(
    harness: ServiceHarness, dynamics: DynamicsStandIn
) -> None:
    case = incident()
    async with writing(harness, dynamics.url):
        await harness.handle(case.raised(), case.acknowledged())
        await all_written(harness)
    assert dynamics.incidents == {INCIDENT: {"prioritycode": 1, "isescalated": True}}
    first, second = dynamics.notes.values()
    assert first["notetext"].startswith("Escalated. Supervisor is asked; severity high.\n")
    assert second["notetext"].startswith("dana has the escalation")


async def test_note_of_dynamics_that_may_have_arrived_is_not_written_twice(
    harness: ServiceHarness, dynamics: DynamicsStandIn
) -> None:
    dynamics.answers, dynamics.answers_late = [(204, {}), (502, {})], True
    async with writing(harness, dynamics.url):
        await harness.handle(incident().raised())
        await until(lambda: dynamics.notes)
        await until(lambda: write_states(harness), lambda writes: writes[0][1] == "pending")
        harness.advance(MINUTE)
        await all_written(harness)
    assert len(dynamics.notes) == 1


async def test_deleted_incident_is_not_made_again(
    harness: ServiceHarness, dynamics: DynamicsStandIn
) -> None:
    other = "0e4b7c11-2f6a-4b8e-9a3d-5c6d7e8f9a0b"
    async with writing(harness, dynamics.url):
        await harness.handle(incident(other).raised())
        await until(lambda: write_states(harness), lambda writes: writes[0][1] == "failed")
    assert other not in dynamics.incidents
    assert dynamics.notes == {}


@pytest.mark.parametrize(
    ("path", "credentials", "user"),
    [
        (SALESFORCE, CLIENT_CREDENTIALS, SALESFORCE_USER),
        (DYNAMICS, ENTRA_CREDENTIALS, DYNAMICS_USER),
    ],
)
async def test_credentials_are_checked_by_a_read(
    harness: ServiceHarness, path: str, credentials: dict[str, Any], user: str
) -> None:
    stand_in = SalesforceStandIn() if path == SALESFORCE else DynamicsStandIn()
    async with stand_in:
        await set_up(harness, stand_in.url, path, credentials=credentials, steps={})
        async with managing(harness, stand_in.url) as api:
            works = (await api.post(f"{path}/test")).json()
            stand_in.knows_us = False
            refused = (await api.post(f"{path}/test")).json()
    assert (works["works"], works["user_id"]) == (True, user)
    assert (refused["works"], refused["reason"]) == (
        False,
        "no access token: answered 400: invalid_client",
    )
    assert stand_in.changes() == []


@pytest.mark.parametrize(
    ("path", "steps", "place"),
    [
        (SALESFORCE, {"escalated": {"tags": ["escalated"]}}, "body/steps/escalated/tags"),
        (DYNAMICS, {"escalated": {"priority": "urgent"}}, "body/steps/escalated/priority"),
        (DYNAMICS, {"escalated": {"fields": {"Up": 1}}}, "body/steps/escalated/fields/Up"),
    ],
)
async def test_setting_that_a_crm_does_not_take_is_refused_by_its_place(
    harness: ServiceHarness, path: str, steps: dict[str, Any], place: str
) -> None:
    url = "http://127.0.0.1:9"
    credentials = CLIENT_CREDENTIALS if path == SALESFORCE else ENTRA_CREDENTIALS
    body = {"state": "active", "base_url": url, "credentials": credentials, "steps": steps}
    async with managing(harness, url) as api:
        refused = await api.put(path, json=body)
    assert [error["pointer"] for error in refused.json()["errors"]] == [place]
