"""Writes what all messages say into `messages/`.

`PYTHONPATH=tests .venv/bin/python -m unit.notifier.make_messages`
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

from notifier import rendering
from notifier.api import pages
from notifier.channels import slack_messages
from notifier.domain import answers
from notifier.domain.notifications import Notification
from notifier.domain.reasons import Reason, asks_for
from notifier.domain.recipients import LANGUAGES
from notifier.links import Links
from notifier.use_cases.answers import AnswerStatus
from unit.notifier.examples import AT, EMAIL, REASONS, SLACK, compose_mail, escalation, notification

FOLDER = Path(__file__).with_name("messages")
_LINKS = Links("secret", "https://up.example.com", timedelta(hours=1))
_TOKEN = re.compile(r"(?:(?<=/acknowledgements/)|(?<=/mail-stops/))[\w.-]+")


def message(reason: Reason) -> str:
    """Return one reason's message on each medium, and the page behind its link."""
    return "\n".join(
        (
            "== Slack",
            *_slack(notification(SLACK, reason)),
            "",
            "== Mail",
            *_mail(compose_mail(notification(EMAIL, reason), "up@example.com", _LINKS, AT)),
            "",
            "== Page",
            *_page(notification(EMAIL, reason)),
            "",
        )
    )


def _slack(page: Notification) -> Iterator[str]:
    sent = slack_messages.page_message(page, _LINKS, AT)
    yield f"[preview] {sent['text']}"
    for block in sent["blocks"]:
        match block["type"]:
            case "section":
                yield block["text"]["text"]
            case "context":
                yield f"[small] {block['elements'][0]['text']}"
            case _:
                labels = (button["text"]["text"] for button in block["elements"])
                yield " ".join(f"[{label}]" for label in labels)


def _mail(mail: EmailMessage) -> Iterator[str]:
    yield f"Subject: {mail['Subject']}"
    for kind in ("plain", "html"):
        part = mail.get_body((kind,))
        yield f"-- {kind}"
        yield _TOKEN.sub("TOKEN", part.get_content().strip()) if part else ""


def _page(page: Notification) -> Iterator[str]:
    state = escalation("raised") if page.escalation_id else None
    if asks_for(page.content.reason) == "progress":
        state = escalation("acknowledged", "dana")
    actions = answers.possible_actions(page, state)[:1] if answers.has_buttons(page) else ()
    status = AnswerStatus(page, state, None, actions, shows_only=not actions)
    html = bytes(pages.answer_page(status, AT).body).decode()
    yield html[html.index("<body>") :].strip()


def mail_and_page(page: Notification) -> tuple[str, str]:
    """Return the mail, and the page behind its link."""
    mail = compose_mail(page, "up@example.com", _LINKS, AT)
    return "\n".join(_mail(mail)), "\n".join(_page(page))


def messages_in(language: str) -> str:
    """Return what the messages of all reasons say in a language, without the layout of media."""
    return "\n\n".join("\n".join(_lines_in(language, reason)) for reason in REASONS) + "\n"


def _lines_in(language: str, reason: Reason) -> Iterator[str]:
    words = rendering.words(notification(reason=reason).content, AT, language=language)
    yield f"[{reason}] {words.headline}"
    yield " ".join(filter(None, (words.why_now, words.deadline, words.task)))
    yield " | ".join(words.lines)
    if words.circumstances:
        yield " · ".join(words.circumstances)


if __name__ == "__main__":
    (FOLDER / "languages").mkdir(parents=True, exist_ok=True)
    for reason in REASONS:
        (FOLDER / f"{reason}.txt").write_text(message(reason))
    for language in LANGUAGES:
        (FOLDER / "languages" / f"{language}.txt").write_text(messages_in(language))
