"""What Zendesk's webhooks mean: as documented, as captured, and as nobody would write them."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from intake.channels.base import (
    ChannelEvent,
    ContactDiscarded,
    ContactMerged,
    ContactOpened,
    ContactSetOpen,
    ContactSetPending,
    ContactSolved,
    CustomerMessageAdded,
    ExternalFile,
    FileAdded,
    MalformedBodyError,
    PriorityChanged,
    RepresentativeMessageAdded,
    UnrelatedUpdate,
)
from unit.intake.examples import zendesk_body, zendesk_events

CUSTOMER = {"id": 8400, "is_staff": False}
AGENT = {"id": 77, "is_staff": True}
BOT = {"id": -1, "is_staff": True}


def read(kind: str, ticket: dict[str, Any] | None = None, **event: Any) -> ChannelEvent:
    (read_event,) = zendesk_events(zendesk_body(kind, ticket, **event))
    return read_event


def comment(**fields: Any) -> dict[str, Any]:
    return {"id": "c-1", "body": "Hi", "is_public": True, "author": CUSTOMER, **fields}


@pytest.mark.parametrize(
    ("kind", "event", "expected"),
    [
        ("ticket.created", {}, (ContactOpened, {})),
        ("TICKET.CREATED", {}, (ContactOpened, {})),
        (
            "ticket.status_changed",
            {"current": "SOLVED", "previous": "OPEN"},
            (ContactSolved, {"note": "solved in Zendesk"}),
        ),
        ("ticket.status_changed", {"current": "closed"}, (ContactSolved, {})),
        ("ticket.status_changed", {"current": "PENDING"}, (ContactSetPending, {})),
        (
            "ticket.status_changed",
            {"current": "open", "previous": "pending"},
            (ContactSetOpen, {"reason": "reopened in Zendesk", "on_hold": False}),
        ),
        ("ticket.status_changed", {"current": "Hold"}, (ContactSetOpen, {"on_hold": True})),
        ("ticket.status_changed", {"current": "deleted"}, (ContactDiscarded, {})),
        ("ticket.status_changed", {"current": None}, (UnrelatedUpdate, {})),
        ("ticket.marked_as_spam", {}, (ContactDiscarded, {"cause": "spam"})),
        ("ticket.soft_deleted", {}, (ContactDiscarded, {"cause": "deleted"})),
        ("ticket.permanently_deleted", {}, (ContactDiscarded, {"cause": "deleted"})),
        ("ticket.undeleted", {}, (ContactSetOpen, {})),
        ("ticket.merged", {"target_ticket_id": 5160}, (ContactMerged, {"into": "5160"})),
        ("ticket.merged", {}, (ContactMerged, {"into": None})),
        ("ticket.priority_changed", {"current": "HIGH"}, (PriorityChanged, {"priority": "high"})),
        ("ticket.priority_changed", {"current": "low"}, (PriorityChanged, {"priority": "low"})),
        ("ticket.priority_changed", {"current": None}, (PriorityChanged, {"priority": "normal"})),
        ("ticket.priority_changed", {"current": 7}, (PriorityChanged, {"priority": "normal"})),
        ("ticket.tags_changed", {"current": ["vip"]}, (UnrelatedUpdate, {})),
        ("ticket.custom_status_changed", {"current": "8475923000001"}, (UnrelatedUpdate, {})),
    ],
)
def test_webhook_about_a_ticket_becomes_an_event(
    kind: str, event: dict[str, Any], expected: tuple[type, dict[str, Any]]
) -> None:
    result = read(kind, **event)
    kind_of_event, fields = expected
    assert type(result) is kind_of_event
    assert {name: getattr(result, name) for name in fields} == fields


@pytest.mark.parametrize(
    "kind",
    [
        "zen:event-type:user.created",
        "zen:event-type:article.published",
        "zen:event-type:organization.created",
        "zen:event-type:messaging_ticket.invented_yesterday",
        "zen:event-type:ticket.invented_yesterday",
        "ticket.created",
        "",
    ],
)
def test_webhook_of_an_unlisted_type_is_ignored(kind: str) -> None:
    assert zendesk_events({**zendesk_body(), "type": kind}) == []
    assert zendesk_events({"type": kind, "detail": None}) == []


@pytest.mark.parametrize(
    ("actor", "expected", "automatic"),
    [
        ({"id": "u-1", "type": "end_user"}, CustomerMessageAdded, False),
        ({"id": "77", "type": "AGENT"}, RepresentativeMessageAdded, False),
        ({"id": "zd:answerBot", "type": "system"}, RepresentativeMessageAdded, True),
        ({"id": "zd:answerBot", "type": "agent"}, RepresentativeMessageAdded, True),
        (None, RepresentativeMessageAdded, True),
    ],
)
def test_message_of_a_conversation_is_of_who_wrote_it(
    actor: dict[str, str] | None, expected: type, *, automatic: bool
) -> None:
    (event,) = zendesk_events(
        {
            "id": "e-8",
            "type": "zen:event-type:messaging_ticket.message_added",
            "detail": {"id": 141},
            "event": {"actor": actor, "message": {"id": "m-1", "body": "Hello"}},
        }
    )
    assert type(event) is expected
    assert (event.contact.ref, event.contact.channel) == ("141", "chat")
    assert getattr(event, "automatic", None) is automatic
    if expected is CustomerMessageAdded:
        assert event.contact.customer.customer_id == "u-1"


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("new", "open"),
        ("OPEN", "open"),
        ("Pending", "waiting_on_customer"),
        ("hold", "open"),
        ("SOLVED", "resolved"),
        ("closed", "resolved"),
        ("deleted", "discarded"),
        (None, "open"),
        ("a status of tomorrow", "open"),
    ],
)
def test_ticket_is_taken_over_with_its_status(status: str | None, state: str) -> None:
    assert read("ticket.tags_changed", {"status": status}).contact.state == state


def test_on_hold_pauses_if_the_connection_says_so() -> None:
    body = zendesk_body("ticket.status_changed", {"status": "HOLD"}, current="HOLD")
    (event,) = zendesk_events(body, on_hold="pauses")
    assert isinstance(event, ContactSetPending)
    assert event.contact.state == "waiting_on_customer"


@pytest.mark.parametrize(
    ("fields", "writer"),
    [
        ({}, "customer"),
        ({"author": AGENT}, "representative"),
        ({"author": BOT}, "system"),
        ({"author": {"id": "-1", "is_staff": False}}, "system"),
        ({"author": {"id": "zd:answerBot"}}, "system"),
        ({"author": AGENT, "is_public": False}, "internal"),
        ({"is_public": False}, "internal"),
        ({"author": None, "is_public": False}, "internal"),
        ({"author": None}, "customer"),
        ({"author": {"id": 8400, "is_staff": None}}, "customer"),
        ({"author": {"id": 8401}}, "customer"),
        ({"author": {"id": 77}, "ticket": {"assignee_id": 77}}, "representative"),
        ({"author": None, "ticket": {"actor_id": 8400}}, "customer"),
        ({"author": None, "ticket": {"actor_id": 77}}, "system"),
        ({"author": None, "ticket": {"actor_id": -1}}, "system"),
        ({"headers": {"Auto-Submitted": "auto-replied"}}, "customer's machine"),
        ({"author": AGENT, "headers": {"X-Autoreply": "yes"}}, "system"),
    ],
)
def test_comment_is_the_words_of_who_wrote_it(fields: dict[str, Any], writer: str) -> None:
    ticket = fields.pop("ticket", None) if "ticket" in fields else None
    event = read("ticket.comment_added", ticket, comment=comment(**fields))
    assert isinstance(event, CustomerMessageAdded | RepresentativeMessageAdded)
    if isinstance(event, CustomerMessageAdded):
        result = "customer's machine" if event.automatic else "customer"
    elif event.internal:
        result = "internal"
    else:
        result = "system" if event.automatic else "representative"
    assert (result, event.message_ref, event.text) == (writer, "c-1", "Hi")


@pytest.mark.parametrize("body", [None, "", 7])
def test_comment_without_text_is_a_message(body: object) -> None:
    event = read("ticket.comment_added", comment=comment(body=body))
    assert isinstance(event, CustomerMessageAdded)
    assert event.text == ("7" if body == 7 else "")


def test_file_of_a_comment_is_a_reference() -> None:
    file = {
        "id": 865,
        "filename": "photo.jpeg",
        "content_type": "image/jpeg",
        "content_url": "https://shop.example/attachments/1",
    }
    event = read("ticket.attachment_linked_to_comment", comment={"id": 12, "attachment": file})
    assert isinstance(event, FileAdded)
    assert (event.message_ref, event.file) == (
        "12",
        ExternalFile("865", "photo.jpeg", "https://shop.example/attachments/1", "image/jpeg"),
    )


@pytest.mark.parametrize(
    "file",
    [None, {}, {"id": 1, "content_url": "javascript:alert(1)"}, {"content_url": "https://a"}],
)
def test_file_that_can_not_be_referred_to_changes_nothing(file: object) -> None:
    event = read("ticket.attachment_linked_to_comment", comment={"id": 12, "attachment": file})
    assert isinstance(event, UnrelatedUpdate)


@pytest.mark.parametrize(
    ("ticket", "author", "account", "internal"),
    [
        ({}, "customer", None, False),
        ({"submitter_id": None}, "customer", None, False),
        ({"requester_id": None}, "customer", None, False),
        ({"submitter_id": 77}, "representative", "77", False),
        ({"submitter_id": 77, "is_public": False}, "representative", "77", True),
        ({"is_public": "false"}, "representative", None, True),
    ],
)
def test_description_is_the_words_of_the_submitter(
    ticket: dict[str, Any], author: str, account: str | None, *, internal: bool
) -> None:
    first = read("ticket.created", {"description": "Twice!", **ticket}).contact.first_message
    assert first is not None
    assert (first.author, first.account, first.internal) == (author, account, internal)


def test_moment_is_the_time_and_the_place_in_the_sequence() -> None:
    sequence = {"id": 39313930383633353634323835, "position": 3}
    moment = read("ticket.created", meta={"sequence": sequence}).moment
    assert moment is not None
    assert moment.at.isoformat() == "2026-11-22T10:00:00.672717+00:00"
    assert (moment.position, moment.update) == (3, "39313930383633353634323835")


@pytest.mark.parametrize("time", [None, "", "yesterday", 7, "9999-12-31T23:59:59-12:00", []])
def test_unreadable_time_is_no_moment(time: object) -> None:
    (event,) = zendesk_events({**zendesk_body(), "time": time})
    assert event.moment is None


def test_ids_above_two_to_the_64th_keep_their_digits() -> None:
    large = 2**64 * 1000 + 1
    event = read("ticket.created", {"id": large, "requester_id": large})
    assert (event.contact.ref, event.contact.customer.customer_id) == (str(large), str(large))


def test_composed_and_decomposed_ids_are_the_same() -> None:
    customers = [
        read("ticket.created", {"requester_id": text}).contact.customer.customer_id
        for text in ("jos\u00e9@example.com", "jose\u0301@example.com")
    ]
    assert customers == ["jos\u00e9@example.com"] * 2


@pytest.mark.parametrize(
    ("written", "read_as"),
    [(r"\ud83d\ude00", "\N{GRINNING FACE}"), (r"a\ud800b", "a\ufffdb"), (r"a\u0000b", "ab")],
)
def test_text_that_can_not_be_stored_is_mended(written: str, read_as: str) -> None:
    body = json.dumps(zendesk_body(ticket={"subject": "SUBJECT"})).replace("SUBJECT", written)
    (event,) = zendesk_events(body.encode())
    assert event.contact.subject == read_as


def test_delivery_without_an_id_is_known_by_its_body() -> None:
    body = {**zendesk_body(), "id": None}
    first, again = (zendesk_events(body)[0].event_id for _ in range(2))
    assert first == again
    assert zendesk_events({**body, "account_id": 1})[0].event_id != first


@pytest.mark.parametrize(
    "odd",
    [
        {"tags": None},
        {"tags": [None, 7, "invoice", {}]},
        {"tags": "spring invoice"},
        {"priority": {}},
        {"status": []},
        {"subject": None},
        {"requester_id": True},
        {"requester_id": "a\u2028b"},
        {"created_at": "?"},
        {"is_public": "perhaps"},
        {"via": None, "custom_status": [], "brand_id": {}},
    ],
)
def test_odd_value_of_a_field_loses_no_delivery(odd: dict[str, Any]) -> None:
    assert isinstance(read("ticket.created", odd), ContactOpened)


def test_tag_decides_the_topic_whatever_else_stands_between_the_tags() -> None:
    body = zendesk_body(ticket={"tags": [None, "spring", "invoice"]})
    (event,) = zendesk_events(body, topic_by_tag={"invoice": "billing"})
    assert event.contact.topic == "billing"


@pytest.mark.parametrize(("tag", "mapped"), [("invoice", "Invoice"), ("INVOICE", "invoice")])
def test_tag_decides_in_whatever_case_it_is_written(tag: str, mapped: str) -> None:
    body = zendesk_body(ticket={"tags": [tag]})
    (event,) = zendesk_events(body, topic_by_tag={mapped: "billing"})
    assert event.contact.topic == "billing"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"\xff", b"null", b'{"id": 1}', b"[" * 100_000, b"9" * 5000]
)
def test_body_that_is_no_webhook_is_malformed(body: bytes) -> None:
    with pytest.raises((MalformedBodyError, ValidationError)):
        zendesk_events(body)


@pytest.mark.parametrize("ticket_id", [None, "", "5\n1", "7" * 301, [], True])
def test_ticket_without_a_readable_id_is_invalid(ticket_id: object) -> None:
    with pytest.raises(ValidationError):
        read("ticket.created", {"id": ticket_id})


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=True)
    | st.text()
    | st.sampled_from(["OPEN", "-1", "true", "\ud800", "\x00", "2026-11-22T10:00:00Z"]),
    lambda children: (
        st.lists(children, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["id", "body", "author", "is_staff", "is_public", "sequence", "headers"]
            )
            | st.text(max_size=3),
            children,
            max_size=4,
        )
    ),
    max_leaves=8,
)
_TICKET_FIELDS = ("status", "priority", "tags", "requester_id", "submitter_id", "description")
_KINDS = (
    "created",
    "comment_added",
    "status_changed",
    "priority_changed",
    "merged",
    "attachment_linked_to_comment",
    "undeleted",
)


@given(
    kind=st.sampled_from(_KINDS),
    ticket=st.dictionaries(st.sampled_from(_TICKET_FIELDS), _JSON),
    event=_JSON
    | st.dictionaries(
        st.sampled_from(["current", "previous", "comment", "meta", "target_ticket_id"]), _JSON
    ),
    time=_JSON,
)
def test_any_value_in_any_field_but_the_ticket_id_is_read(
    kind: str, ticket: dict[str, Any], event: object, time: object
) -> None:
    body = zendesk_body(f"ticket.{kind}", ticket)
    (result,) = zendesk_events({**body, "event": event, "time": time})
    assert result.contact.ref == "5158"
    texts = json.dumps(str(result), ensure_ascii=False)
    assert "\x00" not in result.contact.subject
    texts.encode()


@given(_JSON)
def test_any_json_is_read_or_refused(body: object) -> None:
    with contextlib.suppress(MalformedBodyError, ValidationError):
        zendesk_events(body)
