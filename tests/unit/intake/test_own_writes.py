"""What Upstairs wrote into a system is no news when it comes back; all else still is."""

import json
from typing import Any

import pytest

from intake.channels.base import (
    ChannelEvent,
    PriorityChanged,
    RepresentativeMessageAdded,
    SupervisorRequested,
    UnreadablePart,
    UnrelatedUpdate,
    WebhookRequest,
)
from intake.channels.dynamics import Dynamics
from intake.channels.salesforce import Salesforce
from intake.channels.zendesk import Zendesk
from intake.domain.model import ChannelConnection
from integration.intake.outbound_messages import ORGANIZATION, envelope, record

MARK = "[upstairs:0199c1f0-2222-7bd3-8f5e-0d5f3f7f2c11]"
OWN_NOTE = f"Escalated. Supervisor is asked.\n2026-03-02 10:12 UTC\n{MARK}\n"
US = "900"
SALESFORCE_US = "0055g000001AbCdAAK"
DYNAMICS_US = "5f1c9e52-40d1-4f3b-8a55-c1f0e2d3b4a5"
Event = ChannelEvent | UnreadablePart


def zendesk(kind: str, actor: str = "77", **event: Any) -> Event:
    body = {
        "id": "1",
        "type": f"zen:event-type:ticket.{kind}",
        "detail": {"id": "5158", "actor_id": actor, "requester_id": "11"},
        "event": event,
    }
    connection = ChannelConnection("acme", "zendesk", "s", {"own_users": [US], "bots": ["13"]})
    (read,) = Zendesk().parse(connection, WebhookRequest({}, json.dumps(body).encode()))
    return read


def comment(text: str, *, public: bool, author: str = "77") -> dict[str, Any]:
    return {"id": "c", "body": text, "is_public": public, "author": {"id": author}}


def salesforce(body: bytes) -> list[type]:
    options = {"organization": ORGANIZATION, "own_users": [SALESFORCE_US[:15]]}
    connection = ChannelConnection("acme", "salesforce", "s", options)
    return [type(part) for part in Salesforce().parse(connection, WebhookRequest({}, body))]


def change(kind: str = "UPDATE", **header: Any) -> bytes:
    usual = {
        "entityName": "Case",
        "recordIds": ["5005g000009AbCdAAK"],
        "changeType": kind,
        "transactionKey": "0007a3f1-9c21",
        "commitTimestamp": 1795863600000,
    }
    fields = {"Priority": "High", "IsEscalated": True}
    payload = {"ChangeEventHeader": {**usual, **header}, **fields}
    return json.dumps({"payload": payload}).encode()


def outbound(kind: str, **fields: str) -> bytes:
    return envelope(record(kind, **fields))


def dynamics(message: str = "Update", **context: Any) -> list[type]:
    attributes = [
        {"key": "prioritycode", "value": {"Value": 1}},
        {"key": "isescalated", "value": True},
    ]
    target = {"Id": "7a1c9e52-40d1-4f3b-8a55-c1f0e2d3b4a5", "Attributes": attributes}
    body = {
        "MessageName": message,
        "PrimaryEntityName": "incident",
        "PrimaryEntityId": target["Id"],
        "OperationId": "d2b8f0a4-6f0e-4c1d-9b7a-0f1e2d3c4b5a",
        "InputParameters": [{"key": "Target", "value": target}],
        **context,
    }
    connection = ChannelConnection("acme", "dynamics", "s", {"own_users": [DYNAMICS_US.upper()]})
    request = WebhookRequest({}, json.dumps(body).encode())
    return [type(event) for event in Dynamics().parse(connection, request)]


def test_own_note_of_zendesk_is_no_message() -> None:
    own = zendesk("comment_added", comment=comment(OWN_NOTE, public=False))
    assert isinstance(own, UnrelatedUpdate)
    by_account = zendesk("comment_added", comment=comment("Hello", public=False, author=US))
    assert isinstance(by_account, UnrelatedUpdate)


@pytest.mark.parametrize(
    ("text", "public"),
    [
        (OWN_NOTE, True),
        (f"{OWN_NOTE}\nI call her at 3.", False),
        ("[upstairs:later]", False),
    ],
)
def test_words_of_a_person_with_our_mark_are_a_message(text: str, *, public: bool) -> None:
    event = zendesk("comment_added", comment=comment(text, public=public))
    assert not isinstance(event, UnrelatedUpdate)


def test_public_words_by_our_account_are_no_reply_of_a_person() -> None:
    event = zendesk("comment_added", comment=comment("Hello", public=True, author=US))
    assert isinstance(event, RepresentativeMessageAdded)
    assert event.automatic


def test_only_our_own_change_of_a_priority_is_no_news() -> None:
    assert isinstance(zendesk("priority_changed", US, current="urgent"), UnrelatedUpdate)
    assert isinstance(zendesk("priority_changed", "77", current="urgent"), PriorityChanged)


@pytest.mark.parametrize(
    "header",
    [
        {"changeOrigin": "com/salesforce/api/rest/60.0;client=upstairs"},
        {"commitUser": SALESFORCE_US},
    ],
)
def test_own_change_of_salesforce_is_no_news(header: dict[str, str]) -> None:
    assert salesforce(change(**header)) == [UnrelatedUpdate]
    assert salesforce(change("GAP_UPDATE", **header)) == [UnrelatedUpdate]


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"changeOrigin": "com/salesforce/api/rest/60.0;client=upstairs-test"},
        {"changeOrigin": "client=upstairs", "commitUser": "0055g000001XyZwAAK"},
    ],
)
def test_change_of_salesforce_by_others_is_news(header: dict[str, str]) -> None:
    assert SupervisorRequested in salesforce(change(**header))


def test_picture_after_our_own_change_of_salesforce_has_no_priority() -> None:
    fields = {"Id": "5005g000009AbCdAAK", "Priority": "High", "IsEscalated": "true"}
    own = salesforce(outbound("Case", LastModifiedById=SALESFORCE_US, Status="Closed", **fields))
    assert not {PriorityChanged, SupervisorRequested} & set(own)
    assert len(own) == 2
    others = salesforce(outbound("Case", LastModifiedById="0055g000001XyZwAAK", **fields))
    assert {PriorityChanged, SupervisorRequested} <= set(others)


def test_own_comment_of_salesforce_is_no_message() -> None:
    fields = {"Id": "00a1", "ParentId": "5005g000009AbCdAAK", "CommentBody": OWN_NOTE}
    assert salesforce(outbound("CaseComment", IsPublished="false", **fields)) == [UnrelatedUpdate]
    published = salesforce(outbound("CaseComment", IsPublished="true", **fields))
    assert published == [RepresentativeMessageAdded]


@pytest.mark.parametrize(
    "context",
    [
        {"SharedVariables": [{"key": "tag", "value": "upstairs"}]},
        {"UserId": DYNAMICS_US},
    ],
)
def test_own_change_of_dynamics_is_no_news(context: dict[str, Any]) -> None:
    assert dynamics(**context) == [UnrelatedUpdate]


def test_other_messages_of_dynamics_are_news() -> None:
    assert SupervisorRequested in dynamics()
    assert SupervisorRequested in dynamics(SharedVariables=[{"key": "tag", "value": "else"}])
    # We never make a case or close one.
    assert dynamics("Create", UserId=DYNAMICS_US) != [UnrelatedUpdate]
