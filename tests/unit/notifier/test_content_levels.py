"""What a message shows at each level: all, no name of a customer, or nobody's words."""

import dataclasses
from typing import Any, get_args

import msgspec
import pytest
from msgspec.structs import replace
from pydantic import ValidationError

from common.contracts.escalations import Cause
from common.contracts.notifications import Medium
from notifier import rendering
from notifier.channels.registry import CHANNELS
from notifier.domain.content import Content, Status, StatusKind
from notifier.domain.content_levels import (
    FOUND_BY_RULE,
    ContentLevel,
    ContentLevels,
    content_at,
)
from notifier.domain.recipients import LANGUAGES
from notifier.message_templates.variables import values_of
from notifier.settings import Settings
from unit.notifier.examples import ADA, AT, REASONS, REFUND, SLACK, notification

WORD = "kerfuffle"
CAUSES = [{"cause": cause, "reason": WORD, "at": AT, "by": "kim"} for cause in get_args(Cause)]
SAID: dict[str, Any] = {
    "contact": {**ADA, "subject": WORD, "customer_name": WORD},
    "explanation": f"sam hands it over: {WORD}",
    "approval": {**REFUND, "note": WORD},
    "coaching": {"by": "sam", "person_id": "rui", "text": WORD},
}
RULES = ("No reply within 10 min (policy gold v3)", "No reply after 8 min of 10 min (policy p)")


def content_of(reason: Any) -> Content:
    """Return what such a message says, with the word of the test wherever people write."""
    match reason:
        case "write_back_halted" | "status_webhook_disabled":
            return notification(reason=reason, answer=WORD).content
        case "maintenance_began" | "maintenance_ended":
            return notification(reason=reason, why=WORD).content
        case "alarm" | "connection_silent" | "connection_heard_again":
            return notification(reason=reason).content
        case _:
            page = notification(reason=reason).content
            said = {name: SAID[name] for name in SAID if getattr(page, name) or name == "contact"}
            causes = [each for each in CAUSES if each["cause"] not in FOUND_BY_RULE]
            return notification(reason=reason, causes=causes, **said).content


def written(content: Content, language: str = "en") -> str:
    words = rendering.words(content, AT, language=language)
    values = values_of(content, AT, language=language)
    status = rendering.status_text(content.status, AT, language) if content.status else ""
    return "\n".join((*map(str, dataclasses.astuple(words)), str(values), status))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("reason", REASONS)
def test_headline_quotes_nobody_in_any_language(reason: Any, language: str) -> None:
    content = content_of(reason)
    silent = {"alarm", "connection_silent", "connection_heard_again"}
    assert (WORD in written(content, language)) is (reason not in silent)
    shown = written(content_at("headline", content), language)
    assert WORD not in shown
    # Nothing begins that is left out.
    marks = {mark.strip() for name in ("“”", "„“", "«»") for mark in name}
    assert [mark for mark in marks if mark in shown] == []
    assert [line for line in shown.splitlines() if line.rstrip().endswith((":", ": .", " ."))] == []


@pytest.mark.parametrize("kind", get_args(StatusKind))
def test_status_repeats_no_reason_of_a_colleague(kind: StatusKind) -> None:
    status = Status(kind, by="Dana", to="Sam", level_name="managers", reason=WORD)
    page = replace(notification().content, status=status)
    shown = content_at("headline", page).status
    assert shown is not None
    if kind == "returned":
        assert shown == status
    else:
        assert WORD not in rendering.status_text(shown, AT)


@pytest.mark.parametrize(
    ("explanation", "why_now"),
    [
        ("no answer from sam", "It moved up to your level. No answer from sam."),
        (f"sam hands it over: {WORD}", "It moved up to your level. Sam hands it over."),
        (f"reopened by sam: {WORD}: x; no", "It moved up to your level. Reopened by sam."),
        (f"referred up by sam: {WORD}", "It moved up to your level. Referred up by sam."),
        (
            f"omar does not approve 500 EUR (refund): {WORD}; nobody on duty at x: {WORD}",
            "It moved up to your level. Omar does not approve 500 EUR (refund).",
        ),
        ("no answer from sam; leads: all absent", "It moved up to your level. No answer from sam."),
        ("supervisors: sam is absent", "It moved up to your level."),
    ],
)
def test_explanation_keeps_what_upstairs_says(explanation: str, why_now: str) -> None:
    page = notification(reason="climbed", explanation=explanation)
    assert rendering.words(content_at("headline", page.content), AT).why_now == why_now


def test_cause_without_words_says_what_it_is() -> None:
    page = notification(reason="raised", causes=[CAUSES[2], *CAUSES[3:4], *CAUSES[5:6]])
    shown = rendering.words(content_at("headline", page.content), AT)
    assert shown.headline == "Billing chat from a customer: the customer asks for a supervisor"
    assert list(shown.lines[:3]) == [
        "The customer asks for a supervisor.",
        "Referred by kim.",
        "Bad feedback.",
    ]
    assert shown.lines[3:] == ("Representative: rui",)


@pytest.mark.parametrize("rule", RULES)
def test_headline_keeps_what_a_rule_found(rule: str) -> None:
    causes = [{"cause": cause, "reason": rule, "at": AT} for cause in FOUND_BY_RULE]
    page = notification(reason="raised", causes=causes)
    assert f"{rule}." in rendering.words(content_at("headline", page.content), AT).lines


def test_field_of_a_message_is_left_out_or_has_no_words_of_people() -> None:
    """A new field may have words of people: then `content_levels` must leave them out."""
    assert {field.name for field in msgspec.structs.fields(Content)} == {
        # Left out or shortened by the level `headline`.
        *("contact", "causes", "explanation", "approval", "coaching", "status", "maintenance"),
        *("write_back_halt", "disabled_status_webhook", "summary"),
        # Without words of people.
        *("reason", "severity", "level_name", "respond_by", "lease_end", "duty_gap", "away"),
        *("unserved_queue", "connection", "lost_timer", "address_change", "is_repeat", "on_duty"),
        "code",
    }


@pytest.mark.parametrize("medium", [channel.medium for channel in CHANNELS])
@pytest.mark.parametrize("level", get_args(ContentLevel))
def test_setting_of_one_medium_changes_no_other(medium: Medium, level: ContentLevel) -> None:
    levels = ContentLevels({medium: level})
    others = [channel.medium for channel in CHANNELS if channel.medium != medium]
    assert levels.of(medium) == level
    assert [levels.of(each) for each in others] == [ContentLevels().of(each) for each in others]


def test_message_that_may_show_all_is_not_copied() -> None:
    page = notification(SLACK)
    assert ContentLevels().shown(page) is page


@pytest.mark.parametrize(
    "value", [{"fax": "headline"}, {"slack": "some"}, {"slack": ""}, {"slack": None}, ["slack"], ""]
)
def test_unknown_medium_or_level_is_refused_at_the_start(value: Any) -> None:
    with pytest.raises(ValidationError, match="message_content"):
        Settings(
            database_url="postgresql+asyncpg://unused@localhost/unused",
            kafka_bootstrap="unused",
            message_content=value,
        )
