"""Templates that people write: what they may do, what is refused, and what is used instead."""

import time
from datetime import timedelta

import pytest
from msgspec.structs import replace

from common.contracts.notifications import Medium
from notifier.channels import slack_messages, web_push
from notifier.channels.email import Email
from notifier.domain.content import Content, HeldPage, Summary
from notifier.domain.content_levels import ContentLevels
from notifier.domain.message_samples import samples_of
from notifier.domain.message_templates import (
    ANY,
    MAX_BODY_SOURCE,
    TEMPLATE_REASONS,
    MessageTemplate,
    TemplateKey,
    TemplateKind,
)
from notifier.domain.reasons import Reason
from notifier.links import Links
from notifier.message_templates import shipped
from notifier.message_templates.checking import try_template
from notifier.message_templates.library import TemplateLibrary
from notifier.message_templates.variables import LISTS, TEXTS, values_of
from unit.notifier.examples import AT, EMAIL, SLACK, compose_mail, notification

LINKS = Links("secret", "https://up.example.com", timedelta(hours=1))
KEY = TemplateKey("email", "raised", "en")
LOOP = "{% for line in details %}{{ line }}{% endfor %}"


def problems(body: str, key: TemplateKey = KEY, title: str = shipped.TITLE) -> list[str]:
    return [f"{each.part}: {each.detail}" for each in try_template(key, title, body).problems]


def template(
    body: str,
    *,
    title: str = "Up: {{ headline }}",
    medium: Medium = "email",
    kind: TemplateKind = "raised",
    language: str = "en",
) -> MessageTemplate:
    return MessageTemplate(medium, kind, language, 1, title, body, AT, "omar")


def library(*templates: MessageTemplate) -> TemplateLibrary:
    made = TemplateLibrary()
    made.load(templates)
    return made


@pytest.mark.parametrize(
    "body",
    [
        "{{ headline }}",
        "{% if deadline %}{{ deadline }}{% else %}-{% endif %}",
        "x{% for line in details %}{{ loop.index }}. {{ line }}\n{% endfor %}",
        "{{ circumstances | join(' / ') }}{{ headline | upper | clipped(20) }}",
        "{{ customer | default('nobody') }}{{ 'late' if time_left else 'now' }}",
        "{{ subject | quoted }}{{ details | length > 2 and level is defined }}",
    ],
)
def test_template_of_allowed_parts_can_be_saved(body: str) -> None:
    assert problems(body) == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("{{ nobody }}", "Line 1: There is no variable nobody."),
        ("\n{{ headline.__class__ }}", "Line 2: Only loop.index"),
        ("{{ headline['__class__'] }}", "`getitem` is not allowed"),
        ("{{ headline | attr('__class__') }}", "There is no filter attr"),
        ("{{ ''.__class__.__mro__ }}", "Only loop.index"),
        ("{{ headline.format(1) }}", "`call` is not allowed"),
        ("{{ range(10) }}", "`call` is not allowed"),
        ("{{ lipsum() }}", "`call` is not allowed"),
        ("{{ self }}", "There is no variable self"),
        ("{% for x in range(9**9) %}x{% endfor %}", "A loop is over one of"),
        (f"{{% for a in details %}}{LOOP}{{% endfor %}}", "A loop can't be in a loop."),
        ("{% for a in 'abc' %}x{% endfor %}", "A loop is over one of"),
        ("{% for a in details recursive %}x{% endfor %}", "A loop has one name"),
        ("{% for a, b in details %}x{% endfor %}", "A loop has one name"),
        ("{% for a in details if loop.nothing %}x{% endfor %}", "Only loop.index"),
        ("{{ 'x' * 999999999 }}", "`mul` is not allowed"),
        ("{{ 9 ** 9 ** 9 }}", "`pow` is not allowed"),
        ("{{ '%999999999d' % 1 }}", "`mod` is not allowed"),
        ("{{ headline | center(999999999) }}", "There is no filter center"),
        ("{{ headline | replace('a', 'aaaa') }}", "There is no filter replace"),
        ("{{ headline | indent(999999999) }}", "There is no filter indent"),
        ("{{ headline | clipped(*details) }}", "its arguments one by one"),
        ("{{ details | join(', ', 'format') }}", "Give the filter join one text"),
        ("{{ details | join(headline) }}", "Give the filter join one text"),
        ("{{ details | join(details | join('-')) }}", "Give the filter join one text"),
        ("{{ headline | join('-') }}", "The filter join is for one of details"),
        ("{{ 'abc' | join('def') | join('ghi') }}", "The filter join is for one of details"),
        (
            "{% for details in details %}{{ details | join('-') }}{% endfor %}",
            "The filter join is for one of details",
        ),
        ("{% set x = 1 %}", "`assign` is not allowed"),
        ("{% macro m() %}{% endmacro %}", "`macro` is not allowed"),
        ("{% include 'words.j2' %}", "`include` is not allowed"),
        ("{% import 'words.j2' as w %}", "`import` is not allowed"),
        ("{% extends 'page/layout.html.j2' %}", "`extends` is not allowed"),
        ("{% block a %}{% endblock %}", "`block` is not allowed"),
        ("{% filter upper %}a{% endfilter %}", "`filterblock` is not allowed"),
        ("{{ headline", "Line 1: "),
        ("{% if %}", "Line 1: "),
        ("{% do 1 %}", "unknown tag 'do'"),
        ("{{ headline < 3 }}", "It can't be rendered"),
        ("{{ headline | clipped('a') }}", "It can't be rendered"),
        ("{{ headline | clipped }}", "It can't be rendered"),
        ("{{ " + "(" * 1900 + "1" + ")" * 1900 + " }}", "It is nested too deeply."),
        ("{{ " + "not " * 900 + "1 }}", "It is nested too deeply."),
        ("{% if 1 %}" * 90 + "{% endif %}" * 90, "It is nested too deeply."),
        ("{% if not headline %}x{% endif %}", "It writes nothing."),
        ("{{ subject }}", "It writes nothing. (data of raised, shortest)"),
    ],
)
def test_template_that_reaches_further_is_refused_when_it_is_saved(body: str, reason: str) -> None:
    details = problems(body)
    assert details
    assert reason in details[0]


@pytest.mark.parametrize("medium", ["slack", "email", "web_push", "sms", "teams"])
@pytest.mark.parametrize("language", ["en", "de"])
def test_shipped_templates_are_short_enough_for_every_reason(medium: Medium, language: str) -> None:
    assert problems(shipped.body_of(medium), TemplateKey(medium, ANY, language)) == []


@pytest.mark.parametrize(("medium", "longest"), [("slack", 3000), ("web_push", 600)])
def test_text_over_the_limit_of_the_medium_is_refused(medium: Medium, longest: int) -> None:
    key = TemplateKey(medium, "raised", "en")
    assert problems("x" * longest, key) == []
    assert "too long" in problems("x" * (longest + 1), key)[0]
    # Usual data would fit: the longest do not.
    assert "(data of raised, longest)" in problems(f"{'x' * (longest - 500)}{LOOP}", key)[0]


@pytest.mark.parametrize(
    ("body", "is_too_long"),
    [
        ("x" * 500, False),
        ("x" * 900, True),
        # Of UCS-2, or of two units each, fewer fit; quotation marks are written as GSM-7 has them.
        ("x" * 400 + "\N{SLIGHTLY SMILING FACE}", True),
        ("\u0436" * 100, False),
        ("\u20ac" * 450, True),
        ("\u201cx\u201d" * 150, False),
    ],
)
def test_text_messages_that_a_template_takes_are_counted(body: str, is_too_long: bool) -> None:
    details = problems(body, TemplateKey("sms", "raised", "en"), title="{{ customer }}late")
    assert bool(details) is is_too_long, details
    if is_too_long:
        assert "text messages with the title and how to answer: at most 6" in details[0]


def test_title_over_the_limit_is_refused() -> None:
    assert problems("x", title="x" * 201)[0].startswith("title: It is too long")


def test_costliest_template_takes_little_time() -> None:
    loop = "{% for line in details %}" + "{{ line | upper }}" * 150 + "{% endfor %}"
    begin = time.process_time()
    problems((loop * 3)[:MAX_BODY_SOURCE])
    problems(loop)
    assert time.process_time() - begin < 5


@pytest.mark.parametrize("reason", TEMPLATE_REASONS)
def test_every_message_has_every_variable(reason: Reason) -> None:
    for content in samples_of(reason).values():
        values = values_of(content, AT)
        assert values.keys() == TEXTS.keys() | LISTS.keys()
        assert None not in values.values()


def test_slack_escapes_what_strangers_write_in_a_template() -> None:
    made = library(template("*{{ customer }}* & <!here>", medium="slack"))
    page = notification(SLACK, "raised", contact={**_CONTACT, "customer_name": "*<!channel>*"})
    text = made.text_of(page, AT)
    assert text is not None
    assert text.body == "*\u2217&lt;!channel&gt;\u2217* & <!here>"
    section = slack_messages.page_message(page, LINKS, AT, text)["blocks"][0]
    assert section["text"]["text"] == text.body


_CONTACT = {
    "channel": "chat",
    "topic": "billing",
    "subject": "s",
    "priority": "high",
    "language": "de",
    "tier": "vip",
}


def test_text_is_never_too_long_when_it_is_sent() -> None:
    made = library(template("{{ customer }}" * 200, medium="slack", kind=ANY))
    page = notification(SLACK, "raised", contact={**_CONTACT, "customer_name": "&" * 60})
    text = made.text_of(page, AT)
    assert text is not None
    assert 2990 < len(text.body) <= 3000


def test_mail_of_a_template_keeps_its_links_and_quotes_html() -> None:
    made = library(template("Dear colleague,\n\n{{ why_now }} <b>"))
    page = notification(EMAIL, "raised")
    mail = compose_mail(page, "up@example.com", LINKS, AT, made.text_of(page, AT))
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain
    assert html
    assert mail["Subject"].startswith("Up: Billing chat from “Ada”")
    assert plain.get_content().startswith("Acknowledge: https://up.example.com/v1/")
    assert "Dear colleague,\n\nYou are asked first. <b>" in plain.get_content()
    assert ">You are asked first. &lt;b&gt;</p>" in html.get_content()


def test_device_shows_the_text_of_a_template_without_the_name_of_the_customer() -> None:
    page = replace(notification(EMAIL, "raised"), medium="web_push")
    made = library(template("{{ headline }}{{ customer }}!", medium="web_push"))
    text = made.text_of(ContentLevels().shown(page), AT)
    assert text is not None
    assert "Ada" not in text.body
    assert text.body.encode() in web_push.make_push(page, LINKS, AT, text).payload


def test_device_names_no_customer_of_a_summary_by_a_template() -> None:
    page = replace(notification(EMAIL, "raised"), medium="web_push", kind="summary")
    part = HeldPage(page.notification_id, page.contact_id, None, page.content)
    summary = replace(page, content=Content("summary", summary=Summary((part,))))
    made = library(template("{{ held_back | join(' ') }}", medium="web_push", kind="summary"))
    whole = made.text_of(summary, AT)
    assert whole is not None
    assert "Ada" in whole.body
    text = made.text_of(ContentLevels().shown(summary), AT)
    assert text is not None
    assert "Ada" not in text.body
    assert "Billing chat from a customer" in text.body


def test_own_template_of_a_reason_goes_before_that_for_any() -> None:
    made = library(template("any", kind=ANY), template("own"))
    texts = [made.text_of(notification(EMAIL, reason), AT) for reason in ("raised", "climbed")]
    assert [text.body for text in texts if text] == ["own", "any"]


@pytest.mark.parametrize(
    "other",
    [
        template("x", language="de"),
        template("x", medium="slack"),
        template("x", kind="climbed"),
        replace(template("x"), body=None),
    ],
)
def test_message_without_a_template_is_written_by_the_shipped_one(other: MessageTemplate) -> None:
    assert library(other).text_of(notification(EMAIL, "raised"), AT) is None


def test_shipped_template_is_used_and_named_when_rendering_fails() -> None:
    # Of before a check was added: nothing that is saved now fails.
    made = library(template("{{ headline < 3 }}"))
    page = notification(EMAIL, "raised")
    assert made.text_of(page, AT) is None
    note = made.take_failure(page.notification_id)
    assert note is not None
    assert note.startswith("the shipped one, since email/raised/en version 1: It can't be rendered")
    assert made.take_failure(page.notification_id) is None


def test_template_that_does_not_compile_is_left_out() -> None:
    made = library(template("{{ oops"), template("x", kind="climbed"))
    assert made.text_of(notification(EMAIL, "raised"), AT) is None
    assert made.text_of(notification(EMAIL, "climbed"), AT)


def test_notice_about_an_address_has_no_template() -> None:
    notice = replace(notification(EMAIL, "raised"), kind="notice")
    assert library(template("x", kind=ANY)).text_of(notice, AT) is None
    assert Email.templates.text_of(notification(EMAIL, "raised"), AT) is None
