"""Who was on duty is answered the same for ever, and a change counts from its moment."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from common.contracts.event import PersonId
from escalation.domain.duty.changes import add_change, remove_change
from escalation.domain.duty.rosters import DutyChanges, Roster, on_duty
from escalation.domain.duty.schedules import DutySchedule, Rotation
from escalation.domain.duty.versions import date_version, next_hand_over
from escalation.domain.duty.windows import Absence, Override, Swap
from escalation.domain.duty_history import DutyHistory, history_of
from escalation.domain.errors import InvalidChangeError, InvalidSettingError
from escalation.domain.settings.people import Person, PersonAbsences, absences_of

PEOPLE = [PersonId(name) for name in ("sam", "kim", "lee", "ada")]
SAM, KIM, LEE, ADA = PEOPLE
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
# Berlin changes its clocks on the second night.
START = datetime(2026, 3, 28, tzinfo=UTC)
people = st.sampled_from(PEOPLE)
offsets = st.integers(-30, 120).map(lambda hours: hours * HOUR)
lengths = st.integers(1, 100).map(lambda hours: hours * HOUR)


def daily(*members: PersonId) -> DutySchedule:
    return DutySchedule((Rotation("UTC", START, 86400, members),))


schedules = st.builds(
    lambda zone, shift_s, starts, members, hours: DutySchedule(
        (Rotation(zone, START + starts, shift_s, tuple(members), hours),)
    ),
    st.sampled_from(("UTC", "Europe/Berlin", "America/New_York")),
    st.sampled_from((3600, 28800, 86400)),
    offsets,
    st.lists(people, min_size=1, max_size=4, unique=True),
    st.none() | st.just({"sat": (("08:00", "16:00"),), "sun": (("00:00", "20:30"),)}),
)


@dataclass
class Settings:
    """What was put, with its moment, as the table of settings has it."""

    versions: tuple[DutySchedule, ...] = ()
    changes: list[tuple[datetime, DutyChanges]] = field(default_factory=list)
    people: list[tuple[datetime, PersonId, Person]] = field(default_factory=list)
    absences_put: list[tuple[datetime, PersonId, PersonAbsences]] = field(default_factory=list)

    @property
    def roster(self) -> Roster:
        return Roster(self.versions, self.changes[-1][1] if self.changes else DutyChanges())

    @property
    def history(self) -> DutyHistory:
        return history_of(self.versions, self.changes, self.people, self.absences_put)

    @property
    def absences(self) -> dict[PersonId, tuple[Absence, ...]]:
        staff = {person_id: person for _, person_id, person in self.people}
        away = {person_id: body for _, person_id, body in self.absences_put}
        return {person: tuple(each) for person, each in absences_of(staff, away).items()}


class DutyOverTime(RuleBasedStateMachine):
    """People change everything at any time; each hour somebody notes who is on duty."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.settings = Settings()
        self.noted: dict[datetime, tuple[PersonId, ...]] = {}

    @initialize(schedule=schedules)
    def put_first(self, schedule: DutySchedule) -> None:
        self.settings.versions = (date_version(None, schedule, self.now),)

    @rule(hours=st.integers(1, 30))
    def wait(self, hours: int) -> None:
        for _ in range(hours):
            self.now += HOUR
            self.noted[self.now] = on_duty(self.settings.roster, self.now, self.settings.absences)
        # What happens next happens within the hour.
        self.now += timedelta(minutes=1)

    @rule(schedule=schedules, begin=st.none() | offsets)
    def put(self, schedule: DutySchedule, begin: timedelta | None) -> None:
        dated = replace(schedule, from_=None if begin is None else self.now + begin)
        try:
            put = date_version(self.settings.roster, dated, self.now)
        except InvalidSettingError:
            assert begin is not None
            assert begin < timedelta(0)
        else:
            if put != self.settings.versions[-1]:
                self.settings.versions += (put,)

    @rule(
        first=people, second=people, start=offsets, length=lengths, kind=st.sampled_from((0, 1, 2))
    )
    def change(
        self, first: PersonId, second: PersonId, start: timedelta, length: timedelta, kind: int
    ) -> None:
        if first == second:
            return
        begin = self.now + start
        changes = (
            Override(first, begin, begin + length),
            Override(first, begin, begin + length, instead_of=second),
            Swap(first, second, begin, begin + length),
        )
        self._try(
            lambda: add_change(
                self.settings.roster, changes[kind], self.now, self.settings.absences
            )
        )

    @rule(number=st.integers(0, 5))
    def take_back(self, number: int) -> None:
        changes = self.settings.roster.changes
        listed: list[Override | Swap] = [*changes.overrides, *changes.swaps]
        if listed:
            change = listed[number % len(listed)]
            self._try(lambda: remove_change(self.settings.roster, change, self.now))

    def _try(self, decide: Callable[[], Roster]) -> None:
        try:
            roster = decide()
        except InvalidChangeError:
            return
        self.settings.changes.append((self.now, roster.changes))

    @rule(
        person=people,
        start=offsets,
        length=lengths,
        active=st.booleans(),
        stand_in=st.none() | people,
    )
    def leave(
        self,
        person: PersonId,
        start: timedelta,
        length: timedelta,
        stand_in: PersonId | None,
        *,
        active: bool,
    ) -> None:
        begin = self.now + start
        away = PersonAbsences((Absence(begin, begin + length, stand_in),))
        self.settings.absences_put.append((self.now, person, away))
        self.settings.people.append((self.now, person, Person(active=active)))

    @invariant()
    def past_stays(self) -> None:
        history = self.settings.history
        for at, duty in self.noted.items():
            assert history.on_duty(at) == duty, at
        if self.noted:
            begin = min(self.noted)
            shifts = history.shifts(begin, self.now + DAY)
            for at, duty in self.noted.items():
                shown = {each.person_id for each in shifts if each.start <= at < each.end}
                assert shown == set(duty), at


TestDutyOverTime = DutyOverTime.TestCase


@given(schedules, schedules, st.integers(0, 200))
def test_change_counts_from_next_hand_over(
    before: DutySchedule, after: DutySchedule, minutes: int
) -> None:
    now = START + minutes * timedelta(minutes=13)
    roster = Roster((date_version(None, before, START),))
    dated = date_version(roster, after, now)
    assert dated.from_ is not None
    changed = Roster((*roster.versions, dated))
    people_now = on_duty(roster, now)
    for n in range(200):
        at = now + n * timedelta(minutes=37)
        if at < dated.from_:
            # Nobody's turn is cut or begun before it.
            assert on_duty(changed, at) == on_duty(roster, at) == people_now
        else:
            assert on_duty(changed, at) == on_duty(Roster((after,)), at)


def test_member_who_is_taken_out_finishes_the_shift() -> None:
    roster = Roster((date_version(None, daily(SAM, KIM), START),))
    now = START + DAY + HOUR
    assert on_duty(roster, now) == (KIM,)
    changed = Roster((*roster.versions, date_version(roster, daily(SAM, LEE), now)))
    assert [on_duty(changed, START + n * DAY + 2 * HOUR) for n in range(4)] == [
        (SAM,),
        (KIM,),
        (SAM,),
        (LEE,),
    ]


def test_hand_over_is_now_where_nobody_ends_a_turn() -> None:
    now = START + 5 * HOUR
    assert next_hand_over(Roster((daily(SAM),)), now) == now
    assert next_hand_over(Roster((daily(SAM, KIM),)), now - DAY) == now - DAY
    assert next_hand_over(Roster((daily(SAM, KIM),)), now) == START + DAY


def test_version_does_not_count_from_the_past() -> None:
    roster = Roster((date_version(None, daily(SAM, KIM), START),))
    now = START + 3 * HOUR
    with pytest.raises(InvalidSettingError, match="past"):
        date_version(roster, replace(daily(LEE), from_=now - HOUR), now)
    with pytest.raises(InvalidSettingError, match="past"):
        date_version(None, replace(daily(LEE), from_=now - HOUR), now)
    # The caller's clock is a little behind.
    slightly = replace(daily(LEE), from_=now - timedelta(seconds=5))
    assert date_version(roster, slightly, now).from_ == now
    later = replace(daily(LEE), from_=now + 5 * DAY)
    assert date_version(roster, later, now) == later


def test_version_that_was_read_can_be_put_again() -> None:
    first = date_version(None, daily(SAM, KIM), START)
    roster, now = Roster((first,)), START + 3 * HOUR
    assert date_version(roster, first, now) == first
    assert date_version(roster, daily(SAM, KIM), now) == first
    changed = replace(first, rotations=daily(SAM, LEE).rotations)
    assert date_version(roster, changed, now) == replace(changed, from_=START + DAY)
