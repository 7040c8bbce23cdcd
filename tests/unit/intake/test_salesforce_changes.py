"""Change Data Capture of Salesforce: many records in one change, and gaps."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from intake.channels.base import (
    ChannelEvent,
    ContactDiscarded,
    ContactOpened,
    ContactSetOpen,
    ContactSolved,
    PriorityChanged,
    RepresentativeMessageAdded,
    UnreadablePart,
    UnrelatedUpdate,
    WebhookRequest,
)
from intake.channels.salesforce import Salesforce
from intake.domain.model import ChannelConnection


def change(kind: str = "UPDATE", header: dict[str, Any] | None = None, **fields: Any) -> Any:
    usual = {
        "entityName": "Case",
        "recordIds": ["5005g000009AbCdAAK"],
        "changeType": kind,
        "transactionKey": "0007a3f1-9c21",
        "sequenceNumber": 3,
        "commitTimestamp": 1795863600000,
        "changeOrigin": "com/salesforce/api/soap/68.0",
    }
    event = {"ChangeEventHeader": {**usual, **(header or {})}, **fields}
    return {"schema": "kQ2", "payload": event, "event": {"replayId": 81}}


def read(content: object) -> list[ChannelEvent | UnreadablePart]:
    connection = ChannelConnection("a", "salesforce", "s", {"organization": "00D5g000004AbCdEAK"})
    return Salesforce().parse(connection, WebhookRequest({}, json.dumps(content).encode()))


def test_change_has_the_fields_that_changed() -> None:
    opened, solved, priority = read(change(Status="Closed", Priority="LOW", Subject=None))
    assert isinstance(opened, ContactOpened)
    assert isinstance(solved, ContactSolved)
    assert isinstance(priority, PriorityChanged)
    moment = priority.moment
    assert moment is not None
    assert (moment.at, moment.position, moment.update) == (
        datetime.fromtimestamp(1795863600, UTC),
        3,
        "0007a3f1-9c21",
    )


def test_change_of_many_records_is_one_event_for_each() -> None:
    records = [f"500{number}" for number in range(3)]
    events = read(change("CREATE", {"recordIds": records}, Subject="Outage"))
    assert [event.contact.ref for event in events if isinstance(event, ContactOpened)] == records
    assert len({event.event_id for event in events if isinstance(event, ContactOpened)}) == 3


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("DELETE", [ContactDiscarded]),
        ("UNDELETE", [ContactSetOpen]),
        ("GAP_DELETE", [ContactDiscarded]),
        ("gap_undelete", [ContactSetOpen]),
        ("GAP_CREATE", [ContactOpened, RepresentativeMessageAdded]),
        ("GAP_UPDATE", [ContactOpened, RepresentativeMessageAdded]),
        ("GAP_OVERFLOW", [UnreadablePart]),
        ("SOMETHING_NEW", [UnrelatedUpdate]),
    ],
)
def test_kind_of_change_becomes_events(kind: str, expected: list[type]) -> None:
    assert [type(part) for part in read(change(kind))] == expected


@pytest.mark.parametrize("wrapping", ["data", "detail"])
def test_change_is_read_in_what_a_relay_wraps_it(wrapping: str) -> None:
    assert read({"id": "x", wrapping: change("DELETE")})
    assert read([change("DELETE"), {wrapping: change("DELETE")}])


def test_change_that_is_unreadable_does_not_hold_up_the_others() -> None:
    parts = read([change("DELETE"), {}, 7, change(header={"recordIds": None}), change("DELETE")])
    assert [type(part) for part in parts] == [
        ContactDiscarded,
        *[UnreadablePart] * 3,
        ContactDiscarded,
    ]


def test_changes_of_other_entities_are_ignored() -> None:
    assert read(change(header={"entityName": "Account"})) == []


def test_header_is_read_whatever_its_types() -> None:
    odd = {"recordIds": 2**70, "sequenceNumber": "x", "commitTimestamp": "never", "changeType": 7}
    assert [type(part) for part in read(change(header=odd))] == [UnrelatedUpdate]
