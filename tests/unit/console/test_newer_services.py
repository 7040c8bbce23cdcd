"""What a newer service says: a page shows its text in English where there are no words here."""

from typing import Any, get_args

import pytest

from common.contracts.change_reasons import ChangeReasonCode
from console.views import words
from console.views.change_reasons import change_reason_text
from console.views.clock_words import change_text
from console.views.deliveries import delivery_steps
from console.views.delivery_reasons import delivery_reason_text
from console.views.message_templates import Sources, TemplateChoice, list_view, template_view
from console.views.refusal_words import field_text, reason_text
from console.views.story import event_text, recipients
from notifier.domain.delivery_reasons import DeliveryReasonCode
from unit.console.answers import ahead, notification, reader
from unit.console.test_german_pages import CHANGE, DELIVERY, REASON

TEXT = "what the service says in English"
NEW = "brand-new"
GONE = "gone"
# A value inside a known code: another word, another shape, none, or no such value at all.
OTHERS = (NEW, {"nested": NEW}, None, GONE)
TEMPLATE = {
    "medium": "email",
    "kind": "any",
    "language": "de",
    "version": 1,
    "is_shipped": False,
    "changed_at": ahead(),
    "changed_by": "sara",
    "longest_title": 100,
    "longest_body": 1000,
    "variables": {},
    "lists": {},
}


def changed(values: dict[str, Any], name: str, other: Any) -> dict[str, Any]:
    rest = {key: value for key, value in values.items() if key != name}
    return rest if other == GONE else {**rest, name: other}


def german() -> Any:
    return reader(language="de")


@pytest.mark.parametrize("code", [*get_args(DeliveryReasonCode), NEW])
@pytest.mark.parametrize("other", OTHERS, ids=str)
def test_reason_of_a_delivery(code: str, other: Any) -> None:
    for name in DELIVERY:
        of = changed(DELIVERY, name, other)
        message = notification(reason=TEXT, reason_code=code, reason_parameters=of)
        said = delivery_reason_text(message, german())
        assert said is None or said
        assert code != NEW or said == TEXT


@pytest.mark.parametrize(
    ("code", "of"),
    [
        ("over-budget", {**DELIVERY, "budget": NEW}),
        ("over-budget", {}),
        ("quiet-hours", {"until": "soon"}),
        ("gave-up", {"attempts": None}),
        ("media-missing", {"media": None}),
    ],
)
def test_value_inside_a_known_code_falls_back_to_the_text(code: str, of: dict[str, Any]) -> None:
    message = notification(reason=TEXT, reason_code=code, reason_parameters=of)
    assert delivery_reason_text(message, german()) == TEXT


@pytest.mark.parametrize("code", [*get_args(ChangeReasonCode), NEW])
@pytest.mark.parametrize("other", OTHERS, ids=str)
def test_reason_of_a_change(code: str, other: Any) -> None:
    for name in REASON:
        reason = {"code": code, **changed(REASON, name, other)}
        said = change_reason_text(reason, german())
        assert said is None or said
        entry = {"at": ahead(), "text": TEXT, "code": "cancelled", "parameters": {}}
        shown = change_text({**entry, "reason": reason}, german())
        assert said is not None or shown == TEXT
        closed = {"reason": TEXT, "change_reason": reason}
        assert event_text(
            {"type": "upstairs.escalation_closed.v1", "at": ahead(), "data": closed}, german()
        )


@pytest.mark.parametrize("code", ["started", "retargeted", "passed", "paused", "met", NEW])
@pytest.mark.parametrize("other", OTHERS, ids=str)
def test_change_of_a_clock(code: str, other: Any) -> None:
    for name in CHANGE:
        of = changed(CHANGE, name, other)
        entry = {"at": ahead(), "text": TEXT, "code": code, "parameters": of, "reason": None}
        assert change_text(entry, german())


@pytest.mark.parametrize("of", [{}, {"limit_s": NEW}, {"start": NEW, "end": NEW}, None], ids=str)
def test_refusal(of: Any) -> None:
    for code in ("snooze-too-long", "limit-exceeded", "change-in-the-past", NEW):
        document = {"reason_code": code, "parameters": of}
        said = reason_text(document, german())
        assert said is None or said
        assert field_text({"code": code, "detail": TEXT, "parameters": of}, german())


def test_delay_without_words_here_is_in_those_of_the_service() -> None:
    waits = {"state": "delayed", "at": ahead(), "reason": TEXT, "until": None}
    message = notification(delay_reason=TEXT, delay_code=NEW, history=[waits])
    (shown,) = delivery_steps(message, german())
    assert shown.text == TEXT


def test_template_for_a_reason_without_words_here() -> None:
    item = {**TEMPLATE, "medium": NEW, "kind": NEW, "language": NEW}
    (row,) = list_view([item], german()).rows
    assert (row.name, row.url) == (f"{NEW} · {NEW} · {NEW}", None)


def test_sample_for_a_reason_or_data_without_words_here() -> None:
    choice = TemplateChoice("email", "any", "de")
    sample = {"reason": NEW, "data": NEW, "title": "T", "body": "B"}
    trial = {"samples": [sample], "problems": []}
    view = template_view(choice, TEMPLATE, Sources("T", "B"), "", trial, (), german())
    assert [each.name for each in view.samples] == [f"{NEW}: {NEW}"]


def test_medium_and_state_without_words_here_are_shown_as_they_are() -> None:
    step = {"state": NEW, "at": ahead(), "reason": None, "until": None}
    message = notification(
        medium=NEW, state=NEW, failover_from=NEW, history=[step, {**step, "state": "queued"}]
    )
    (shown,) = recipients([message], german())
    assert (shown.medium, shown.delivery) == (NEW, NEW)
    assert next(each.text for each in delivery_steps(message, german())) == NEW
    unknown: Any = NEW
    assert words.SEVERITIES[unknown] == words.CAUSES[unknown] == words.CLOCKS[unknown] == NEW
