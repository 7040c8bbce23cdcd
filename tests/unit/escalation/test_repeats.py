"""Repeats at the top: each has twice the time, up to a bound, and they end with the alarm."""

from dataclasses import replace

import pytest

from common.contracts.escalations import EscalationUnanswered, PageRequested
from common.contracts.event import OPERATIONS
from escalation.domain.duty.schedules import DutySchedule, Rotation
from escalation.domain.settings.ladders import Ladder, Level, NamedPerson, PersonOnDuty
from unit.escalation.action_examples import resolve_with_refund, settings_with
from unit.escalation.contact_harness import ContactHarness
from unit.escalation.examples import DAN, KIM, MIA, SAM, START
from unit.escalation.test_ladders import escalated

DAY_S = 24 * 3600


def ladder(top_repeats: int = 8, longest_repeat_s: float = 3600, within_s: float = 10) -> Ladder:
    return Ladder(
        levels=(Level("director", within_s, (NamedPerson("person", DAN),)),),
        lease_s=20,
        working_lease_s=60,
        top_repeats=top_repeats,
        longest_repeat_s=longest_repeat_s,
    )


def paged_at(harness: ContactHarness) -> list[float]:
    """Return when people were paged, in seconds."""
    return [
        (page.occurred_at - START).total_seconds()
        for page in harness.events(PageRequested)
        if page.person_id != OPERATIONS and page.reason != "lease_ending"
    ]


def test_time_doubles_up_to_the_bound() -> None:
    harness = escalated(settings_with(ladder(longest_repeat_s=50)))
    harness.advance_to(300)
    assert paged_at(harness) == [0, 10, 30, 70, 120, 170, 220, 270]


def test_repeats_end_and_the_alarm_stands() -> None:
    harness = escalated(settings_with(ladder(top_repeats=3)))
    harness.advance_to(30 * DAY_S)
    assert paged_at(harness) == [0, 10, 30, 70]
    assert len(harness.events(EscalationUnanswered)) == 3
    assert harness.pages().count((OPERATIONS, "unanswered")) == 1
    escalation = harness.open_escalation
    assert escalation.alarm_since is not None
    assert escalation.awaited == (DAN,)
    harness.press(DAN)
    assert harness.open_escalation.holder == DAN


def test_ladder_without_repeats_has_the_alarm_at_once() -> None:
    harness = escalated(settings_with(ladder(top_repeats=0)))
    harness.advance_to(DAY_S)
    assert harness.pages() == [(DAN, "raised"), (OPERATIONS, "unanswered")]


def test_bound_shorter_than_the_level_does_not_shorten_it() -> None:
    harness = escalated(settings_with(ladder(longest_repeat_s=1)))
    harness.advance_to(30)
    assert paged_at(harness) == [0, 10, 20, 30]


def test_acknowledgement_starts_the_count_again() -> None:
    harness = escalated(settings_with(ladder(top_repeats=2)))
    harness.advance_to(1000)
    harness.press(DAN)
    harness.advance_to(1000 + 20)
    harness.advance_to(1000 + 20 + 20)
    assert paged_at(harness) == [0, 10, 30, 1020, 1040]


def test_person_who_comes_on_duty_after_the_last_repeat_is_asked_as_often() -> None:
    shifts = DutySchedule((Rotation("UTC", START, 2000, (SAM, KIM)),))
    top = Level("night", 10, (PersonOnDuty("duty", "supervisors"), NamedPerson("person", DAN)))
    rules = replace(ladder(top_repeats=2, longest_repeat_s=100), levels=(top,))
    harness = escalated(settings_with(rules, shifts))
    harness.advance_to(1999)
    assert {person for person, _ in harness.pages()} == {SAM, DAN, OPERATIONS}
    assert len(harness.pages()) == 2 * 3 + 1
    harness.advance_to(2100)
    assert harness.pages()[7] == (KIM, "repeated")
    assert harness.pages().count((KIM, "repeated")) == 3


def test_approval_that_nobody_decides_is_asked_as_often() -> None:
    levels = (
        Level("supervisors", 5, (PersonOnDuty("duty", "supervisors"),)),
        Level("managers", 10, (NamedPerson("person", MIA),)),
    )
    harness = escalated(settings_with(replace(ladder(top_repeats=3), levels=levels)))
    harness.press(SAM)
    resolve_with_refund(harness, SAM, 500)
    harness.advance_to(DAY_S)
    assert paged_at(harness)[1:] == [0, 10, 30, 70]
    assert harness.pages().count((OPERATIONS, "unanswered")) == 1


@pytest.mark.parametrize("within_s", [0.1, 60, 3600])
def test_unanswered_escalation_costs_a_bounded_number_of_pages(within_s: float) -> None:
    harness = escalated(settings_with(ladder(within_s=within_s)))
    harness.advance_to(365 * DAY_S if within_s > 1 else DAY_S)
    assert len(harness.pages()) == 1 + 8 + 1
