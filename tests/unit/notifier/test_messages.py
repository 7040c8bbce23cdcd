"""Every reason's message, on each medium, as people see it.

The texts in `messages/` are written by `make_messages`: read their diff when you change words.
"""

import pytest

from notifier import rendering
from notifier.domain.reasons import Reason, asks_for
from notifier.domain.recipients import LANGUAGES
from support.plain_words import RARE_WORDS
from unit.notifier.examples import AT, REASONS, notification
from unit.notifier.make_messages import FOLDER, message, messages_in


@pytest.mark.parametrize("reason", REASONS)
def test_message_is_as_approved(reason: Reason) -> None:
    assert message(reason) == (FOLDER / f"{reason}.txt").read_text()


@pytest.mark.parametrize("language", LANGUAGES)
def test_messages_of_a_language_are_as_approved(language: str) -> None:
    assert messages_in(language) == (FOLDER / "languages" / f"{language}.txt").read_text()


@pytest.mark.parametrize("reason", REASONS)
def test_message_of_every_medium_says_headline_reason_deadline_and_task(reason: Reason) -> None:
    slack, _, others = message(reason).partition("== Mail")
    mail, _, page = others.partition("== Page")
    plain, _, html = mail.partition("-- html")
    words = rendering.words(notification(reason=reason).content, AT)
    for text in (slack, plain, html):
        for part in (words.headline, words.why_now, words.deadline or "", words.task):
            assert part in text
    assert words.headline in page
    if asks_for(reason) == "answer":
        assert words.why_now in page
        assert words.deadline
        assert words.deadline in page
        for button in ("[Acknowledge]", "[Take over]", "[Open]"):
            assert button in slack
        assert "Acknowledge</button>" in page
    if notification(reason=reason).content.respond_by is not None:
        assert "UTC (" in slack
        assert " left)" in slack


@pytest.mark.parametrize("reason", REASONS)
def test_message_has_no_riddles_or_placeholders(reason: Reason) -> None:
    text = message(reason).lower()
    for word in ("none,", "undefined", "{{", *RARE_WORDS):
        assert word not in text
