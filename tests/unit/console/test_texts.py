from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from console.texts import LANGUAGES, Texts

NOW = datetime(2026, 3, 2, 10, 12, tzinfo=UTC)


def texts(language: str = "en", zone: str = "UTC") -> Texts:
    return Texts.of(language, ZoneInfo(zone))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "now"),
        (0.9, "now"),
        (-0.9, "now"),
        (42, "42 s"),
        (62, "1 min 2 s"),
        (120, "2 min"),
        (599, "9 min 59 s"),
        (659, "10 min"),
        (3900, "1 h 5 min"),
        (90000, "1 d 1 h"),
        (-180, "3 min over"),
    ],
)
def test_time_left_is_in_the_two_largest_units(seconds: float, text: str) -> None:
    assert texts().time_left(seconds) == text


def test_time_left_is_in_the_readers_language() -> None:
    assert texts("de").time_left(-180) == "3 min überfällig"
    assert texts("de").time_left(0) == "jetzt"


def test_time_of_today_has_no_date_in_the_readers_zone() -> None:
    evening = NOW.replace(hour=23, minute=30)
    assert texts().time(evening, NOW) == "23:30"
    assert texts(zone="Asia/Tokyo").time(evening, NOW) == "Mar 3 08:30"
    assert texts("de").time(NOW - timedelta(days=1), NOW) == "1. März 10:12"


def test_full_time_names_the_zone() -> None:
    assert texts(zone="Europe/Berlin").full_time(NOW) == "Mon, Mar 2, 2026 11:12:00 CET"


def test_amount_is_written_as_in_the_readers_language() -> None:
    assert texts().amount("1200.5", "EUR") == "€1,200.50"
    assert texts("de").amount("1200.5", "EUR") == "1.200,50\xa0€"


def test_language_without_a_catalogue_falls_back_to_english() -> None:
    assert texts("fr").language == "en"
    assert texts("fr").time_left(0) == "now"


def test_no_text_stays_none_in_each_language() -> None:
    assert [texts(language).gettext("") for language in LANGUAGES] == ["", ""]
