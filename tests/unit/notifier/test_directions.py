"""Words that are read from right to left leave the direction of our own words as it is."""

import re
import sys
import unicodedata

import pytest

from notifier import rendering
from notifier.channels import slack_messages
from notifier.domain.notifications import Notification
from unit.notifier.examples import ADA, AT, COMPLAINT, EMAIL, SLACK, compose_mail, notification
from unit.notifier.test_email import LINKS, SENDER

HEBREW, ARABIC = "שרה כהן", "مريم ٣٤"
ISOLATE, END = "\u2068", "\u2069"


def page(name: str, **changes: object) -> Notification:
    contact = {**ADA, "customer_name": name, **changes}
    return notification(EMAIL, contact=contact, causes=[COMPLAINT])


def headline(name: str) -> str:
    return rendering.words(page(name).content, AT).headline


@pytest.mark.parametrize("name", [HEBREW, ARABIC, f"Ada {HEBREW}"])
def test_name_from_right_to_left_is_isolated(name: str) -> None:
    inside = re.findall(f"{ISOLATE}(.*?){END}", headline(name))
    assert [f"“{name}”" in each for each in inside] == [True]
    assert headline(name).endswith(f"{END}: complaint about rui")


def test_letter_of_any_script_from_right_to_left_is_isolated() -> None:
    """The blocks that the code looks at have all of them, also those of a newer Unicode."""
    letters = map(chr, range(sys.maxunicode + 1))
    from_right = [each for each in letters if unicodedata.bidirectional(each) in ("R", "AL", "AN")]
    assert from_right
    assert not [each for each in from_right if not rendering.is_right_to_left(f"a{each}")]


def test_name_from_left_to_right_needs_no_isolate() -> None:
    assert ISOLATE not in headline("Ada Łovelace 李")


def test_isolates_of_a_line_that_is_cut_are_closed() -> None:
    line = headline(HEBREW * 200)
    assert (line.count(ISOLATE), line.count(END)) == (1, 1)


def test_isolates_and_overrides_of_strangers_are_removed() -> None:
    assert headline(f"A\u202e{HEBREW}{END}\u2067b").count(ISOLATE) == 1
    assert not set("\u202e\u2067") & set(headline("A\u202eda\u2067"))


def test_browsers_find_the_direction_of_each_line() -> None:
    html = compose_mail(page(HEBREW, subject=ARABIC), SENDER, LINKS, AT).get_body(("html",))
    assert html
    assert re.search('<h2 dir="auto">.*' + HEBREW, html.get_content())
    assert re.search('<blockquote dir="auto"[^>]*>“' + ARABIC, html.get_content())


@pytest.mark.parametrize("stranger", ["&" * 300, "<" * 300, "&lt;" * 75])
def test_escaped_words_of_strangers_push_nothing_of_ours_out_of_a_block(stranger: str) -> None:
    message = slack_messages.page_message(
        notification(
            SLACK,
            contact={**ADA, "customer_name": stranger, "subject": stranger},
            causes=[{**COMPLAINT, "reason": stranger, "by": by} for by in ("kim", "lee", "max")],
            explanation=None,
        ),
        LINKS,
        AT,
    )
    text = message["blocks"][0]["text"]["text"]
    assert len(text) <= 3000
    assert "reported by max" in text
    assert "Answer by 14:12:30 UTC" in text
    assert "Press Acknowledge to take care of it." in text
    # No entity is cut in two.
    assert not re.search(r"&(?!(amp|lt|gt);)", text)
