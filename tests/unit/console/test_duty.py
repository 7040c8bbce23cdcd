"""Duty shows who is there now, who comes this week, and when nobody does."""

from dataclasses import replace
from typing import Any, get_args

import pytest

from common.contracts.vacancies import VacancyCode
from console.views.duty import DutyData, DutyView, PersonNow, Schedule, ScheduleData, duty_view
from console.views.reader import Reader
from unit.console.answers import ahead, reader
from unit.console.floor_answers import (
    change_request,
    ladder,
    level,
    override,
    period,
    person_asked,
    shift,
    vacancy,
)


def view(
    *,
    ladders: tuple[dict[str, Any], ...] = (),
    on_duty: tuple[str, ...] = ("sara",),
    shifts: tuple[dict[str, Any], ...] = (),
    gaps: tuple[dict[str, Any], ...] = (),
    requests: tuple[dict[str, Any], ...] = (),
    changes: tuple[dict[str, Any], ...] = (),
    by: Reader | None = None,
) -> DutyView:
    schedule = ScheduleData("support", on_duty, shifts, gaps, requests, changes)
    return duty_view(DutyData(ladders, (schedule,)), (), by or reader())


def schedule_of(shown: DutyView) -> Schedule:
    (schedule,) = shown.schedules
    return schedule


def test_level_says_who_is_asked_now() -> None:
    people = person_asked("sara"), person_asked("sam", on_duty_until=None, media=[])
    shown = view(
        ladders=(ladder(level(*people), level(vacancies=[vacancy("absent", people=["dora"])])),)
    )
    first, second = shown.ladders[0].levels
    assert first.people == (PersonNow("you", "12:12", True), PersonNow("Sam Stone", None, False))
    assert first.time_to_answer == "5 min"
    assert (second.people, second.vacancies) == ((), ("Away: Dora Diaz.",))


@pytest.mark.parametrize("code", get_args(VacancyCode))
def test_every_reason_why_a_level_asks_nobody_has_words(code: VacancyCode) -> None:
    why = vacancy(code, people=["sam"], setting_id="support")
    shown = view(ladders=(ladder(level(vacancies=[why])),), by=reader(language="de"))
    english = view(ladders=(ladder(level(vacancies=[why])),))
    assert shown.ladders[0].levels[0].vacancies != english.ladders[0].levels[0].vacancies


def test_week_lists_shifts_by_the_day_on_which_they_begin() -> None:
    # It is Monday, 10:12.
    shown = view(shifts=(shift("sara", -2, 6), shift("sam", 4, 24), shift("sara", 28, 8)))
    days = schedule_of(shown).days
    assert [day.title for day in days] == ["Today", "Tomorrow"]
    assert [(each.person, each.hours) for each in days[0].shifts] == [
        ("you", "10:12\u201314:12"),
        ("Sam Stone", "14:12\u2013Mar 3 14:12"),
    ]
    assert [each.is_now for each in days[0].shifts] == [True, False]
    assert [each.hours for each in days[1].shifts] == ["14:12\u201322:12"]


def test_day_with_a_gap_is_named_though_nobody_has_a_shift() -> None:
    shown = view(gaps=(period(49, 4),))
    (day,) = schedule_of(shown).days
    assert day.title == "Wed, Mar 4"
    (gap,) = shown.gaps
    assert day.gaps == (gap,)
    assert (gap.day, gap.hours) == ("Wed, Mar 4", "11:12\u201315:12")
    assert gap.fill_url == (
        "/duty/support/override?from=2026-03-04T11%3A12&until=2026-03-04T15%3A12"
    )


def test_shift_that_goes_on_after_the_week_has_no_end() -> None:
    (day,) = schedule_of(view(shifts=(shift("sara", -24, 24 + 7 * 24),))).days
    assert [each.hours for each in day.shifts] == ["from 10:12"]


def test_schedule_with_a_gap_is_first_and_then_those_of_the_reader() -> None:
    schedules = (
        ScheduleData("a", ("sam",), (shift("sam", 0, 8),), (), ()),
        ScheduleData("b", ("sara",), (shift("sara", 0, 8),), (), ()),
        ScheduleData("c", ("sam",), (shift("sam", 0, 8),), (period(9, 1),), ()),
    )
    shown = duty_view(DutyData((), schedules), (), reader())
    assert [schedule.schedule_id for schedule in shown.schedules] == ["c", "b", "a"]


def test_nobody_on_duty_is_said() -> None:
    schedule = schedule_of(view(on_duty=()))
    assert (schedule.now, schedule.is_empty_now) == ("nobody", True)


def test_only_who_has_turns_may_ask_for_a_swap() -> None:
    mine = view(shifts=(shift("sara", 0, 8), shift("sam", 8, 8)))
    others = view(shifts=(shift("sam", 0, 8), shift("dora", 8, 8)))
    alone = view(shifts=(shift("sara", 0, 8),))
    assert schedule_of(mine).swap_url == "/duty/support/swap"
    assert schedule_of(others).swap_url is None
    assert schedule_of(alone).swap_url is None


def test_request_is_answered_by_who_is_asked_only() -> None:
    shown = view(
        requests=(
            change_request(),
            change_request(request_id="mine", asked_by="sara", person_id="sam"),
            change_request(request_id="theirs", asked_by="dora", person_id="sam"),
        )
    )
    (to_answer,), (waiting,) = shown.to_answer, shown.asked_by_you
    assert to_answer.accept_url == (
        "/duty/support/requests/019cae10-0a10-7d55-b0f1-5e2c8a9b4c66/accept"
    )
    assert (waiting.accept_url, waiting.refuse_url) == (None, None)
    assert waiting.withdraw_url == "/duty/support/requests/mine/withdraw"
    others = (to_answer, *shown.asked_of_others)
    assert [change.withdraw_url for change in others] == [None, None]
    assert to_answer.period == "Mar 5 10:12 \u2013 Mar 6 10:12"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "Sam Stone and Sara Singh swap their turns (Support)"),
        (
            {"removes": True},
            "Sam Stone and Sara Singh take their own turns again (Support)",
        ),
        ({"change": override()}, "Sam Stone is on duty (Support)"),
        (
            {"change": override(instead_of="dora")},
            "Sam Stone is on duty instead of Dora Diaz (Support)",
        ),
        (
            {"change": override(), "removes": True},
            "Sam Stone is no longer on duty instead of others (Support)",
        ),
    ],
)
def test_request_says_what_would_change(changes: dict[str, Any], text: str) -> None:
    (change,) = view(requests=(change_request(**changes),)).to_answer
    assert change.text == text


def test_request_says_until_when_it_may_be_answered() -> None:
    (change,) = view(requests=(change_request(expires_at=ahead(hours=1)),)).to_answer
    assert change.expires == "11:12"


def test_changes_in_force_are_listed_with_who_may_take_them_back() -> None:
    swap = {"swap_id": "s1", "first": "sam", "second": "dora"}
    changes = (
        {**override(person_id="sara"), "override_id": "o1"},
        {**swap, "from": ahead(days=3), "until": ahead(days=4)},
    )
    own, others = schedule_of(view(changes=changes)).changes
    assert own.text == "Sara Singh is on duty (Support)"
    assert own.withdraw_url == "/duty/support/changes/overrides/o1/withdraw"
    assert others.text == "Sam Stone and Dora Diaz swap their turns (Support)"
    assert others.withdraw_url is None
    superior = replace(reader(), people_below=frozenset(("sam", "dora")))
    for who in (superior, replace(reader(), role="manager")):
        _, others = schedule_of(view(changes=changes, by=who)).changes
        assert others.withdraw_url == "/duty/support/changes/swaps/s1/withdraw"


def test_planning_is_offered_to_who_may_plan() -> None:
    shifts = (shift("sam", 1, 8),)
    stranger = schedule_of(view(shifts=shifts))
    assert stranger.override_url is None
    superior = replace(reader(), people_below=frozenset(("sam",)))
    for who in (superior, replace(reader(), role="manager")):
        assert schedule_of(view(shifts=shifts, by=who)).override_url == "/duty/support/override"
    assert schedule_of(view(shifts=(shift("sara", 1, 8),))).override_url is not None
    gap = view(shifts=shifts, gaps=(period(9, 4),)).gaps[0]
    assert gap.fill_url.startswith("/duty/support/override?"), "anybody may fill a gap"


def test_requests_between_colleagues_are_listed_with_who_must_answer() -> None:
    own, others = change_request(), change_request(asked_by="dora", person_id="sam")
    shown = view(requests=(own, others))
    (change,) = shown.asked_of_others
    assert (change.by, change.colleague) == ("Dora Diaz", "Sam Stone")
    assert len(shown.to_answer) == 1
