"""Limits of request bodies that more than one field decides."""

from typing import Any

import pytest
from pydantic import ValidationError

from intake.api.message_schemas import MessageIn
from intake.api.schemas import InteractionIn

CALL = {
    "interaction_id": "call-1",
    "person_id": "rita",
    "started_at": "2026-03-02T10:00:00Z",
    "ended_at": "2026-03-02T10:04:30Z",
    "talk_s": 240,
    "hold_s": 30,
    "wrap_s": 30,
    "ended_by": "customer",
}


def test_talk_and_hold_may_fill_the_conversation_with_rounding() -> None:
    assert InteractionIn.model_validate(CALL | {"talk_s": 241}).talk_s == 241


@pytest.mark.parametrize(
    "change",
    [
        {"talk_s": 250},
        {"talk_s": -1},
        {"talk_s": "inf"},
        {"talk_s": "240"},
        {"talk_s": True},
        {"started_at": "0001-01-01T00:00:00+14:00", "ended_at": "0001-01-01T00:04:30+14:00"},
        {"wrap_s": 86_401},
        {"ended_at": "2026-03-02T09:59:59Z"},
        {"ended_at": "2026-03-03T10:00:01Z"},
        {"started_at": "2026-03-02T10:00:00"},
        {"ended_by": "nobody"},
        {"person_id": ""},
    ],
)
def test_impossible_interaction_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        InteractionIn.model_validate(CALL | change)


@pytest.mark.parametrize(
    "message",
    [
        {"author": "customer", "text": "Hi", "internal": True},
        {"author": "customer", "text": "Hi", "person_id": "rita"},
        {"author": "customer"},
        {"author": "customer", "text": " "},
        {"author": "customer", "attachments": [{"name": "a", "url": "javascript:alert(1)"}]},
        {"author": "customer", "attachments": [{"name": "a", "url": "http://shop.example/1"}]},
    ],
)
def test_impossible_message_is_refused(message: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        MessageIn.model_validate(message)


def test_message_may_have_a_file_instead_of_text() -> None:
    file = {"name": "photo.jpeg", "url": "https://shop.example/f/1"}
    assert MessageIn.model_validate({"author": "customer", "attachments": [file]}).text == ""
