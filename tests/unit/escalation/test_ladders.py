"""Whom each level asks, in which order, how often, and what happens when nobody answers."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from msgspec import structs

from common.contracts.assignments import AssignmentReleased
from common.contracts.escalations import (
    EscalationAcknowledged,
    EscalationClimbed,
    EscalationRaised,
    EscalationUnanswered,
    PageRequested,
    Severity,
)
from common.contracts.event import OPERATIONS, PersonId, TeamId
from escalation.domain import reactions
from escalation.domain.duty.calendars import Calendar
from escalation.domain.duty.windows import Absence
from escalation.domain.settings.ladders import (
    Ladder,
    Level,
    NamedPerson,
    PersonOnDuty,
    ReportingLine,
    ResponderRule,
    TeamSupervisors,
)
from escalation.domain.settings.people import Person, PersonAbsences, Team
from escalation.domain.settings.registry import Configuration, Versioned
from unit.escalation.contact_harness import ContactHarness
from unit.escalation.examples import (
    CONTACT,
    DAN,
    KIM,
    MIA,
    POLICY,
    RITA,
    SAM,
    SETTINGS,
    START,
    contact_received,
)

STAFF = {
    RITA: Person(reports_to=SAM),
    SAM: Person(reports_to=MIA),
    KIM: Person(reports_to=MIA),
    MIA: Person(),
}
TEAM = Team(supervisors=(SAM, KIM))
TOP = Level("director", 7, (NamedPerson("person", DAN),))


def first(*who: ResponderRule, **how: Any) -> Level:
    return Level("first", 5, who, **how)


def settings(
    *levels: Level,
    absent: Mapping[PersonId, Absence] | None = None,
    calendars: Mapping[str, Calendar] | None = None,
) -> Configuration:
    ladder = Ladder(levels, lease_s=20, working_lease_s=60)
    return replace(
        SETTINGS,
        ladders={"default": Versioned("default", 4, ladder)},
        people={name: Versioned(name, 1, person) for name, person in STAFF.items()},
        absences_by_person={
            name: Versioned(name, 1, PersonAbsences((absence,)))
            for name, absence in (absent or {}).items()
        },
        teams={"t": Versioned("t", 1, TEAM)},
        calendars={
            name: Versioned(name, 1, calendar) for name, calendar in (calendars or {}).items()
        },
    )


def away(person: PersonId, until: float) -> dict[PersonId, Absence]:
    return {
        person: Absence(from_=START - timedelta(days=1), until=START + timedelta(seconds=until))
    }


def escalated(settings: Configuration) -> ContactHarness:
    """Return a contact of rita whose customer has just asked for a supervisor."""
    harness = ContactHarness(settings)
    harness.receive()
    harness.assign()
    harness.reply()
    harness.ask_for_supervisor()
    return harness


@pytest.mark.parametrize(
    ("who", "people"),
    [
        (ReportingLine("reporting_line", 1), [SAM]),
        (ReportingLine("reporting_line", 2), [MIA]),
        (TeamSupervisors("team_supervisors"), [SAM, KIM]),
        (TeamSupervisors("team_supervisors", "t"), [SAM, KIM]),
        (PersonOnDuty("duty", "supervisors"), [SAM]),
        (NamedPerson("person", MIA), [MIA]),
    ],
)
def test_responder_rule_yields_its_people(who: ResponderRule, people: list[PersonId]) -> None:
    harness = escalated(settings(first(who), TOP))
    assert harness.pages() == [(person, "raised") for person in people]


def test_person_of_several_rules_is_paged_once() -> None:
    who = (PersonOnDuty("duty", "supervisors"), TeamSupervisors("team_supervisors"))
    assert escalated(settings(first(*who), TOP)).pages() == [(SAM, "raised"), (KIM, "raised")]


@pytest.mark.parametrize(
    ("who", "why"),
    [
        (ReportingLine("reporting_line", 3), "first: mia has no superior"),
        (TeamSupervisors("team_supervisors", "none"), "first: team none is not known"),
    ],
)
def test_vacant_rule_skips_level_with_reason(who: ResponderRule, why: str) -> None:
    harness = escalated(settings(first(who), TOP))
    assert harness.event(EscalationClimbed).reason == why
    assert harness.pages() == [(DAN, "raised")]


def test_contact_without_representative_has_no_line_and_no_team() -> None:
    line, team = ReportingLine("reporting_line", 1), TeamSupervisors("team_supervisors")
    harness = ContactHarness(settings(first(line, team), TOP))
    harness.receive()
    harness.ask_for_supervisor()
    assert harness.event(EscalationClimbed).reason == (
        "first: no representative yet; first: no team yet"
    )
    codes = [vacancy.code for vacancy in harness.event(EscalationClimbed).vacancies]
    assert codes == ["no-representative", "no-team"]


@pytest.mark.parametrize("is_assigned_first", [False, True])
def test_supervisors_of_the_team_that_the_channel_says_are_asked_until_somebody_has_it(
    is_assigned_first: bool,
) -> None:
    harness = ContactHarness(settings(first(TeamSupervisors("team_supervisors")), TOP))
    care = Versioned("care", 1, Team(supervisors=(MIA,)))
    harness.settings = replace(harness.settings, teams={**harness.settings.teams, "care": care})
    if is_assigned_first:
        harness.assign()
    harness.send(structs.replace(contact_received(START), team=TeamId("care")))
    assert harness.contact.team_id == ("t" if is_assigned_first else "care")

    harness.ask_for_supervisor()

    supervisors = [SAM, KIM] if is_assigned_first else [MIA]
    assert harness.pages() == [(person, "raised") for person in supervisors]
    harness.assign()
    assert harness.contact.team_id == "t"


def test_team_without_supervisors_hides_the_contact_from_nobody() -> None:
    harness = ContactHarness(settings(first(TeamSupervisors("team_supervisors")), TOP))
    harness.send(structs.replace(contact_received(START), team=TeamId("nosuch")))

    assert harness.contact.team_id is None


def test_released_contact_keeps_its_team() -> None:
    harness = ContactHarness(settings(first(TeamSupervisors("team_supervisors")), TOP))
    harness.receive()
    harness.assign()
    release = AssignmentReleased(
        contact_id=CONTACT,
        occurred_at=harness.at,
        representative_id=RITA,
        kind="returned",
        reason="shift over",
    )
    harness.apply(lambda situation: reactions.record_release(situation, release))
    harness.ask_for_supervisor()
    assert harness.pages() == [(SAM, "raised"), (KIM, "raised")]


@pytest.mark.parametrize(
    ("who", "why"),
    [
        (ReportingLine("reporting_line", 1), "first: sam is absent"),
        (NamedPerson("person", SAM), "first: sam is absent"),
        (PersonOnDuty("duty", "supervisors"), "nobody on duty at first"),
    ],
)
def test_absent_person_is_left_out_of_every_rule(who: ResponderRule, why: str) -> None:
    harness = escalated(settings(first(who), TOP, absent=away(SAM, 100)))
    assert harness.event(EscalationClimbed).reason == why
    back = escalated(settings(first(who), TOP, absent=away(SAM, 0)))
    assert back.pages() == [(SAM, "raised")]


def test_other_team_supervisors_are_paged_while_one_is_absent() -> None:
    team = first(TeamSupervisors("team_supervisors"))
    assert escalated(settings(team, TOP, absent=away(SAM, 100))).pages() == [(KIM, "raised")]
    nobody = {**away(SAM, 100), **away(KIM, 100)}
    harness = escalated(settings(team, TOP, absent=nobody))
    assert harness.event(EscalationClimbed).reason == "first: all absent (sam, kim)"


def test_responders_are_looked_up_when_level_is_reached() -> None:
    """Sam comes back from leave while his level is not yet asked."""
    second = replace(first(NamedPerson("person", SAM)), name="second")
    harness = escalated(
        settings(first(NamedPerson("person", KIM)), second, TOP, absent=away(SAM, 3))
    )
    harness.advance_to(5)
    assert harness.pages() == [(KIM, "raised"), (SAM, "climbed")]


def test_people_paged_in_turn_have_the_whole_time_each() -> None:
    level = first(TeamSupervisors("team_supervisors"), ask="in_turn")
    harness = escalated(settings(level, TOP))
    assert harness.pages() == [(SAM, "raised")]
    harness.advance_to(4.9)
    assert len(harness.pages()) == 1
    harness.advance_to(5)
    assert harness.pages()[1:] == [(KIM, "repeated")]
    assert harness.last_page.explanation == "no answer from sam"
    assert harness.events(PageRequested)[-1].respond_by == START + timedelta(seconds=10)
    assert harness.events(EscalationClimbed) == []
    harness.advance_to(10)
    assert harness.event(EscalationClimbed).reason == "no answer from sam, kim"
    assert harness.pages()[2:] == [(DAN, "climbed")]


def test_person_paged_earlier_in_turn_may_still_answer() -> None:
    harness = escalated(settings(first(TeamSupervisors("team_supervisors"), ask="in_turn"), TOP))
    harness.advance_to(6)
    harness.press(SAM)
    assert harness.event(EscalationAcknowledged).by == SAM


def test_level_is_repeated_as_often_as_it_says_before_it_climbs() -> None:
    harness = escalated(settings(first(NamedPerson("person", SAM), repeats=2), TOP))
    harness.advance_to(14.9)
    assert harness.pages() == [(SAM, "raised"), (SAM, "repeated"), (SAM, "repeated")]
    harness.advance_to(15)
    assert harness.pages()[3:] == [(DAN, "climbed")]
    pages = harness.events(PageRequested)
    assert len({page.page_id for page in pages}) == len(pages)


def test_level_in_turn_is_repeated_as_a_whole() -> None:
    level = first(TeamSupervisors("team_supervisors"), ask="in_turn", repeats=1)
    harness = escalated(settings(level, TOP))
    harness.advance_to(19.9)
    assert [person for person, _ in harness.pages()] == [SAM, KIM, SAM, KIM]
    harness.advance_to(20)
    assert harness.pages()[-1] == (DAN, "climbed")


def test_top_level_is_paged_with_its_repeats_every_time() -> None:
    top = replace(TOP, repeats=1)
    harness = escalated(settings(first(NamedPerson("person", SAM)), top))
    harness.advance_to(5 + 2 * 7 + 2 * 14)
    assert len(harness.events(EscalationUnanswered)) == 2
    assert [page for page in harness.pages() if page[0] == DAN] == [
        (DAN, "climbed"),
        *[(DAN, "repeated")] * 4,
    ]


def test_time_to_answer_counts_in_business_time_of_calendar() -> None:
    day = (("08:00", "09:01"),)
    calendar = Calendar("UTC", {"mon": day, "tue": day})
    level = first(NamedPerson("person", SAM), calendar_id="office")
    level = replace(level, acknowledge_within_s=120)
    harness = escalated(settings(level, TOP, calendars={"office": calendar}))
    minute_into_tuesday = START + timedelta(hours=23, seconds=60)
    assert harness.event(PageRequested).respond_by == minute_into_tuesday
    harness.advance_to((minute_into_tuesday - START).total_seconds())
    assert harness.pages()[-1] == (DAN, "climbed")


def test_page_uses_media_of_level() -> None:
    top = replace(TOP, media=("email",))
    harness = escalated(settings(first(NamedPerson("person", SAM), media=("slack",)), top))
    harness.advance_to(12)
    media = {page.person_id: page.media for page in harness.events(PageRequested)}
    assert media == {SAM: ("slack",), DAN: ("email",), OPERATIONS: None}
    anyhow = escalated(settings(TOP))
    assert anyhow.event(PageRequested).media is None


def test_open_escalation_keeps_its_ladder() -> None:
    harness = escalated(settings(first(NamedPerson("person", SAM)), TOP))
    harness.settings = settings(
        first(NamedPerson("person", KIM)), replace(TOP, who=(NamedPerson("person", MIA),))
    )
    harness.advance_to(5)
    assert harness.pages() == [(SAM, "raised"), (DAN, "climbed")]


def test_alarm_stands_until_answer_and_pages_operations_once() -> None:
    harness = escalated(settings(first(NamedPerson("person", SAM)), TOP))
    harness.advance_to(5 + 7 + 14 + 28)
    alarms = harness.events(EscalationUnanswered)
    assert [alarm.standing_since for alarm in alarms] == [START + timedelta(seconds=12)] * 3
    assert harness.pages().count((OPERATIONS, "unanswered")) == 1
    assert harness.escalation is not None
    assert harness.escalation.alarm_since == START + timedelta(seconds=12)
    harness.press(DAN)
    assert harness.escalation.alarm_since is None


def test_next_alarm_pages_operations_again() -> None:
    harness = escalated(settings(TOP))
    harness.advance_to(7)
    harness.press(DAN)
    harness.advance_to(7 + 20)
    assert [event.standing_since for event in harness.events(EscalationUnanswered)] == [
        START + timedelta(seconds=7),
        START + timedelta(seconds=27),
    ]
    pages = [page.page_id for page in harness.events(PageRequested) if page.person_id == OPERATIONS]
    assert len(pages) == len(set(pages)) == 2


def test_escalation_without_people_pages_operations_at_once() -> None:
    harness = escalated(settings(first(NamedPerson("person", SAM)), absent=away(SAM, 3)))
    assert harness.pages() == [(OPERATIONS, "unanswered")]
    assert harness.event(PageRequested).explanation == "first: sam is absent"
    assert harness.event(EscalationUnanswered).standing_since == START
    harness.advance_to(5)
    assert harness.pages()[1:] == [(SAM, "raised")]
    harness.advance_to(10)
    assert harness.events(EscalationUnanswered)[-1].standing_since == START
    assert harness.pages().count((OPERATIONS, "unanswered")) == 1


def test_severity_selects_ladder() -> None:
    base = settings(first(NamedPerson("person", SAM)), TOP)
    grave = Ladder((first(NamedPerson("person", MIA)),), lease_s=20, working_lease_s=60)
    cases: tuple[tuple[Severity, PersonId], ...] = (("high", MIA), ("low", SAM))
    for severity, person in cases:
        policy = replace(POLICY, severity=severity, ladder_by_severity={"high": "grave"})
        harness = escalated(
            replace(
                base,
                ladders={**base.ladders, "grave": Versioned("grave", 1, grave)},
                policies={"gold": Versioned("gold", 1, policy)},
            )
        )
        assert harness.pages() == [(person, "raised")]
        assert harness.event(EscalationRaised).ladder_id == (
            "grave" if person == MIA else "default"
        )
