"""Forms of settings: values as people write them, rows, differences, places of refusals."""

from time import process_time

import pytest

from console.views.fields import FieldError
from console.views.settings.differences import Change, Comparison
from console.views.settings.durations import parse_duration, write_duration
from console.views.settings.entries import BodyReader, entries_of, entries_of_form
from console.views.settings.ladders import Responder
from console.views.settings.nodes import Entries
from console.views.settings.phrases import week_sentences
from console.views.settings.presses import press_button
from console.views.settings.problem_places import setting_problems
from console.views.settings.registry import KIND_BY_SLUG
from console.views.settings.thresholds import ThresholdPlace
from console.views.settings.values import Amount, Choices, Hours, Moment
from unit.console.answers import reader

LADDER = KIND_BY_SLUG["ladders"]
LIMIT = KIND_BY_SLUG["limits"]
CALENDAR = KIND_BY_SLUG["calendars"]
TEXTS = reader().texts


def level(name: str, minutes: int = 5) -> dict[str, object]:
    return {
        "name": name,
        "acknowledge_within_s": minutes * 60,
        "who": [{"kind": "person", "person_id": "sara"}],
        "ask": "all",
        "repeats": 0,
        "media": None,
        "calendar_id": None,
    }


def ladder(*levels: dict[str, object]) -> Entries:
    return entries_of(LADDER.nodes, {"levels": levels, "lease_s": 900}, TEXTS)


def changes(before: Entries, after: Entries) -> list[Change]:
    return list(Comparison(Choices(reader())).compare(LADDER.nodes, before, after))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10 min", 600),
        ("1 h 30 min", 5400),
        ("1h30min", 5400),
        ("2 Tage", 172800),
        ("0.5 s", 0.5),
        ("1,5 Std.", 5400),
        ("45 SEC", 45),
    ],
)
def test_duration_is_read_as_people_write_it(text: str, seconds: float) -> None:
    assert parse_duration(text, TEXTS) == seconds


@pytest.mark.parametrize("text", ["", "10", "soon", "10 min soon", "-5 min", "10 parsecs", "min"])
def test_duration_without_sense_is_refused(text: str) -> None:
    with pytest.raises(FieldError):
        parse_duration(text, TEXTS)


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("seconds", [0, 0.1, 1, 59, 60, 3599, 3600, 86399, 86400, 694861])
def test_duration_is_the_same_after_it_was_written(seconds: float, language: str) -> None:
    texts = reader(language=language).texts
    for has_days in (True, False):
        written = write_duration(seconds, texts, has_days=has_days)
        assert parse_duration(written, texts) == seconds, written


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("rule", [{"at_percent": 80}, {"offset_s": -1800}, {"offset_s": 3600}])
def test_threshold_is_the_same_after_it_was_written(rule: dict[str, int], language: str) -> None:
    texts, place = reader(language=language).texts, ThresholdPlace()
    assert place.read(place.write(rule, texts), texts) == rule


@pytest.mark.parametrize("text", ["80", "before", "30 before", "30 min", "eighty %"])
def test_threshold_without_sense_is_refused(text: str) -> None:
    with pytest.raises(FieldError):
        ThresholdPlace().read(text, TEXTS)


def test_hours_are_read_as_people_write_them() -> None:
    spans = [["09:00", "12:30"], ["13:00", "17:00"]]
    for text in (
        "09:00-12:30, 13:00-17:00",
        "9:00 - 12.30,13:00\u201317:00",
        "9:00 bis 12:30, 13:00 to 17:00",
    ):
        assert Hours().read(text, TEXTS) == spans
    for text in ("nine to five", "9-17", "09:00-12:30; 13:00-17:00"):
        with pytest.raises(FieldError):
            Hours().read(text, TEXTS)


def test_amount_is_a_plain_number() -> None:
    assert Amount().read("49,50", TEXTS) == "49.50"
    for text in ("NaN", "1e99", "a lot", "-5", "1.000,00"):
        with pytest.raises(FieldError):
            Amount().read(text, TEXTS)


@pytest.mark.parametrize(
    "text", ["sara", "admin:sara", "reporting_line:top", f"reporting_line:{'9' * 5000}"]
)
def test_responder_that_is_not_in_the_list_is_refused(text: str) -> None:
    with pytest.raises(FieldError):
        Responder().read(text, TEXTS)


def test_moment_keeps_its_seconds() -> None:
    text = Moment().write("2026-03-02T08:00:30+01:00", TEXTS)
    assert Moment().read(text, TEXTS) == "2026-03-02T07:00:30+00:00"


@pytest.mark.parametrize("text", ["0001-01-01T00:00+14:00", "9999-12-31T23:59-12:00", "soon"])
def test_moment_that_some_zone_has_not_is_refused(text: str) -> None:
    assert Moment().show(text, Choices(reader())) == text
    with pytest.raises(FieldError):
        Moment().read(text, TEXTS)


def test_change_of_one_level_names_the_level_and_both_values() -> None:
    before, after = ladder(level("a"), level("b")), ladder(level("a"), level("b", 7))
    assert changes(before, after) == [
        Change("Levels \u203a b \u203a Time to answer", "5 min", "7 min")
    ]


def test_level_in_between_does_not_change_those_after_it() -> None:
    before, after = ladder(level("a"), level("c")), ladder(level("a"), level("b"), level("c"))
    (change,) = changes(before, after)
    assert (change.place, change.before) == ("Levels \u203a b", "\u2013")
    assert "Time to answer: 5 min" in change.after
    assert "Sara Singh" in change.after


def test_order_of_levels_is_a_difference() -> None:
    before, after = ladder(level("a"), level("b")), ladder(level("b"), level("a"))
    assert changes(before, after) == [Change("Levels \u203a Order", "a, b", "b, a")]


def test_two_levels_of_one_name_are_two() -> None:
    before, after = ladder(level("a"), level("a")), ladder(level("a"), level("a", 9))
    (change,) = changes(before, after)
    assert change.place == "Levels \u203a a (2) \u203a Time to answer"


def test_row_is_added_at_the_end_and_has_the_focus() -> None:
    press = press_button(LADDER.nodes, ladder(level("a")), "add:levels")
    assert press is not None
    assert press.focus == "levels/1/name"
    assert press.entries["levels"][1]["who"] == [{"": ""}]


def test_row_moves_up_and_no_further() -> None:
    entries = ladder(level("a"), level("b"))
    for _ in range(2):
        press = press_button(LADDER.nodes, entries, "up:levels/1")
        assert press is not None
        entries = press.entries
    assert press_button(LADDER.nodes, entries, "up:levels/0") is not None
    assert [row["name"] for row in entries["levels"]] == ["a", "b"]


@pytest.mark.parametrize(
    "button",
    [
        "save",
        "add:lease_s",
        "add:levels/7/who",
        "remove:levels/7",
        "remove:levels/\u00b2",
        f"remove:levels/{'9' * 5000}",
        f"add:levels/{'9' * 5000}/who",
        "up:levels",
    ],
)
def test_button_without_a_row_does_nothing(button: str) -> None:
    assert press_button(LADDER.nodes, ladder(level("a")), button) is None


def test_rows_keep_their_order_whatever_their_numbers_are() -> None:
    values = {
        "levels/10/name": "b",
        "levels/2/name": "a",
        "levels/x/name": "c",
        "levels/-1/name": "d",
        "levels/02/name": "e",
        f"levels/{'9' * 5000}/name": "f",
    }
    entries = entries_of_form(LADDER.nodes, values)
    assert [row["name"] for row in entries["levels"]] == ["a", "b"]


def test_form_of_16_000_rows_is_read_soon() -> None:
    values = {f"levels/{number}/name": "a" for number in range(16_000)}
    began_at = process_time()
    assert len(entries_of_form(LADDER.nodes, values)["levels"]) == 16_000
    assert process_time() - began_at < 10


def test_currency_that_is_listed_twice_is_a_problem_of_its_field() -> None:
    values = {
        f"limits/{n}/{name}": value
        for n in (0, 1)
        for name, value in (("key", "EUR"), ("value", "10"))
    }
    body_reader = BodyReader(TEXTS)
    body_reader.read(LIMIT.nodes, entries_of_form(LIMIT.nodes, {**values, "window_days": "30"}))
    assert body_reader.problems == {"limits/1/key": "This is in the list twice."}


@pytest.mark.parametrize(
    ("pointer", "field"),
    [
        ("body/limits/EUR", "limits/0/value"),
        ("body/limits/EUR/[key]", "limits/0/key"),
        ("body/limits/USD", "limits"),
        ("body/window_days", "window_days"),
    ],
)
def test_refusal_of_a_map_is_beside_its_row(pointer: str, field: str) -> None:
    entries = entries_of(LIMIT.nodes, {"limits": {"EUR": "1"}, "window_days": 30}, TEXTS)
    document = {"errors": [{"pointer": pointer, "detail": "wrong"}]}
    assert setting_problems(document, LIMIT.nodes, entries, reader()).by_field == {field: "wrong"}


@pytest.mark.parametrize(
    ("pointer", "field"),
    [
        ("body/levels/0/who/0/duty/schedule_id", "levels/0/who/0"),
        ("body/levels/0/who", "levels/0/who"),
        ("body/levels/9/name", "levels"),
        ("body/levels/0/media/1", "levels/0/media"),
    ],
)
def test_refusal_of_a_level_is_beside_the_nearest_field(pointer: str, field: str) -> None:
    document = {"errors": [{"pointer": pointer, "detail": "wrong"}]}
    problems = setting_problems(document, LADDER.nodes, ladder(level("a")), reader())
    assert problems.by_field == {field: "wrong"}


def test_refusal_of_the_whole_is_above_the_form() -> None:
    for document in ({"errors": [{"pointer": "body", "detail": "wrong"}]}, {"detail": "wrong"}):
        problems = setting_problems(document, LADDER.nodes, ladder(level("a")), reader())
        assert (problems.by_field, problems.whole) == ({}, "wrong")


def test_days_with_the_same_hours_are_one_sentence() -> None:
    hours = {day: [["09:00", "17:00"]] for day in ("mon", "tue")}
    assert week_sentences(hours, reader()) == [
        "Monday, Tuesday: 09:00\u201317:00",
        "Wednesday, Thursday, Friday, Saturday, Sunday: closed",
    ]
