"""Who may change whose shifts, and gaps told ahead."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from common.contracts.event import PersonId
from common.contracts.page_subjects import PagedDutyGap
from escalation.domain.change_requests import DutyPlanner
from escalation.domain.duty.changes import (
    add_change,
    change_id,
    changed_intervals,
    consent_needed,
    remove_change,
)
from escalation.domain.duty.rosters import MAX_CHANGES, DutyChanges, Roster
from escalation.domain.duty.schedules import Rotation
from escalation.domain.duty.shifts import Gap, shifts
from escalation.domain.duty.windows import NO_ABSENCES, Absence, Absences, Override, Swap
from escalation.domain.duty_gaps import GapForecast, UpcomingGap, forecast_gaps
from escalation.domain.errors import InvalidChangeError, NotOwnShiftError
from escalation.domain.settings.people import Person, PersonAbsences
from escalation.domain.settings.registry import Configuration, Versioned
from unit.escalation.duty_examples import roster_of

SAM, KIM, LEE, MIA = (PersonId(name) for name in ("sam", "kim", "lee", "mia"))
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
BEFORE = MONDAY - 20 * DAY
DAILY = roster_of(Rotation("UTC", MONDAY, 86400, (SAM, KIM)))


def test_person_who_has_left_is_on_duty_no_more() -> None:
    left = Configuration(people={SAM: Versioned(SAM, 2, Person(active=False))})
    assert shifts(DAILY, MONDAY, MONDAY + DAY, left.absences) == []


def override(person: PersonId, start: datetime = MONDAY) -> Override:
    return Override(person, start, start + HOUR)


def consent(
    roster: Roster, change: Override | Swap, by: PersonId, absences: Absences = NO_ABSENCES
) -> PersonId | None:
    after = add_change(roster, change, BEFORE, absences)
    return consent_needed(changed_intervals(roster, after, change, absences), by)


def consent_to_removal(roster: Roster, change: Override | Swap, by: PersonId) -> PersonId | None:
    after = remove_change(roster, change, BEFORE)
    return consent_needed(changed_intervals(roster, after, change), by)


def test_own_shift_goes_to_another_person_who_agrees() -> None:
    assert consent(DAILY, override(LEE), SAM) == LEE
    changed = add_change(DAILY, override(LEE), BEFORE)
    assert shifts(changed, MONDAY, MONDAY + HOUR)[0].person_id == LEE


def test_person_fills_a_gap_alone() -> None:
    before = MONDAY - DAY
    assert consent(DAILY, override(LEE, before), LEE) is None
    filled = add_change(DAILY, override(LEE, before), BEFORE)
    assert shifts(filled, before, before + HOUR)[0].person_id == LEE


def test_person_fills_the_gap_of_somebody_absent_alone() -> None:
    away = {SAM: (Absence(MONDAY, MONDAY + HOUR),)}
    assert consent(DAILY, override(LEE), LEE, away) is None
    with pytest.raises(NotOwnShiftError):
        consent(DAILY, Override(LEE, MONDAY, MONDAY + 2 * HOUR), LEE, away)


def test_supervisor_may_take_back_own_turn() -> None:
    changed = add_change(DAILY, override(PersonId("kmi")), BEFORE)
    whole_day = Override(SAM, MONDAY, MONDAY + DAY)
    assert consent(changed, whole_day, SAM) is None
    taken_back = add_change(changed, whole_day, BEFORE)
    assert shifts(taken_back, MONDAY, MONDAY + DAY)[0].person_id == SAM
    with pytest.raises(NotOwnShiftError, match="shifts of kmi"):
        consent(changed, override(KIM), KIM)
    # It is no longer sam's to give away.
    with pytest.raises(NotOwnShiftError, match="kmi"):
        consent(changed, override(LEE), SAM)


def test_swap_takes_no_turn_of_another_alone_where_an_override_keeps_the_own() -> None:
    # Sam fills a gap before the own turn, and holds that turn by the same override.
    kept = add_change(DAILY, Override(SAM, MONDAY - HOUR, MONDAY + DAY), BEFORE)
    swap = Swap(SAM, KIM, MONDAY, MONDAY + 2 * DAY)
    with pytest.raises(NotOwnShiftError, match="shifts of kim"):
        consent(kept, swap, SAM)
    swapped = add_change(kept, swap, BEFORE)
    with pytest.raises(NotOwnShiftError, match="shifts of sam"):
        consent_to_removal(swapped, swap, KIM)


@pytest.mark.parametrize(
    ("change", "by"),
    [
        (override(KIM), KIM),
        (override(LEE), LEE),
        (Override(LEE, MONDAY, MONDAY + 2 * DAY), SAM),
        # A person may fill a gap, but nobody may put another person into it.
        (override(LEE, MONDAY - DAY), SAM),
    ],
)
def test_others_shifts_take_a_manager(change: Override, by: PersonId) -> None:
    with pytest.raises(NotOwnShiftError, match="takes the role manager"):
        consent(DAILY, change, by)
    changed = add_change(DAILY, change, BEFORE)
    effects = changed_intervals(DAILY, changed, change)
    assert DutyPlanner(MIA, "manager").consent_needed(effects, {}) is None
    assert changed.changes.overrides == (change,)


def test_swap_takes_the_other_persons_consent_or_a_manager() -> None:
    swap = Swap(SAM, KIM, MONDAY, MONDAY + 2 * DAY)
    assert consent(DAILY, swap, KIM) == SAM
    assert consent(DAILY, swap, SAM) == KIM
    with pytest.raises(NotOwnShiftError, match="kim and sam"):
        consent(DAILY, swap, LEE)


def test_change_is_taken_back_by_whose_turn_it_is_or_with_their_consent() -> None:
    lent = add_change(DAILY, override(LEE), BEFORE)
    assert consent_to_removal(lent, override(LEE), SAM) is None
    assert consent_to_removal(lent, override(LEE), LEE) == SAM
    with pytest.raises(NotOwnShiftError):
        consent_to_removal(lent, override(LEE), KIM)
    swap = Swap(SAM, KIM, MONDAY, MONDAY + 2 * DAY)
    swapped = add_change(DAILY, swap, BEFORE)
    assert consent_to_removal(swapped, swap, KIM) == SAM
    assert remove_change(swapped, swap, BEFORE) == DAILY


def test_supervisor_changes_shifts_of_people_who_report_to_them() -> None:
    swap = Swap(SAM, KIM, MONDAY, MONDAY + 2 * DAY)
    effects = changed_intervals(DAILY, add_change(DAILY, swap, BEFORE), swap)
    staff = {SAM: Person(reports_to=LEE), KIM: Person(reports_to=LEE), LEE: Person()}
    assert DutyPlanner(LEE, "supervisor").consent_needed(effects, staff) is None
    of_sam_only = {**staff, KIM: Person()}
    with pytest.raises(NotOwnShiftError):
        DutyPlanner(LEE, "supervisor").consent_needed(effects, of_sam_only)


def test_swap_takes_two_people_who_have_turns_in_that_time() -> None:
    for swap in (Swap(SAM, KIM, MONDAY, MONDAY + HOUR), Swap(SAM, LEE, MONDAY, MONDAY + 2 * DAY)):
        with pytest.raises(InvalidChangeError, match="has no turn in that time"):
            add_change(DAILY, swap, BEFORE)


def test_change_without_effect_is_refused_but_repetition_is_not() -> None:
    with pytest.raises(InvalidChangeError):
        add_change(DAILY, override(SAM), BEFORE)
    changed = add_change(DAILY, override(LEE), BEFORE)
    assert add_change(changed, override(LEE), BEFORE) == changed


@pytest.mark.parametrize("change", [override(LEE), Swap(SAM, KIM, MONDAY, MONDAY + 2 * DAY)])
def test_repetition_of_a_change_that_has_begun_changes_nothing(change: Override | Swap) -> None:
    changed = add_change(DAILY, change, BEFORE)
    assert add_change(changed, change, MONDAY + HOUR / 2) == changed


def test_number_of_changes_is_limited_and_old_ones_do_not_count() -> None:
    many = tuple(override(LEE, MONDAY + n * HOUR) for n in range(1, MAX_CHANGES + 1))
    full = replace(DAILY, changes=DutyChanges(many))
    with pytest.raises(InvalidChangeError, match="delete some"):
        add_change(full, override(LEE), BEFORE)
    much_later = MONDAY + 90 * DAY
    changed = add_change(full, override(LEE, much_later), much_later)
    assert changed.changes.overrides == (override(LEE, much_later),)


def test_change_of_the_past_is_refused_and_one_that_has_begun_counts_from_now() -> None:
    for change in (override(LEE), Swap(SAM, KIM, MONDAY, MONDAY + 2 * DAY)):
        with pytest.raises(InvalidChangeError, match="past"):
            add_change(DAILY, change, change.until)
    half_past = MONDAY + HOUR / 2
    changed = add_change(DAILY, override(LEE), half_past)
    assert changed.changes.overrides == (Override(LEE, half_past, MONDAY + HOUR),)


def test_past_of_a_change_stays_when_it_is_taken_back() -> None:
    half_past = MONDAY + HOUR / 2
    lent = add_change(DAILY, override(LEE), BEFORE)
    rest = Override(LEE, MONDAY, half_past)
    assert remove_change(lent, override(LEE), half_past).changes.overrides == (rest,)
    with pytest.raises(InvalidChangeError, match="over"):
        remove_change(lent, override(LEE), MONDAY + HOUR)
    assert change_id("sups", rest) != change_id("sups", override(LEE))
    assert change_id("sups", rest) != change_id("others", rest)


@pytest.mark.parametrize(
    ("change", "absent"),
    [
        (Override(LEE, MONDAY, MONDAY + DAY), LEE),
        (Override(LEE, MONDAY - DAY, MONDAY + 2 * DAY, instead_of=SAM), LEE),
        (Swap(SAM, KIM, MONDAY, MONDAY + 2 * DAY), KIM),
    ],
)
def test_shift_is_not_given_to_somebody_absent(change: Override | Swap, absent: PersonId) -> None:
    away = {absent: (Absence(MONDAY + 2 * HOUR, MONDAY + 3 * HOUR),)}
    with pytest.raises(
        InvalidChangeError, match=f"{absent} is absent from Mon 2026-03-02 02:00 to 03:00 UTC"
    ):
        add_change(DAILY, change, BEFORE, away)
    before = {absent: (Absence(MONDAY - DAY, MONDAY - HOUR),)}
    cover = replace(change, from_=MONDAY)
    assert add_change(DAILY, cover, BEFORE, before) != DAILY


def forecast(roster: Roster, at: datetime, absences: Absences) -> GapForecast:
    return forecast_gaps("sups", roster, absences, at)


def upcoming_gaps(roster: Roster, at: datetime, absences: Absences) -> Sequence[UpcomingGap]:
    return forecast(roster, at, absences).gaps


def test_gap_is_announced_a_week_and_a_day_ahead() -> None:
    start = MONDAY + 10 * DAY
    away: Absences = {SAM: (Absence(start, start + 6 * HOUR),)}
    assert upcoming_gaps(DAILY, MONDAY, away) == []
    looks = [upcoming_gaps(DAILY, MONDAY + n * HOUR, away) for n in range(73, 10 * 24 + 6)]
    assert all(len(look) == 1 for look in looks)
    different = {look[0].key: look[0] for look in looks}
    assert [(gap.ahead, gap.gap, gap.absent) for gap in different.values()] == [
        ("week", Gap(start, start + 6 * HOUR), (SAM,)),
        ("day", Gap(start, start + 6 * HOUR), (SAM,)),
    ]


def test_uncovered_time_counts_rest_of_week() -> None:
    start = MONDAY + 6 * DAY
    away: Absences = {SAM: (Absence(start, start + 9 * DAY),)}
    for at, expected in ((MONDAY, DAY), (start, 4 * DAY), (start + HOUR, 4 * DAY - HOUR)):
        assert forecast(DAILY, at, away).uncovered == expected


def test_forecast_is_valid_while_schedule_and_absences_stay() -> None:
    sick = (Absence(MONDAY, MONDAY + DAY),)
    schedule = Versioned("sups", 1, DAILY.versions[0])
    sam = Versioned("sam", 1, PersonAbsences(sick))
    now = Configuration(schedules={"sups": schedule}, absences_by_person={"sam": sam})
    outlook = forecast(DAILY, MONDAY, {SAM: sick})
    assert outlook.still_valid(now)
    assert not outlook.still_valid(replace(now, absences_by_person={}))
    filled = Versioned("sups", 1, DutyChanges((override(LEE, MONDAY),)))
    assert not outlook.still_valid(replace(now, duty_changes={"sups": filled}))


def test_announced_or_past_gap_is_not_announced_again() -> None:
    outlook = forecast(DAILY, MONDAY, {SAM: (Absence(MONDAY, MONDAY + HOUR),)})
    (gap,) = outlook.gaps
    assert outlook.unannounced((), MONDAY) == [gap]
    assert outlook.unannounced({gap.key}, MONDAY) == []
    assert outlook.unannounced((), MONDAY + HOUR) == []


def test_page_of_gap_carries_schedule_times_and_absent_people() -> None:
    start = MONDAY + 4 * DAY
    (gap,) = upcoming_gaps(DAILY, start - HOUR, {SAM: (Absence(start, start + 6 * HOUR),)})
    page = gap.page(start - HOUR)
    assert (page.person_id, page.reason, page.respond_by) == ("operations", "duty_gap", start)
    assert page.duty_gap == PagedDutyGap(
        schedule_id="sups", starts_at=start, ends_at=start + 6 * HOUR, absent=(SAM,)
    )


def test_begun_gap_keeps_its_start() -> None:
    start = MONDAY + 4 * DAY
    away: Absences = {SAM: (Absence(start, start + 6 * HOUR),)}
    first, later = (upcoming_gaps(DAILY, start + n * HOUR, away)[0] for n in (1, 3))
    assert first == later
    assert first.page(start + HOUR).respond_by is None
    gap = first.page(start + HOUR).duty_gap
    assert gap is not None
    assert gap.starts_at == start


def test_endless_gap_is_the_same_all_year() -> None:
    away: Absences = {
        person: (Absence(MONDAY + DAY, MONDAY + 9000 * DAY),) for person in (SAM, KIM)
    }
    looks = [upcoming_gaps(DAILY, MONDAY + n * DAY, away) for n in (2, 30, 300)]
    assert [len(look) for look in looks] == [1, 1, 1]
    assert len({look[0].gap for look in looks}) == 1
    gap = looks[0][0].page(MONDAY).duty_gap
    assert gap is not None
    assert (gap.starts_at, gap.ends_at) == (MONDAY + DAY, None)
