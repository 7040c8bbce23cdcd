"""Whatever text an event brings, a message keeps its lines, its sender and its links."""

import re
from datetime import timedelta
from typing import Any

import pytest

from notifier.api import pages
from notifier.channels import slack_messages
from notifier.domain import notifications
from notifier.domain.content import Status
from notifier.domain.notifications import Notification
from notifier.domain.reasons import Reason
from notifier.links import Links
from notifier.use_cases.answers import AnswerStatus
from unit.notifier.examples import (
    ADA,
    AT,
    COMPLAINT,
    EMAIL,
    ID,
    LATE_REPLY,
    REASONS,
    REFUND,
    SLACK,
    compose_mail,
    escalation,
    notification,
)

LINKS = Links("secret", "https://up.example.com/", timedelta(hours=1))
SENDER = "Upstairs <upstairs@example.com>"
# Ends of lines, bidirectional and invisible characters, our own mark, and markup of each medium.
HOSTILE = (
    "x\r\nBcc: all@evil.example\n\nAcknowledge: https://evil.example/a\x0b\x85\u2028\u2029"
    "\u202e\u2066\u200b\u061c\ufeff\ue000”> <!channel> <@U1> <https://evil.example|here>"
    "</blockquote><a href='https://evil.example'>y</a>{{ 7 * 7 }}"
)
HARMLESS = "words"
_PARTS: tuple[dict[str, Any], ...] = (
    {**COMPLAINT, "by": None},
    {**LATE_REPLY, "cause": "referral", "clock": None},
    {**LATE_REPLY, "cause": "feedback", "clock": None},
)

_MAINTENANCE = ("name", "why", "set_by", "ended_by")
# The free texts of messages about no contact.
_OF_NO_CONTACT: dict[str, tuple[str, ...]] = {
    "alarm": ("slot",),
    "write_back_halted": ("answer",),
    "status_webhook_disabled": ("answer",),
    "connection_silent": ("system",),
    "connection_heard_again": ("system",),
    "maintenance_began": _MAINTENANCE,
    "maintenance_ended": _MAINTENANCE,
}


def page(reason: Reason, words: str, medium: Any) -> Notification:
    """Return a page whose every free text consists of these words."""
    if reason in _OF_NO_CONTACT:
        return notification(medium, reason, **dict.fromkeys(_OF_NO_CONTACT[reason], words))
    changes: dict[str, Any] = {
        "explanation": words,
        "level_name": words,
        "contact": {
            **ADA,
            **dict.fromkeys(("customer_name", "subject", "topic", "representative_id"), words),
        },
        "causes": [{**part, "reason": f"{number} {words}"} for number, part in enumerate(_PARTS)],
    }
    if reason == "approval_asked":
        changes["approval"] = {**REFUND, "note": words, "by": words, "currency": words}
    if reason == "coaching":
        changes["coaching"] = {"by": words, "person_id": words, "text": words}
    if reason == "duty_gap":
        gap = {"schedule_id": words, "starts_at": AT, "absent": [words]}
        changes = {"duty_gap": gap}
    if reason == "unserved":
        changes = {"unserved_queue": {"queue": words, "fallback_queue": words}}
    return notification(medium, reason, **changes)


def plain_text(reason: Reason, words: str) -> list[str]:
    part = compose_mail(page(reason, words, EMAIL), SENDER, LINKS, AT).get_body(("plain",))
    assert part
    return str(part.get_content()).splitlines()


def slack_lines(reason: Reason, words: str) -> list[str]:
    section = slack_messages.page_message(page(reason, words, SLACK), LINKS, AT)["blocks"][0]
    return str(section["text"]["text"]).splitlines()


@pytest.mark.parametrize("reason", REASONS)
def test_words_add_no_line_of_our_own(reason: Reason) -> None:
    for lines in (plain_text, slack_lines):
        ours = [line for line in lines(reason, HOSTILE) if not line.startswith("> ")]
        expected = [line for line in lines(reason, HARMLESS) if not line.startswith("> ")]
        assert len(ours) == len(expected)
        assert not [line for line in ours if line.startswith(("Bcc", "Acknowledge: https://evil"))]
        assert not re.search("[\x00-\x09\x0b-\x1f\u200b-\u200f\u2028-\u202e\ue000]", "".join(ours))


@pytest.mark.parametrize("reason", REASONS)
def test_mail_keeps_its_headers_and_begins_with_our_links(reason: Reason) -> None:
    mail = compose_mail(page(reason, HOSTILE, EMAIL), SENDER, LINKS, AT)
    harmless = compose_mail(page(reason, HARMLESS, EMAIL), SENDER, LINKS, AT)
    assert mail.keys() == harmless.keys()
    for name in ("From", "To", "Message-ID"):
        assert mail[name] == harmless[name]
    assert "\n" not in mail["Subject"]
    lines = plain_text(reason, HOSTILE)
    first_foreign = next(index for index, line in enumerate(lines) if "evil" in line)
    ours = [index for index, line in enumerate(lines) if "https://up.example.com/" in line]
    assert ours
    assert max(ours) < first_foreign


@pytest.mark.parametrize("reason", REASONS)
def test_markup_of_strangers_is_text_in_html(reason: Reason) -> None:
    mail = compose_mail(page(reason, HOSTILE, EMAIL), SENDER, LINKS, AT).get_body(("html",))
    assert mail
    shown = AnswerStatus(page(reason, HOSTILE, EMAIL), escalation("raised"), None, (), True)
    for html in (mail.get_content(), bytes(pages.answer_page(shown, AT).body).decode()):
        assert "<a href='https://evil" not in html
        assert html.count("<blockquote") == html.count("</blockquote>")
        assert "49" not in re.sub(r"/acknowledgements/[\w.-]+|#\w+", "", html)


@pytest.mark.parametrize("reason", REASONS)
def test_slack_gets_no_mention_or_link_of_strangers(reason: Reason) -> None:
    message = slack_messages.page_message(page(reason, HOSTILE, SLACK), LINKS, AT)
    assert not re.findall("<(?!!date)", str(message))
    assert (message["parse"], message["link_names"], message["mrkdwn"]) == ("none", False, False)
    urls = [button.get("url") for button in message["blocks"][-1]["elements"]]
    assert all(url is None or url.startswith("https://up.example.com/") for url in urls)


def test_status_of_an_update_quotes_the_colleague() -> None:
    sent = page("raised", HOSTILE, SLACK)
    status = Status("reopened", by=HOSTILE, reason=HOSTILE)
    message = slack_messages.update_message(notifications.update(sent, status, ID, AT), LINKS, AT)
    assert "<" not in str(message)
    assert len(message["blocks"][1]["elements"][0]["text"].splitlines()) == 1
