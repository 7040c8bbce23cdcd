"""Who reports to whom, and how much each role may grant."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from common.contracts.event import PersonId, Role, TeamId
from escalation.domain.duty.schedules import DutySchedule, Rotation
from escalation.domain.settings.ladders import (
    Ladder,
    Level,
    NamedPerson,
    PersonOnDuty,
    ReportingLine,
    TeamSupervisors,
)
from escalation.domain.settings.people import (
    ApprovalLimit,
    Person,
    PersonAbsences,
    Team,
    reporting_line,
)
from escalation.domain.settings.policies import SlaPolicy, Target
from escalation.domain.settings.registry import Configuration, Versioned
from escalation.domain.settings.validation import (
    missing_people,
    undefined_references,
    validate_setting,
)
from unit.escalation.examples import DAN, KIM, MIA, RITA, SAM, START

STAFF = {
    RITA: Person(reports_to=SAM, roles=("representative",)),
    SAM: Person(reports_to=MIA, roles=("supervisor",)),
    MIA: Person(reports_to=DAN, roles=("manager",)),
    DAN: Person(roles=("director",)),
}


def organised(
    staff: Mapping[PersonId, Person] = STAFF,
    teams: Mapping[str, Team] | None = None,
    limits: Mapping[str, ApprovalLimit] | None = None,
) -> Configuration:
    return Configuration(
        people={name: Versioned(name, 1, body) for name, body in staff.items()},
        teams={name: Versioned(name, 1, body) for name, body in (teams or {}).items()},
        limits={name: Versioned(name, 1, body) for name, body in (limits or {}).items()},
    )


def test_reporting_line_goes_up_to_the_top() -> None:
    assert reporting_line(STAFF, RITA) == [SAM, MIA, DAN]
    assert reporting_line(STAFF, DAN) == []


def test_ladder_must_end_in_a_person() -> None:
    first = Level("first", 5, (NamedPerson("person", SAM),))
    for who in (TeamSupervisors("team_supervisors"), ReportingLine("reporting_line", 2)):
        ladder = Ladder((first, Level("last", 5, (who,))), 20, 60)
        (error,) = validate_setting(organised(), "default", ladder)
        assert error[:2] == ("levels/1/who", "The last level must name a person.")
        ended = Ladder((Level("last", 5, (who, NamedPerson("person", MIA))),), 20, 60)
        assert list(validate_setting(organised(), "default", ended)) == []


def test_references_of_ladder_and_policy_must_exist() -> None:
    who = (
        PersonOnDuty("duty", "night"),
        TeamSupervisors("team_supervisors", "care"),
        NamedPerson("person", MIA),
    )
    ladder = Ladder((Level("first", 5, who, calendar_id="berlin"),), 20, 60)
    assert list(undefined_references(organised(), ladder)) == [
        ("levels/0/calendar_id", "calendar berlin", "berlin"),
        ("levels/0/who/0/schedule_id", "duty schedule night", "night"),
        ("levels/0/who/1/team_id", "team care", "care"),
    ]
    policy = SlaPolicy(
        (Target("resolution", 60),), "default", "low", ladder_by_severity={"critical": "fast"}
    )
    assert list(undefined_references(organised(), policy)) == [
        ("ladder_id", "ladder default", "default"),
        ("ladder_by_severity/critical", "ladder fast", "fast"),
    ]


def test_people_who_are_unknown_or_have_left_are_refused_by_name() -> None:
    """A shift, a page or a team is never given to somebody who is not there."""
    lea, max_ = PersonId("lea"), PersonId("max")
    staff = organised({**STAFF, lea: Person(active=False)})
    rotation = Rotation("UTC", START, 86400, (SAM, lea, max_))
    schedule = DutySchedule((rotation,))
    ladder = Ladder((Level("first", 5, (NamedPerson("person", lea),)),), 20, 60)
    assert list(missing_people(staff, "sups", schedule)) == [
        ("rotations/0/members/1", lea),
        ("rotations/0/members/2", max_),
    ]
    assert list(missing_people(staff, "front", ladder)) == [("levels/0/who/0/person_id", lea)]
    assert list(missing_people(staff, "front", Team((MIA, max_)))) == [("supervisors/1", max_)]
    assert [error.detail for error in validate_setting(staff, "front", Team((lea, max_)))] == [
        "lea has left.",
        (
            "There is no person max yet: put that person in router first, with PUT /v1/people/max."
            " It takes a moment until this service hears of it."
        ),
    ]
    away = PersonAbsences(())
    assert list(validate_setting(staff, "sam", away)) == []
    assert [error.place for error in validate_setting(staff, "max", away)] == ["absences"]


def test_supervisors_of_a_team_without_a_setting_are_those_in_it() -> None:
    front = TeamId("front")
    staff = {
        SAM: Person(roles=("supervisor",), team_id=front),
        KIM: Person(roles=("supervisor",), team_id=front, active=False),
        RITA: Person(roles=("representative",), team_id=front),
        MIA: Person(roles=("supervisor",), team_id=TeamId("back")),
    }
    assert organised(staff).supervisors_of("front") == (SAM,)
    assert organised(staff, {"front": Team((MIA,))}).supervisors_of("front") == (MIA,)
    assert organised(staff).supervisors_of("none") == ()


NONE: Mapping[str, ApprovalLimit] = {}
SUPERVISORS = {"supervisor": ApprovalLimit({"EUR": Decimal(100)})}
MANAGERS = {"manager": ApprovalLimit({"EUR": Decimal(1000)})}


UNLIMITED = {"manager": ApprovalLimit(unlimited=True)}


@pytest.mark.parametrize(
    ("limits", "role", "currency", "limit"),
    [
        (NONE, "supervisor", "EUR", Decimal(0)),
        (NONE, "manager", "EUR", Decimal(0)),
        (NONE, "representative", "EUR", Decimal(0)),
        (NONE, "channel", "EUR", Decimal(0)),
        (SUPERVISORS, "supervisor", "EUR", Decimal(100)),
        (SUPERVISORS, "supervisor", "USD", Decimal(0)),
        (SUPERVISORS, "manager", "EUR", Decimal(0)),
        (MANAGERS, "supervisor", "EUR", Decimal(0)),
        (SUPERVISORS | MANAGERS, "manager", "EUR", Decimal(1000)),
        (UNLIMITED, "manager", "EUR", None),
        (UNLIMITED, "supervisor", "EUR", Decimal(0)),
        (SUPERVISORS | MANAGERS, "admin", "USD", None),
    ],
)
def test_role_may_grant_up_to_its_limit(
    limits: Mapping[str, ApprovalLimit], role: Role, currency: str, limit: Decimal | None
) -> None:
    """Only a setting that says so, or an admin, has no limit."""
    own = organised(limits=limits).limit_for(role)
    assert (None if own is None else own.limits.get(currency, 0)) == limit


@pytest.mark.parametrize(
    ("kind", "body", "place"),
    [
        (Team, {"supervisors": []}, ("supervisors",)),
        (Team, {"supervisors": ["a b"]}, ("supervisors", 0)),
        (
            PersonAbsences,
            {"absences": [{"from": "2026-03-02T00:00:00Z", "until": "2026-03-01T00:00:00Z"}]},
            ("absences", 0),
        ),
        (ApprovalLimit, {"limits": {"euro": 1}}, ("limits", "euro", "[key]")),
        (ApprovalLimit, {"limits": {"EUR": -1}}, ("limits", "EUR")),
        (ApprovalLimit, {"limits": {"EUR": "NaN"}}, ("limits", "EUR")),
        (ApprovalLimit, {"limits": {"ABC": 1}}, ("limits", "ABC", "[key]")),
        (ApprovalLimit, {"limits": {"XAU": 1}}, ("limits", "XAU", "[key]")),
        (ApprovalLimit, {"limits": {"JPY": "0.5"}}, ()),
        (ApprovalLimit, {"limits": {"KWD": "0.0005"}}, ()),
        (ApprovalLimit, {"per_customer": {"EUR": "1e13"}}, ("per_customer", "EUR")),
        (ApprovalLimit, {"window_days": 0}, ("window_days",)),
        (ApprovalLimit, {"limits": {"EUR": 1}, "unlimited": True}, ()),
    ],
)
def test_invalid_values_are_refused_with_their_place(
    kind: type[Any], body: dict[str, Any], place: tuple[object, ...]
) -> None:
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(kind).validate_python(body)
    assert refused.value.errors()[0]["loc"] == place


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"repeats": 11}, ("levels", 0, "repeats")),
        ({"ask": "loudly"}, ("levels", 0, "ask")),
        ({"media": []}, ("levels", 0, "media")),
        (
            {"who": [{"kind": "reporting_line", "steps": 0}]},
            ("levels", 0, "who", 0, "reporting_line", "steps"),
        ),
    ],
)
def test_invalid_level_is_refused(change: dict[str, Any], place: tuple[object, ...]) -> None:
    level = {
        "name": "first",
        "acknowledge_within_s": 5,
        "who": [{"kind": "person", "person_id": "mia"}],
    }
    ladder = {"levels": [level | change], "lease_s": 20, "working_lease_s": 60}
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(Ladder).validate_python(ladder)
    assert refused.value.errors()[0]["loc"] == place


def test_ladder_without_named_person_can_be_read() -> None:
    level = {
        "name": "first",
        "acknowledge_within_s": 5,
        "who": [{"kind": "duty", "schedule_id": "night"}],
    }
    stored = {"levels": [level], "lease_s": 20, "working_lease_s": 60}
    ladder = TypeAdapter(Ladder).validate_python(stored)
    assert (ladder.levels[0].ask, ladder.levels[0].repeats, ladder.snoozes) == ("all", 0, 2)
