from datetime import timedelta
from typing import Any

import orjson
import pytest
from msgspec.structs import replace

from common.contracts.event import NotificationId
from common.core.ids import new_id
from notifier.allowed_origins import AllowedOrigins
from notifier.channels import teams, teams_cards
from notifier.domain import notifications
from notifier.domain.content import HeldPage, Status, Summary
from notifier.domain.delivery import Outcome, Postponed, Refused, Sent, Unknown
from notifier.domain.notifications import Notification
from notifier.domain.recipients import LANGUAGES, Address
from notifier.links import Links
from notifier.message_templates.library import MessageText
from notifier.secret_addresses import AddressSealer
from notifier.settings import Settings
from support.teams_workflows import require_card, texts, urls
from unit.notifier.examples import ADA, AT, COMPLAINT, CONTACT, ESCALATION, notification

LINKS = Links("secret", "https://up.example.com/", timedelta(hours=1))
CONSOLE = Links(
    "secret", "https://up.example.com/", timedelta(hours=1), "https://console.example.com"
)
TEAMS = Address("teams", {"url": "sealed", "conversation": "personal", "service": "x"})

TASK = "Press Acknowledge to take care of it. Press Take over to serve the customer yourself."
CONNECTOR_ERROR = (
    b"Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429"
    b" with ContextId x"
)


def card(page: Notification, links: Links = LINKS, *, is_shared: bool = False) -> dict[str, Any]:
    body = teams_cards.page_message(page, links, AT, is_shared=is_shared)
    assert len(body) <= 28 * 1024
    (attachment,) = orjson.loads(body)["attachments"]
    content: dict[str, Any] = attachment["content"]
    require_card(content)
    return content


def test_card_says_what_how_long_why_and_what_to_press() -> None:
    shown = card(notification(TEAMS))
    assert texts(shown)[:4] == [
        "Billing chat from “Ada”: first response 2 min overdue",
        "Answer by 14:12:30 UTC (12 min 30 s left).",
        "Why now: It moved up to your level. No answer from sam.",
        f"What to do: {TASK}",
    ]
    assert "Severity: high" in texts(shown)
    assert "Customer: VIP" in texts(shown)
    assert [*urls(shown)] == ["Acknowledge", "Take over"]


GERMAN_PARTS = (
    "Antworten Sie bis 14:12:30 UTC (noch 12 min 30 s).",
    "Warum jetzt: Sie ist auf Ihre Stufe gestiegen. Keine Antwort von sam.",
    "Schweregrad: hoch",
    "Stufe: manager",
    "Priorität: hoch",
    "Kunde: VIP",
    "Sprache: de",
)


def test_card_is_in_the_language_of_its_reader() -> None:
    page = replace(notification(TEAMS), language="de")
    shown = card(page)
    assert [*urls(shown)] == ["Bestätigen", "Übernehmen"]
    assert set(GERMAN_PARTS) - set(texts(shown)) == set()
    assert "Was zu tun ist: Öffnen Sie es, melden Sie sich an," in " ".join(
        texts(card(page, CONSOLE, is_shared=True))
    )
    sent = replace(page, content=replace(page.content, status=Status("taken_over", by="Omar")))
    follow_up = orjson.loads(teams_cards.follow_up_message(sent, LINKS, AT))
    content = follow_up["attachments"][0]["content"]
    assert texts(content)[0] == "Übernommen von Omar"
    assert [*urls(content)] == ["Öffnen"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_card_of_every_language_has_its_facts(language: str) -> None:
    shown = card(replace(notification(TEAMS), language=language))
    (facts,) = [each["facts"] for each in shown["body"] if each["type"] == "FactSet"]
    assert len(facts) == 5
    assert all(fact["title"] and fact["value"] for fact in facts)


@pytest.mark.parametrize(
    ("links", "task"),
    [
        (LINKS, "What to do: Acknowledge it or take it over in Upstairs."),
        (CONSOLE, "What to do: Open it, sign in, and acknowledge it or take it over."),
    ],
)
def test_card_that_others_read_has_no_link_that_answers(links: Links, task: str) -> None:
    shown = card(notification(TEAMS), links, is_shared=True)
    assert [*urls(shown)] == ["Open"]
    assert task in texts(shown)


async def test_address_that_no_key_decrypts_is_to_be_entered_again() -> None:
    services = Settings.model_fields["teams_services"].default
    channel = teams.Teams(
        AllowedOrigins.read(services), AddressSealer(None), LINKS, timedelta(seconds=5)
    )
    assert await channel.send(notification(TEAMS), AT) == Refused(
        "no encryption key decrypts the address: enter the address again"
    )


def test_words_of_strangers_make_no_link_no_style_and_no_function() -> None:
    page = notification(
        TEAMS,
        contact={
            **ADA,
            "customer_name": "[pay](https://evil.example) **now** {{DATE(2026-01-01,SHORT)}}",
            "language": "[x](http://x)",
        },
    )
    body = teams_cards.page_message(page, LINKS, AT, is_shared=False)
    assert b"{{" not in body
    # Markdown is read in facts, but not in text runs.
    (facts,) = [each["facts"] for each in card(page)["body"] if each["type"] == "FactSet"]
    assert [fact["value"] for fact in facts if set("[]()*") & set(fact["value"])] == []


@pytest.mark.parametrize("letter", ["x", "\u4e2d", "\U0001f600"])
def test_long_words_are_cut_so_that_teams_takes_the_card(letter: str) -> None:
    causes = [{**COMPLAINT, "reason": letter * 5000}] * 3
    page = notification(TEAMS, causes=causes, contact={**ADA, "subject": letter * 2000})
    assert texts(card(page))


@pytest.mark.parametrize("body", ["\u0436" * 4000, "\u0436\n" * 2000, "x\n" * 2000])
def test_text_of_a_template_is_cut_so_that_teams_takes_the_card(body: str) -> None:
    custom = MessageText("Late", body)
    message = teams_cards.page_message(notification(TEAMS), LINKS, AT, custom, is_shared=False)
    assert 5_000 < len(message) <= 28 * 1024


def test_summary_of_many_pages_is_cut_and_says_how_many_are_left() -> None:
    content = notification(TEAMS, contact={**ADA, "customer_name": "\u4e2d" * 60}).content
    pages = tuple(
        HeldPage(NotificationId(new_id()), CONTACT, ESCALATION, content) for _ in range(20)
    )
    summary = replace(
        notification(TEAMS),
        kind="summary",
        escalation_id=None,
        content=replace(content, reason="summary", summary=Summary(pages, 0)),
    )
    long_links = Links("secret", f"https://up.example.com/{'a' * 1200}", timedelta(hours=1))
    shown = card(summary, long_links)
    containers = [each for each in shown["body"] if each.get("separator")]
    assert len(containers) < 20
    assert texts(shown)[-1] == f"And {20 - len(containers)} more."
    short = [each for each in card(summary)["body"] if each.get("separator")]
    assert len(short) == 20


def test_change_of_state_is_a_card_that_follows() -> None:
    page = notification(TEAMS)
    changed = notifications.update(
        page, Status("acknowledged", by="Dana"), page.notification_id, AT
    )
    (attachment,) = orjson.loads(teams_cards.follow_up_message(changed, CONSOLE, AT))["attachments"]
    require_card(attachment["content"])
    assert texts(attachment["content"]) == [
        "Acknowledged by Dana",
        "Billing chat from “Ada”: first response 2 min overdue",
    ]
    assert [*urls(attachment["content"])] == ["Open"]


@pytest.mark.parametrize(
    ("status", "headers", "body", "expected"),
    [
        (202, {}, b"", Sent({})),
        (200, {}, b"1", Sent({})),
        (200, {}, b"not JSON", Sent({})),
        (
            200,
            {"Retry-After": "30"},
            CONNECTOR_ERROR,
            Postponed("Teams answered 200, and that there was an error 429", timedelta(seconds=30)),
        ),
        (
            200,
            {},
            b"Microsoft Teams endpoint returned HTTP error 413",
            Refused("Teams answered 200, and that there was an error 413"),
        ),
        (
            202,
            {},
            b'{"error":{"code":"ActionFailed","message":"https://secret"}}',
            Unknown("Teams answered 202 with the error ActionFailed"),
        ),
        (
            404,
            {},
            b'{"error":{"code":"WorkflowNotFound","message":"https://secret"}}',
            Refused("Teams answered 404: WorkflowNotFound"),
        ),
        (400, {}, b'{"error":{"code":"https://secret"}}', Refused("Teams answered 400")),
        (302, {"Location": "http://127.0.0.1"}, b"", Refused("Teams answered 302")),
        (
            429,
            {"Retry-After": "7"},
            b'{"error":{"code":"WorkflowRunInvocationThrottled"}}',
            Postponed("Teams answered 429", timedelta(seconds=7)),
        ),
        (503, {"Retry-After": "soon"}, b"", Postponed("Teams answered 503")),
    ],
)
def test_answer_of_a_workflow_is_read(
    status: int, headers: dict[str, str], body: bytes, expected: Outcome
) -> None:
    assert teams.outcome(status, headers, body, AT) == expected
