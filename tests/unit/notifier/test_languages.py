"""Times, durations, numbers and sentences of escalation in the language of the reader."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from notifier import rendering
from notifier.domain.content import Content, Status, Summary
from notifier.languages import language_of
from notifier.rule_sentences import explanation, rule_sentence
from unit.notifier.examples import AT, EMAIL, notification
from unit.notifier.make_messages import mail_and_page

BERLIN = datetime(2026, 3, 2, 14, 0, tzinfo=UTC).astimezone(ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Tue 2026-03-03 15:00 CET"),
        ("de", "Di., 3. März 2026 15:00 CET"),
        ("es", "mar, 3 mar 2026 15:00 CET"),
        ("fr", "mar. 3 mars 2026 15:00 CET"),
        ("pt", "ter., 3 de mar. de 2026 15:00 CET"),
        ("it", "mar 3 mar 2026 15:00 CET"),
    ],
)
def test_date_is_in_the_zone_and_the_language_of_the_reader(language: str, text: str) -> None:
    assert language_of(language).date_time(AT + timedelta(days=1), BERLIN) == text


@pytest.mark.parametrize(
    ("language", "text"),
    [("en", "2 d 3 h left"), ("de", "noch 2 T 3 Std."), ("fr", "encore 2 j 3 h")],
)
def test_time_left_has_the_units_of_the_language(language: str, text: str) -> None:
    assert language_of(language).left(AT + timedelta(days=2, hours=3), AT) == text


def test_time_that_is_up_is_said_in_the_language() -> None:
    assert language_of("de").left(AT, AT) == "die Zeit ist um"


@pytest.mark.parametrize(
    ("language", "text"), [("en", "1234.50"), ("de", "1.234,50"), ("it", "1.234,50")]
)
def test_number_is_written_as_the_language_does(language: str, text: str) -> None:
    assert language_of(language).number(Decimal("1234.50")) == text


@pytest.mark.parametrize(
    ("count", "headline"),
    [(1, "1 Nachricht wurde zurückgehalten"), (2, "2 Nachrichten wurden zurückgehalten")],
)
def test_plural_follows_the_number(count: int, headline: str) -> None:
    content = Content("summary", summary=Summary(later=count))
    assert rendering.words(content, AT, language="de").headline == headline


@pytest.mark.parametrize(
    ("language", "headline", "task"),
    [
        ("en", "60 escalations need you", "Start at the top."),
        ("de", "60 Eskalationen brauchen Sie", "Beginnen Sie oben."),
        ("es", "60 escaladas le necesitan", "Empiece por arriba."),
        ("fr", "60 escalades ont besoin de vous", "Commencez par le haut."),
        ("it", "60 escalation richiedono il suo intervento", "Cominci dall'alto."),
        ("pt", "60 escaladas precisam de si", "Comece pelo topo."),
    ],
)
def test_summary_of_very_many_says_how_many_and_where_to_start(
    language: str, headline: str, task: str
) -> None:
    summary = Content("summary", summary=Summary(later=20, elsewhere=40))
    words = rendering.words(summary, AT, language=language)
    assert (words.headline, words.task) == (headline, task)


@pytest.mark.parametrize(
    ("english", "german"),
    [
        (
            "No reply within 10 min (policy gold v3)",
            "Keine Antwort innerhalb von 10 min (Regel gold v3)",
        ),
        (
            "Not resolved within 1 h 5 min of calendar office (policy gold v3)",
            "Nicht gelöst innerhalb von 1 Std. 5 min des Kalenders office (Regel gold v3)",
        ),
        (
            "No reply after 8 min of 10 min (policy p)",
            "Keine Antwort nach 8 min von 10 min (Regel p)",
        ),
        ("3 contacts within 2 d", "3 contacts within 2 d"),
    ],
)
def test_sentence_about_a_rule_is_translated_if_its_form_is_known(
    english: str, german: str
) -> None:
    assert rule_sentence(english, language_of("de")) == german
    assert rule_sentence(english, language_of("en")) == english


@pytest.mark.parametrize(
    ("english", "german"),
    [
        ("no answer from sam, kim", "keine Antwort von sam, kim"),
        ("shift of sam ended", "Schicht von sam beendet"),
        ("first reply sent late", "erste Antwort zu spät gesendet"),
        (
            "omar does not approve 500 EUR (service_adjustment)",
            "omar genehmigt 500 EUR (Änderung der Leistung) nicht",
        ),
        (
            "no answer from sam; dana not reached (bounced)",
            "keine Antwort von sam; dana nicht erreicht (bounced)",
        ),
        ("moon in the way", "moon in the way"),
    ],
)
def test_explanation_is_translated_by_its_parts(english: str, german: str) -> None:
    assert explanation(english, language_of("de")) == german


def test_status_names_who_did_it_in_the_language() -> None:
    assert (
        rendering.status_text(Status("acknowledged", by="you"), AT, "de") == "Bestätigt von Ihnen"
    )
    assert rendering.status_text(Status("snoozed", by="Dana"), AT, "fr") == "Reportée par Dana"


def test_language_without_a_catalogue_is_english() -> None:
    assert language_of("xx").name == language_of(None).name == "en"


def test_mail_page_and_buttons_are_in_the_language_of_the_notification() -> None:
    page = replace(notification(EMAIL, "raised"), language="de")
    mail, shown = mail_and_page(page)
    assert mail.startswith("Subject: Chat zu Billing von „Ada“")
    for text in ("Bestätigen: https://", "Warum jetzt: ", 'lang="de"'):
        assert text in mail
    assert "Übernehmen</button>" in shown or "Bestätigen</button>" in shown
