"""Floor shows which customers wait longest, and who can take more."""

from collections.abc import Sequence
from typing import Any

import pytest

from console.views.floor import FloorData, FloorView, PersonRow, floor_view, queue_name
from console.views.floor_person import Refused, floor_person_view
from unit.console.answers import CONTACT_ID, ahead, reader
from unit.console.floor_answers import assignment, queue, representative

Answers = Sequence[dict[str, Any]] | None


def view(
    queues: Answers = (),
    people: Answers = (),
    *,
    team: str | None = None,
    language: str = "en",
) -> FloorView:
    data = FloorData(queues, people)
    return floor_view(data, team, (), reader(language=language))


def people_in(shown: FloorView, group: str) -> list[str]:
    assert shown.groups is not None
    (people,) = [each for each in shown.groups if each.group == group]
    return [row.name for row in people.rows]


def row_of(person: dict[str, Any]) -> PersonRow:
    groups = view(people=[person]).groups
    assert groups is not None
    (row,) = [row for group in groups for row in group.rows]
    return row


def counters(shown: FloorView) -> dict[str, int | str | None]:
    return {counter.label: counter.value for counter in shown.counters}


def test_queue_with_the_longest_wait_is_first() -> None:
    shown = view(
        [
            queue("billing/en"),
            queue("returns/en", waiting=1, oldest_waiting_s=5.0),
            queue("billing/es", waiting=4, oldest_waiting_s=95.0),
        ]
    )
    assert shown.busy_queues is not None
    assert [row.name for row in shown.busy_queues] == ["billing, Spanish", "returns, English"]
    assert [row.oldest for row in shown.busy_queues] == ["1 min 35 s", "5 s"]
    assert [row.oldest_tone for row in shown.busy_queues] == ["soon", "calm"]
    assert [row.name for row in shown.idle_queues] == ["billing, English"]


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({}, None),
        ({"waiting": 1, "oldest_waiting_s": 1.0}, None),
        ({"served": False}, "Nobody has this skill and language."),
        (
            {"waiting": 1, "oldest_waiting_s": 1.0, "available_representatives": 0},
            "Nobody who serves it is available.",
        ),
        (
            {"waiting": 1, "oldest_waiting_s": 1.0, "free_slots": 0},
            "Everybody who serves it is full.",
        ),
        (
            {"stands_in_for": ["billing/fi", "returns/fi"]},
            "Also for billing, Finnish, returns, Finnish, which nobody serves.",
        ),
    ],
)
def test_note_says_what_is_wrong_with_a_queue(changes: dict[str, Any], note: str | None) -> None:
    shown = view([queue(**changes)])
    (row,) = (*(shown.busy_queues or ()), *shown.idle_queues)
    assert row.note == note


def test_queue_says_how_many_wait_for_one_team_only() -> None:
    teams = [
        {"team_id": team, "waiting": waiting, "available_representatives": 0, "free_slots": 0}
        for team, waiting in (("care", 0), ("key-accounts", 1), ("vip", 2))
    ]
    shown = view([queue(waiting=4, oldest_waiting_s=5.0, teams=teams), queue("returns/en")])
    assert shown.busy_queues is not None
    assert [row.for_teams for row in (*shown.busy_queues, *shown.idle_queues)] == [
        "For one team only: key-accounts 1, vip 2",
        None,
    ]


@pytest.mark.parametrize(
    ("name", "language", "text"),
    [
        ("billing/pt-BR", "en", "billing, Portuguese (Brazil)"),
        ("billing/es", "de", "billing, Spanisch"),
        ("a/b/en", "en", "a/b, English"),
        ("billing/und", "en", "billing, language not known"),
        ("billing/no language", "en", "billing, no language"),
    ],
)
def test_queue_is_named_by_topic_and_language(name: str, language: str, text: str) -> None:
    assert queue_name(name, reader(language=language)) == text


def test_people_are_grouped_by_who_can_take_more() -> None:
    shown = view(
        people=[
            representative("rita"),
            representative("ines", free_slots=3, load=0),
            representative("bruno", free_slots=0, load=3),
            representative("chen", presence="away", free_slots=0),
            representative("omar", presence="offline", free_slots=0),
            representative("paula", active=False),
        ]
    )
    assert people_in(shown, "free") == ["Ines", "Rita"]
    assert people_in(shown, "full") == ["Bruno"]
    assert people_in(shown, "away") == ["Chen"]
    assert people_in(shown, "offline") == ["Omar"]


def test_person_shows_presence_load_and_longest_contact() -> None:
    row = row_of(
        representative(
            presence="away",
            presence_reason="lunch",
            presence_since=ahead(minutes=-3),
            longest_contact={"contact_id": CONTACT_ID, "since": ahead(minutes=-12)},
            missed_offers=2,
        )
    )
    assert (row.presence_text, row.since, row.reason) == ("away", "3 min", "lunch")
    assert (row.load, row.capacity) == (1, 3)
    assert (row.longest, row.missed_today) == ("12 min", 2)
    assert row_of(representative()).longest is None


def test_presence_that_has_just_begun_is_no_negative_time() -> None:
    assert row_of(representative(presence_since=ahead(seconds=2))).since == "0 s"


def test_team_narrows_the_people_and_the_counters() -> None:
    people = [representative("rita"), representative("omar", team_id="orders", free_slots=3)]
    shown = view(people=people, team="orders")
    assert people_in(shown, "free") == ["Omar"]
    assert counters(shown)["free places"] == "3"
    assert shown.teams == ("care", "orders")


def test_counters_sum_up_the_floor() -> None:
    shown = view(
        [queue(waiting=2, oldest_waiting_s=70.0), queue("x/en", waiting=1, oldest_waiting_s=3.0)],
        [representative(), representative("chen", presence="away", free_slots=0)],
    )
    assert counters(shown) == {
        "customers wait": "3",
        "longest wait": "1 min 10 s",
        "free places": "2",
        "people available": "1",
        "people away": "1",
    }


def test_part_that_is_missing_is_named_and_has_no_numbers() -> None:
    shown = floor_view(FloorData(None, None), None, ["router"], reader())
    assert shown.missing == ("Queues and people",)
    assert set(counters(shown).values()) == {None}
    assert (shown.busy_queues, shown.idle_queues, shown.groups) == (None, (), None)


def test_person_page_lists_contacts_that_may_go_back() -> None:
    offer = assignment(state="offered", contact_id="other", since=ahead(minutes=-1))
    shown = floor_person_view(
        representative(), [offer, assignment()], {CONTACT_ID: "Charged twice"}, reader()
    )
    first, second = shown.contacts
    assert (first.subject, first.since, first.may_release) == ("Charged twice", "6 min", True)
    assert first.release_url == f"/floor/rita/contacts/{CONTACT_ID}/release"
    assert (second.subject, second.may_release) == ("", False)


def test_person_page_names_what_does_not_answer() -> None:
    shown = floor_person_view(representative(), (), {}, reader(), missing=("intake",))
    assert shown.missing == ("Contacts and conversations",)


def test_refused_form_keeps_what_was_chosen() -> None:
    refused = Refused("presence", 422, "It is too long.", {"presence": "away", "reason": "x"})
    shown = floor_person_view(representative(), [], {}, reader(), refused=refused)
    assert [choice.value for choice in shown.presences if choice.is_chosen] == ["away"]
