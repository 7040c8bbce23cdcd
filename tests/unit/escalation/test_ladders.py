"""Whom each level asks, in which order, how often, and what happens when nobody answers."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from common.contracts.assignments import AssignmentReleased
from common.contracts.escalations import (
    EscalationAcknowledged,
    EscalationClimbed,
    EscalationRaised,
    EscalationUnanswered,
    PageRequested,
    Severity,
)
from common.contracts.event import PersonId
from escalation.domain import reactions
from escalation.domain.duty.calendars import Calendar
from escalation.domain.duty.schedules import Absence
from escalation.domain.settings.ladders import (
    Ladder,
    Level,
    Named,
    OnDuty,
    ReportingLine,
    TeamSupervisors,
    Who,
)
from escalation.domain.settings.people import Person, Team
from escalation.domain.settings.registry import Configuration, Versioned
from escalation.domain.types import OPERATIONS
from unit.escalation.desk import CONTACT, DAN, MIA, POLICY, RITA, SAM, SETTINGS, START, Desk

KIM = PersonId("kim")
STAFF = {
    RITA: Person(reports_to=SAM),
    SAM: Person(reports_to=MIA),
    KIM: Person(reports_to=MIA),
    MIA: Person(),
}
TEAM = Team(supervisors=(SAM, KIM))
TOP = Level("director", 7, (Named("person", DAN),))


def first(*who: Who, **how: Any) -> Level:
    return Level("first", 5, who, **how)


def settings(
    *levels: Level,
    staff: Mapping[PersonId, Person] = STAFF,
    calendars: Mapping[str, Calendar] | None = None,
) -> Configuration:
    ladder = Ladder(levels, lease_s=20, working_lease_s=60)
    return replace(
        SETTINGS,
        ladders={"default": Versioned("default", 4, ladder)},
        people={name: Versioned(name, 1, person) for name, person in staff.items()},
        teams={"t": Versioned("t", 1, TEAM)},
        calendars={name: Versioned(name, 1, one) for name, one in (calendars or {}).items()},
    )


def away(person: PersonId, until: float) -> dict[PersonId, Person]:
    absence = Absence(from_=START - timedelta(days=1), until=START + timedelta(seconds=until))
    return {**STAFF, person: replace(STAFF[person], absences=(absence,))}


def asked(settings: Configuration) -> Desk:
    """Return a desk at which the customer of one of rita's contacts has just asked for a boss."""
    desk = Desk(settings)
    desk.receive()
    desk.assign()
    desk.reply()
    desk.ask_for_supervisor()
    return desk


@pytest.mark.parametrize(
    ("who", "people"),
    [
        (ReportingLine("reporting_line", 1), [SAM]),
        (ReportingLine("reporting_line", 2), [MIA]),
        (TeamSupervisors("team_supervisors"), [SAM, KIM]),
        (TeamSupervisors("team_supervisors", "t"), [SAM, KIM]),
        (OnDuty("duty", "supervisors"), [SAM]),
        (Named("person", MIA), [MIA]),
    ],
)
def test_each_kind_of_entry_means_people(who: Who, people: list[PersonId]) -> None:
    desk = asked(settings(first(who), TOP))
    assert desk.paged() == [(person, "raised") for person in people]


def test_whoever_several_entries_mean_is_asked_once() -> None:
    who = (OnDuty("duty", "supervisors"), TeamSupervisors("team_supervisors"))
    assert asked(settings(first(*who), TOP)).paged() == [(SAM, "raised"), (KIM, "raised")]


@pytest.mark.parametrize(
    ("who", "why"),
    [
        (ReportingLine("reporting_line", 3), "first: mia has no superior"),
        (TeamSupervisors("team_supervisors", "none"), "first: team none is not known"),
    ],
)
def test_an_empty_level_is_skipped_at_once_and_says_why(who: Who, why: str) -> None:
    desk = asked(settings(first(who), TOP))
    assert desk.the(EscalationClimbed).reason == why
    assert desk.paged() == [(DAN, "raised")]


def test_without_a_representative_there_is_no_line_and_no_team() -> None:
    line, team = ReportingLine("reporting_line", 1), TeamSupervisors("team_supervisors")
    desk = Desk(settings(first(line, team), TOP))
    desk.receive()
    desk.ask_for_supervisor()
    assert desk.the(EscalationClimbed).reason == (
        "first: no representative yet; first: no team yet"
    )


def test_a_released_contact_keeps_its_team() -> None:
    desk = Desk(settings(first(TeamSupervisors("team_supervisors")), TOP))
    desk.receive()
    desk.assign()
    release = AssignmentReleased(
        contact_id=CONTACT,
        occurred_at=desk.at,
        representative_id=RITA,
        kind="returned",
        reason="shift over",
    )
    desk.do(lambda situation: reactions.released(situation, release))
    desk.ask_for_supervisor()
    assert desk.paged() == [(SAM, "raised"), (KIM, "raised")]


@pytest.mark.parametrize(
    ("who", "why"),
    [
        (ReportingLine("reporting_line", 1), "first: sam is absent"),
        (Named("person", SAM), "first: sam is absent"),
        (OnDuty("duty", "supervisors"), "nobody on duty at first"),
    ],
)
def test_who_is_absent_is_left_out_of_every_kind(who: Who, why: str) -> None:
    desk = asked(settings(first(who), TOP, staff=away(SAM, 100)))
    assert desk.the(EscalationClimbed).reason == why
    back = asked(settings(first(who), TOP, staff=away(SAM, 0)))
    assert back.paged() == [(SAM, "raised")]


def test_the_others_of_a_team_are_asked_while_one_is_absent() -> None:
    team = first(TeamSupervisors("team_supervisors"))
    assert asked(settings(team, TOP, staff=away(SAM, 100))).paged() == [(KIM, "raised")]
    nobody = {**away(SAM, 100), KIM: replace(STAFF[KIM], absences=away(SAM, 100)[SAM].absences)}
    desk = asked(settings(team, TOP, staff=nobody))
    assert desk.the(EscalationClimbed).reason == "first: all absent (sam, kim)"


def test_people_are_found_when_their_level_is_reached() -> None:
    """Sam comes back from leave while his level is not yet asked."""
    second = replace(first(Named("person", SAM)), name="second")
    desk = asked(settings(first(Named("person", KIM)), second, TOP, staff=away(SAM, 3)))
    desk.wait_until(5)
    assert desk.paged() == [(KIM, "raised"), (SAM, "climbed")]


def test_in_turn_each_has_the_whole_time_before_it_climbs() -> None:
    level = first(TeamSupervisors("team_supervisors"), ask="in_turn")
    desk = asked(settings(level, TOP))
    assert desk.paged() == [(SAM, "raised")]
    desk.wait_until(4.9)
    assert len(desk.paged()) == 1
    desk.wait_until(5)
    assert desk.paged()[1:] == [(KIM, "repeated")]
    assert desk.all(PageRequested)[-1].why.startswith("No answer from sam.")
    assert desk.all(PageRequested)[-1].respond_by == START + timedelta(seconds=10)
    assert desk.all(EscalationClimbed) == []
    desk.wait_until(10)
    assert desk.the(EscalationClimbed).reason == "no answer from sam, kim"
    assert desk.paged()[2:] == [(DAN, "climbed")]


def test_who_was_asked_before_in_turn_may_still_answer() -> None:
    desk = asked(settings(first(TeamSupervisors("team_supervisors"), ask="in_turn"), TOP))
    desk.wait_until(6)
    desk.press(SAM)
    assert desk.the(EscalationAcknowledged).by == SAM


def test_a_level_is_repeated_as_often_as_it_says_before_it_climbs() -> None:
    desk = asked(settings(first(Named("person", SAM), repeats=2), TOP))
    desk.wait_until(14.9)
    assert desk.paged() == [(SAM, "raised"), (SAM, "repeated"), (SAM, "repeated")]
    desk.wait_until(15)
    assert desk.paged()[3:] == [(DAN, "climbed")]
    pages = desk.all(PageRequested)
    assert len({page.page_id for page in pages}) == len(pages)


def test_in_turn_and_repeated_goes_round_again() -> None:
    level = first(TeamSupervisors("team_supervisors"), ask="in_turn", repeats=1)
    desk = asked(settings(level, TOP))
    desk.wait_until(19.9)
    assert [person for person, _ in desk.paged()] == [SAM, KIM, SAM, KIM]
    desk.wait_until(20)
    assert desk.paged()[-1] == (DAN, "climbed")


def test_the_top_is_gone_through_with_its_repeats_every_time() -> None:
    top = replace(TOP, repeats=1)
    desk = asked(settings(first(Named("person", SAM)), top))
    desk.wait_until(5 + 4 * 7)
    assert len(desk.all(EscalationUnanswered)) == 2
    assert [page for page in desk.paged() if page[0] == DAN] == [
        (DAN, "climbed"),
        *[(DAN, "repeated")] * 4,
    ]


def test_the_time_to_answer_counts_in_business_time_where_a_calendar_is_named() -> None:
    day = (("08:00", "09:01"),)
    calendar = Calendar("UTC", {"mon": day, "tue": day})
    level = first(Named("person", SAM), calendar_id="office")
    level = replace(level, acknowledge_within_s=120)
    desk = asked(settings(level, TOP, calendars={"office": calendar}))
    minute_into_tuesday = START + timedelta(hours=23, seconds=60)
    assert desk.the(PageRequested).respond_by == minute_into_tuesday
    desk.wait_until((minute_into_tuesday - START).total_seconds())
    assert desk.paged()[-1] == (DAN, "climbed")


def test_a_level_says_on_which_media_it_is_told() -> None:
    top = replace(TOP, media=("email",))
    desk = asked(settings(first(Named("person", SAM), media=("slack",)), top))
    desk.wait_until(12)
    media = {page.person_id: page.media for page in desk.all(PageRequested)}
    assert media == {SAM: ("slack",), DAN: ("email",), OPERATIONS: None}
    anyhow = asked(settings(TOP))
    assert anyhow.the(PageRequested).media is None


def test_an_open_escalation_keeps_its_ladder() -> None:
    desk = asked(settings(first(Named("person", SAM)), TOP))
    desk.settings = settings(first(Named("person", KIM)), replace(TOP, who=(Named("person", MIA),)))
    desk.wait_until(5)
    assert desk.paged() == [(SAM, "raised"), (DAN, "climbed")]


def test_an_alarm_stands_until_somebody_answers_and_operations_are_told_once() -> None:
    desk = asked(settings(first(Named("person", SAM)), TOP))
    desk.wait_until(5 + 3 * 7)
    told = desk.all(EscalationUnanswered)
    assert [one.standing_since for one in told] == [START + timedelta(seconds=12)] * 3
    assert desk.paged().count((OPERATIONS, "unanswered")) == 1
    assert desk.escalation is not None
    assert desk.escalation.alarm_since == START + timedelta(seconds=12)
    desk.press(DAN)
    assert desk.escalation.alarm_since is None


def test_the_next_alarm_is_told_again() -> None:
    desk = asked(settings(TOP))
    desk.wait_until(7)
    desk.press(DAN)
    desk.wait_until(7 + 20)
    assert [one.standing_since for one in desk.all(EscalationUnanswered)] == [
        START + timedelta(seconds=7),
        START + timedelta(seconds=27),
    ]
    pages = [page.page_id for page in desk.all(PageRequested) if page.person_id == OPERATIONS]
    assert len(pages) == len(set(pages)) == 2


def test_with_nobody_anywhere_operations_are_told_at_once() -> None:
    desk = asked(settings(first(Named("person", SAM)), staff=away(SAM, 3)))
    assert desk.paged() == [(OPERATIONS, "unanswered")]
    assert "First: sam is absent." in desk.the(PageRequested).why
    assert desk.the(EscalationUnanswered).standing_since == START
    desk.wait_until(5)
    assert desk.paged()[1:] == [(SAM, "raised")]
    desk.wait_until(10)
    assert desk.all(EscalationUnanswered)[-1].standing_since == START
    assert desk.paged().count((OPERATIONS, "unanswered")) == 1


def test_severity_decides_the_ladder() -> None:
    base = settings(first(Named("person", SAM)), TOP)
    grave = Ladder((first(Named("person", MIA)),), lease_s=20, working_lease_s=60)
    cases: tuple[tuple[Severity, PersonId], ...] = (("high", MIA), ("low", SAM))
    for severity, person in cases:
        policy = replace(POLICY, severity=severity, ladder_by_severity={"high": "grave"})
        desk = asked(
            replace(
                base,
                ladders={**base.ladders, "grave": Versioned("grave", 1, grave)},
                policies={"gold": Versioned("gold", 1, policy)},
            )
        )
        assert desk.paged() == [(person, "raised")]
        assert desk.the(EscalationRaised).ladder_id == ("grave" if person == MIA else "default")
