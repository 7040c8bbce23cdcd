"""With a console, messages lead to where people act; the signed links stay beside."""

import re
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from pydantic import ValidationError

from notifier.api import pages
from notifier.channels import slack_messages
from notifier.domain import brake
from notifier.domain.content import Content, Summary
from notifier.domain.reasons import Reason
from notifier.links import Links
from notifier.settings import Settings
from notifier.use_cases.answers import AnswerStatus
from unit.notifier.examples import AT, EMAIL, ESCALATION, compose_mail, escalation, notification

LINKS = Links(
    "secret", "https://up.example.com", timedelta(hours=1), "https://console.example.com/"
)
SIGNED = r"https://up\.example\.com/v1/acknowledgements/[\w.-]+"
IN_CONSOLE = f"https://console.example.com/e/{ESCALATION}"
SENDER = "Upstairs <upstairs@example.com>"


def slack_buttons(reason: Reason) -> list[dict[str, Any]]:
    message = slack_messages.page_message(notification(reason=reason), LINKS, AT)
    buttons: list[dict[str, Any]] = message["blocks"][-1]["elements"]
    return buttons


def mail_text(reason: Reason) -> str:
    mail = compose_mail(notification(EMAIL, reason), SENDER, LINKS, AT)
    body = mail.get_body(("plain",))
    assert body
    text: str = body.get_content()
    return text


def test_open_in_slack_leads_to_the_escalation_beside_the_buttons() -> None:
    acknowledge, take_over, opening = slack_buttons("raised")
    assert acknowledge["value"]
    assert take_over["value"]
    assert (opening["text"]["text"], opening["url"]) == ("Open", IN_CONSOLE)


def test_mail_has_open_after_the_signed_answers() -> None:
    first, second, third, *_ = mail_text("raised").splitlines()
    assert re.fullmatch(f"Acknowledge: {SIGNED}", first)
    assert re.fullmatch(f"Take over: {SIGNED}", second)
    assert third == f"Open: {IN_CONSOLE}"


def test_approval_is_given_by_a_link_that_says_so() -> None:
    (button,) = slack_buttons("approval_asked")
    assert (button["text"]["text"], button["url"]) == ("Give your approval", IN_CONSOLE)
    text = mail_text("approval_asked")
    assert f"Give your approval: {IN_CONSOLE}" in text
    assert "Press Give your approval to approve or refuse it." in text


def test_duty_gap_leads_to_the_screen_duty_without_words_of_an_api() -> None:
    text = mail_text("duty_gap")
    assert "Open: https://console.example.com/duty" in text
    assert "/v1/duty-schedules" not in text


def test_message_about_no_escalation_leads_to_what_it_says() -> None:
    assert re.search(f"^Open: {SIGNED}$", mail_text("alarm"), re.MULTILINE)


def test_summary_leads_to_each_escalation_in_it() -> None:
    empty = Content("summary", summary=Summary())
    whole = replace(notification(EMAIL), kind="summary", content=empty)
    summary, _ = brake.fill(whole, [notification(EMAIL)], 0)
    mail = compose_mail(summary, SENDER, LINKS, AT)
    body = mail.get_body(("plain",))
    assert body
    assert f"1. Open: {IN_CONSOLE}" in body.get_content()


def test_page_behind_a_signed_link_leads_to_the_console_too() -> None:
    status = AnswerStatus(notification(EMAIL), escalation("raised"), None, (), shows_only=False)
    html = bytes(pages.answer_page(status, AT, IN_CONSOLE).body).decode()
    assert f'<a href="{IN_CONSOLE}">Open in Upstairs</a>' in html


@pytest.mark.parametrize("url", ["console.example.com", "ftp://console", "https://x.example/now"])
def test_address_of_the_console_must_be_one_of_a_site(url: str) -> None:
    with pytest.raises(ValidationError, match="console_url"):
        Settings.model_validate(
            {
                "database_url": "postgresql+asyncpg://a@b/c",
                "kafka_bootstrap": "k",
                "console_url": url,
            }
        )
