"""What Dynamics 365 posts about cases: typed values, two forms of dates, and what is left out."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from common.http.webhooks import BadSignatureError
from intake.channels.base import (
    CaseToRead,
    ChannelEvent,
    ContactDiscarded,
    ContactMerged,
    ContactOpened,
    ContactSetOpen,
    ContactSetPending,
    ContactSolved,
    MalformedBodyError,
    PriorityChanged,
    RepresentativeMessageAdded,
    SupervisorRequested,
    UnrelatedUpdate,
    WebhookRequest,
)
from intake.channels.dynamics import Dynamics
from intake.channels.dynamics_schema import read_date
from intake.domain.model import ChannelConnection

SECRET = "a-secret-of-a-test-7f3c"
CASE = "7a1c9e52-40d1-4f3b-8a55-c1f0e2d3b4a5"
OTHER_CASE = "0e4b7c11-2f6a-4b8e-9a3d-5c6d7e8f9a0b"


def context(message: str = "Update", **changes: Any) -> dict[str, Any]:
    return {
        "MessageName": message,
        "PrimaryEntityName": "incident",
        "PrimaryEntityId": CASE,
        "OperationId": "d2b8f0a4-6f0e-4c1d-9b7a-0f1e2d3c4b5a",
        "OperationCreatedOn": "/Date(1506384247000)/",
        "InputParameters": [],
        **changes,
    }


def target(**attributes: Any) -> list[dict[str, Any]]:
    pairs = [{"key": name, "value": value} for name, value in attributes.items()]
    return [{"key": "Target", "value": {"Id": CASE, "Attributes": pairs}}]


def read(
    body: dict[str, Any], headers: dict[str, str] | None = None, **options: Any
) -> list[ChannelEvent]:
    connection = ChannelConnection("acme", "dynamics", SECRET, options)
    request = WebhookRequest(headers or {}, json.dumps(body).encode())
    parts = Dynamics().parse(connection, request)
    return [part for part in parts if not isinstance(part, CaseToRead)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/Date(1506384247000)/", datetime(2017, 9, 26, 0, 4, 7, tzinfo=UTC)),
        ("/Date(1506409448000-0700)/", datetime(2017, 9, 26, 7, 4, 8, tzinfo=UTC)),
        (r"\/Date(1506384247000+0200)\/", datetime(2017, 9, 26, 0, 4, 7, tzinfo=UTC)),
        ("2017-09-26T00:04:07Z", datetime(2017, 9, 26, 0, 4, 7, tzinfo=UTC)),
        ("/Date(99999999999999999)/", None),
        ("/Date()/", None),
        ("soon", None),
        (None, None),
        (7, None),
    ],
)
def test_both_forms_of_dates_are_read(text: object, expected: datetime | None) -> None:
    assert read_date(text) == expected


def test_values_of_all_types_are_read() -> None:
    opened, state, priority = read(
        context(
            "Create",
            InputParameters=target(
                title="Boiler is cold",
                description="No hot water.",
                prioritycode={"Value": 1},
                statuscode={"__type": "OptionSetValue:x", "Value": "2"},
                caseorigincode={"Value": 1},
                customerid={"Id": OTHER_CASE.upper(), "LogicalName": "contact", "Name": "Ada"},
                isescalated=False,
                new_amount={"Value": 12.5},
                resolvebyslastatus=None,
            ),
        ),
        tier_by_tag={"new_amount=12.5": "vip"},
    )
    assert isinstance(opened, ContactOpened)
    contact = opened.contact
    assert (contact.ref, contact.channel, contact.subject) == (CASE, "call", "Boiler is cold")
    assert contact.customer[:4] == (OTHER_CASE, "Ada", "vip", None)
    assert isinstance(state, ContactSetOpen)
    assert state.on_hold
    assert isinstance(priority, PriorityChanged)
    assert priority.priority == "high"


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"statecode": {"Value": 0}, "statuscode": {"Value": 1}}, ContactSetOpen),
        ({"statecode": {"Value": 0}, "statuscode": {"Value": 3}}, ContactSetPending),
        ({"statecode": {"Value": 1}, "statuscode": {"Value": 1000}}, ContactSolved),
        ({"statecode": 1}, ContactSolved),
        ({"statecode": {"Value": 2}}, ContactDiscarded),
        ({"statuscode": {"Value": 5}}, ContactSolved),
        ({"isescalated": True}, SupervisorRequested),
        ({"ticketnumber": "CAS-1"}, UnrelatedUpdate),
        ({"statuscode": {"Value": 100_000_001}}, ContactSetPending),
    ],
)
def test_change_becomes_an_event(attributes: dict[str, Any], expected: type) -> None:
    mapping = {"statuscode=100000001": "waiting_on_customer"}
    events = read(context(InputParameters=target(**attributes)), state_by_tag=mapping)
    assert [type(event) for event in events] == [expected]


def test_images_say_what_the_operation_did_not_write() -> None:
    image = {"Attributes": [{"key": "title", "value": "Old"}, {"key": "statecode", "value": 0}]}
    images = [{"key": "AfterImage", "value": image}]
    (event,) = read(context(PostEntityImages=images, InputParameters=target(title="New")))
    assert isinstance(event, ContactSetOpen)
    assert event.contact.subject == "New"


def test_merged_case_goes_on_in_the_target() -> None:
    parameters = [
        {"key": "Target", "value": {"Id": CASE, "LogicalName": "incident"}},
        {"key": "SubordinateId", "value": OTHER_CASE},
    ]
    (event,) = read(context("Merge", InputParameters=parameters))
    assert isinstance(event, ContactMerged)
    assert (event.contact.ref, event.into) == (OTHER_CASE, CASE)


def test_state_set_by_its_own_message_is_read() -> None:
    parameters = [
        {"key": "EntityMoniker", "value": {"Id": CASE}},
        {"key": "State", "value": {"Value": 1}},
        {"key": "Status", "value": {"Value": 5}},
    ]
    body = context("SetState", InputParameters=parameters, PrimaryEntityId=None)
    (event,) = read(body)
    assert isinstance(event, ContactSolved)
    assert event.contact.ref == CASE


def test_deleted_case_is_discarded() -> None:
    assert [type(event) for event in read(context("Delete"))] == [ContactDiscarded]


def test_message_that_was_too_long_says_what_is_missing() -> None:
    body = context("Create", InputParameters=target(title="Boiler is cold"))
    opened, note = read(body, {"x-ms-dynamics-msg-size-exceeded": "True"})
    assert isinstance(opened, ContactOpened)
    assert isinstance(note, RepresentativeMessageAdded)
    assert "columns (description, customerid, statuscode, prioritycode)" in note.text
    assert (note.internal, note.automatic) == (True, True)


def test_other_entities_are_ignored() -> None:
    assert read(context(PrimaryEntityName="account")) == []
    assert read({}) == []


def test_case_without_id_is_malformed() -> None:
    with pytest.raises(MalformedBodyError):
        read(context(PrimaryEntityId="00000000-0000-0000-0000-000000000000"))


def test_operations_without_id_differ_by_what_they_wrote() -> None:
    keys = {
        event.event_id
        for title in ("One", "Two", "One")
        for event in read(context(OperationId=None, InputParameters=target(title=title)))
    }
    assert len(keys) == 2


@pytest.mark.parametrize(
    "request_fields",
    [
        {"url": f"https://x.example/v1/channels/dynamics/acme?code={SECRET}"},
        {"url": f"https://x.example/v1/channels/dynamics/acme?any={SECRET}&b=1"},
        {"headers": {"any-name": SECRET}},
        {"headers": {"authorization": f"Bearer {SECRET}"}},
        {"path_secret": SECRET},
    ],
)
def test_secret_is_taken_in_each_way_to_show_it(request_fields: dict[str, Any]) -> None:
    connection = ChannelConnection("acme", "dynamics", f"next-secret,{SECRET}", {})
    now = datetime(2026, 11, 28, tzinfo=UTC)
    request = WebhookRequest(**{"headers": {}, "body": b""} | request_fields)
    Dynamics().verify(connection, request, now)
    stranger = ChannelConnection("acme", "dynamics", "another-secret", {})
    with pytest.raises(BadSignatureError):
        Dynamics().verify(stranger, request, now)
