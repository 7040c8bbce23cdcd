"""Who is asked in place of people who are absent, and what the stand-in may do."""

from dataclasses import replace
from datetime import timedelta
from typing import Final

import pytest

from common.contracts.escalations import (
    EscalationAcknowledged,
    EscalationClimbed,
    EscalationHandedOver,
    EscalationResolved,
    PageRequested,
)
from common.contracts.event import PersonId
from common.contracts.page_subjects import PagedAbsence
from common.contracts.people import Position
from escalation.domain import errors
from escalation.domain.duty.rosters import on_duty
from escalation.domain.duty.schedules import Rotation
from escalation.domain.duty.shifts import Shift, gaps, shifts
from escalation.domain.duty.stand_ins import acting_for, represented_by
from escalation.domain.duty.windows import ALWAYS, Absence, Absences
from escalation.domain.escalations import actions, approvals
from escalation.domain.ladder_preview import preview
from escalation.domain.settings.ladders import (
    Ladder,
    Level,
    NamedPerson,
    PersonOnDuty,
    ResponderRule,
    TeamSupervisors,
)
from escalation.domain.settings.people import Person, PersonAbsences, Team
from escalation.domain.settings.registry import Configuration, Versioned
from escalation.domain.settings.validation import invalid_absences, missing_people
from unit.escalation.action_examples import resolve_with_refund
from unit.escalation.contact_harness import ContactHarness
from unit.escalation.duty_examples import roster_of
from unit.escalation.examples import DAN, KIM, MIA, RITA, SAM, SETTINGS, START

DAY: Final = timedelta(days=1)
BACK: Final = START + DAY
LEE: Final = PersonId("lee")
TOP: Final = Level("director", 7, (NamedPerson("person", DAN),))
RULES: Final = (
    NamedPerson("person", SAM),
    PersonOnDuty("duty", "supervisors"),
    TeamSupervisors("team_supervisors", "t"),
)


def absent(stand_in: PersonId | None = None) -> tuple[Absence, ...]:
    return (Absence(START - DAY, BACK, stand_in),)


def settings(
    absences: Absences, *who: ResponderRule, roles: dict[PersonId, Person] | None = None
) -> Configuration:
    levels = (Level("first", 5, who or (NamedPerson("person", SAM),)), TOP)
    ladder = Ladder(levels, lease_s=20, working_lease_s=60)
    staff = {SAM: Person(), KIM: Person(), MIA: Person(), LEE: Person(), **(roles or {})}
    return replace(
        SETTINGS,
        ladders={"default": Versioned("default", 4, ladder)},
        people={name: Versioned(name, 1, person) for name, person in staff.items()},
        absences_by_person={
            name: Versioned(name, 1, PersonAbsences(tuple(each))) for name, each in absences.items()
        },
        teams={"t": Versioned("t", 1, Team(supervisors=(SAM,)))},
    )


def escalated(configuration: Configuration) -> ContactHarness:
    harness = ContactHarness(configuration)
    harness.receive()
    harness.assign()
    harness.reply()
    harness.ask_for_supervisor()
    return harness


@pytest.mark.parametrize(
    ("absences", "person"),
    [
        ({}, SAM),
        ({SAM: absent()}, None),
        ({SAM: absent(KIM)}, KIM),
        ({SAM: absent(KIM), KIM: absent(MIA)}, MIA),
        # A ring, and a way that ends with somebody who is absent or has left.
        ({SAM: absent(KIM), KIM: absent(SAM)}, SAM),
        ({SAM: absent(KIM), KIM: absent(MIA), MIA: absent(KIM)}, SAM),
        ({SAM: absent(KIM), KIM: absent()}, SAM),
        ({SAM: absent(KIM), KIM: (ALWAYS,)}, SAM),
        ({SAM: (ALWAYS,)}, None),
        # Of two absences at once the one with a stand-in counts.
        ({SAM: (*absent(), *absent(KIM))}, KIM),
    ],
)
def test_stand_ins_are_followed_and_nobody_is_lost(
    absences: Absences, person: PersonId | None
) -> None:
    assert acting_for(SAM, START, absences) == person
    assert acting_for(SAM, BACK, absences) == (None if absences.get(SAM) == (ALWAYS,) else SAM)


def test_person_stands_in_for_all_whose_stand_ins_lead_there() -> None:
    absences = {SAM: absent(KIM), KIM: absent(MIA), LEE: absent(MIA)}
    assert set(represented_by(MIA, START, absences)) == {SAM, KIM, LEE}
    assert represented_by(MIA, BACK, absences) == ()


@pytest.mark.parametrize("rule", RULES)
def test_page_of_every_rule_goes_to_the_stand_in_and_says_for_whom(rule: ResponderRule) -> None:
    harness = escalated(settings({SAM: absent(KIM)}, rule))
    assert harness.pages() == [(KIM, "raised")]
    page = harness.event(PageRequested)
    assert page.absence == PagedAbsence(person_id=SAM, until=BACK)
    assert page.on_duty == isinstance(rule, PersonOnDuty)
    harness.press(KIM)
    assert harness.event(EscalationAcknowledged).by == KIM


def test_page_is_the_own_again_once_the_absence_is_over() -> None:
    harness = escalated(settings({SAM: (Absence(START - DAY, START, KIM),)}))
    assert harness.pages() == [(SAM, "raised")]
    assert harness.event(PageRequested).absence is None


def test_person_for_whom_nobody_can_stand_in_is_paged_after_all() -> None:
    harness = escalated(settings({SAM: absent(KIM), KIM: absent(SAM)}))
    assert harness.pages() == [(SAM, "raised")]
    assert harness.event(PageRequested).absence == PagedAbsence(person_id=SAM, until=BACK)


def test_person_who_is_asked_in_the_own_right_too_is_paged_once_in_it() -> None:
    who = (NamedPerson("person", SAM), NamedPerson("person", KIM))
    harness = escalated(settings({SAM: absent(KIM)}, *who))
    assert harness.pages() == [(KIM, "raised")]
    assert harness.event(PageRequested).absence is None


def test_hand_over_to_who_is_away_goes_to_the_stand_in(acknowledged: ContactHarness) -> None:
    acknowledged.settings = replace(
        acknowledged.settings,
        absences_by_person={"mia": Versioned("mia", 1, PersonAbsences(absent(KIM)))},
    )
    acknowledged.act(SAM, actions.hand_over, to=MIA, context="you know her")
    assert acknowledged.event(EscalationHandedOver).to == KIM
    assert acknowledged.pages()[-1] == (KIM, "handed_over")
    page = acknowledged.events(PageRequested)[-1]
    assert page.absence == PagedAbsence(person_id=MIA, until=BACK)


def test_coaching_is_asked_of_the_stand_in_of_the_superior(acknowledged: ContactHarness) -> None:
    acknowledged.settings = replace(
        acknowledged.settings,
        people={"rita": Versioned("rita", 1, Person(reports_to=MIA))},
        absences_by_person={"mia": Versioned("mia", 1, PersonAbsences(absent(KIM)))},
    )
    acknowledged.act(SAM, actions.request_coaching, person_id=RITA, text="Say sorry.")
    page = acknowledged.events(PageRequested)[-1]
    assert (page.person_id, page.reason) == (KIM, "coaching")
    assert page.absence == PagedAbsence(person_id=MIA, until=BACK)


def test_stand_in_of_the_accused_is_not_asked_in_their_place() -> None:
    harness = ContactHarness(settings({SAM: absent(KIM)}))
    harness.receive()
    harness.assign()
    harness.complain(about=SAM)
    assert harness.pages() == [(DAN, "raised")]
    assert [each.code for each in harness.event(EscalationClimbed).vacancies] == ["complaint-about"]


def test_stand_in_is_on_duty_and_leaves_no_gap() -> None:
    roster = roster_of(Rotation("UTC", START - 7 * DAY, DAY.total_seconds(), (SAM,)))
    leaves, returns = START + DAY, START + 2 * DAY
    absences = {
        SAM: (Absence(leaves, returns, KIM),),
        KIM: (Absence(leaves + DAY / 2, returns, MIA),),
    }
    assert on_duty(roster, leaves, absences) == (KIM,)
    assert shifts(roster, START, START + 3 * DAY, absences) == [
        Shift(SAM, START, leaves),
        Shift(KIM, leaves, leaves + DAY / 2),
        Shift(MIA, leaves + DAY / 2, returns),
        Shift(SAM, returns, START + 3 * DAY),
    ]
    assert gaps(roster, START, START + 3 * DAY, absences) == []


def test_preview_says_who_stands_in_and_who_is_absent() -> None:
    configuration = settings({SAM: absent(KIM)})
    first = preview(configuration, configuration.ladders["default"].body, START)[0]
    assert [(each.person_id, each.stands_in) for each in first.people] == [(KIM, True)]
    assert [(each.code, each.people) for each in first.vacancies] == [("absent", (SAM,))]


@pytest.mark.parametrize(
    ("role", "may_approve"), [("manager", True), ("director", True), ("supervisor", False)]
)
def test_stand_in_may_approve_what_the_absent_person_may(
    acknowledged: ContactHarness, role: Position, *, may_approve: bool
) -> None:
    resolve_with_refund(acknowledged, SAM, 500)
    person = Person(roles=(role,))
    acknowledged.settings = replace(
        acknowledged.settings,
        people={**acknowledged.settings.people, MIA: Versioned("mia", 1, person)},
        absences_by_person={"mia": Versioned("mia", 1, PersonAbsences(absent(KIM)))},
    )
    if may_approve:
        acknowledged.act(KIM, approvals.approve, role="supervisor")
        assert acknowledged.event(EscalationResolved).approved_by == KIM
    else:
        with pytest.raises(errors.ForbiddenError, match="It takes a role"):
            acknowledged.act(KIM, approvals.approve, role="supervisor")


def test_nobody_approves_the_own_request_as_a_stand_in(acknowledged: ContactHarness) -> None:
    acknowledged.settings = replace(
        acknowledged.settings,
        absences_by_person={"mia": Versioned("mia", 1, PersonAbsences(absent(SAM)))},
    )
    resolve_with_refund(acknowledged, SAM, 500)
    assert (SAM, "approval_asked") not in acknowledged.pages()
    with pytest.raises(errors.ForbiddenError, match="somebody else must approve"):
        acknowledged.act(SAM, approvals.approve, role="supervisor")


def test_stand_in_must_be_somebody_else_who_works_here_and_may_act() -> None:
    configuration = settings(
        {}, roles={RITA: Person(roles=("representative",)), LEE: Person(active=False)}
    )
    body = PersonAbsences((*absent(SAM), *absent(RITA), *absent(KIM), *absent(LEE)))
    wrong = [(each.place, each.code) for each in invalid_absences(configuration, SAM, body, START)]
    assert wrong == [
        ("absences/0/stand_in", "same-person"),
        ("absences/1/stand_in", "stand-in-cannot-act"),
    ]
    assert list(missing_people(configuration, SAM, body)) == [("absences/3/stand_in", LEE)]


def test_new_absence_is_not_over_but_earlier_ones_stay() -> None:
    body = PersonAbsences(absent())
    (wrong,) = invalid_absences(settings({}), SAM, body, BACK)
    assert (wrong.place, wrong.code) == ("absences/0/until", "in-the-past")
    assert list(invalid_absences(settings({SAM: absent()}), SAM, body, BACK)) == []
