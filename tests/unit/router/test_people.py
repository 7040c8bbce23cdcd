"""Who may put whom: whatever managers put, nobody gets another place above or beside them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from common.contracts.event import PersonId
from router.domain.errors import InvalidPersonError, PersonForbiddenError
from router.domain.staffing import people
from router.domain.staffing.people import Person, PersonContext, PersonEntry

IDS = [PersonId(name) for name in ("dora", "mia", "max", "sara", "sam", "rita", "new")]
LINE = {"dora": None, "mia": "dora", "max": "dora", "sara": "mia", "sam": "mia", "rita": "sara"}
Staff = dict[PersonId, Person]


def staff() -> Staff:
    return {
        PersonId(name): Person(
            name, reports_to=PersonId(above) if above else None, person_id=PersonId(name), version=1
        )
        for name, above in LINE.items()
    }


def line_above(staff: Staff, person: PersonId) -> tuple[PersonId, ...]:
    line: list[PersonId] = []
    while person in staff and (above := staff[person].reports_to) is not None:
        assert above not in line, "a cycle"
        line.append(above)
        person = above
    return tuple(line)


def put(staff: Staff, caller: PersonId | None, person: PersonId, entry: PersonEntry) -> Staff:
    """Put as the use case does; an admin is None."""
    above = entry.reports_to
    context = PersonContext(
        current=staff.get(person),
        line=line_above(staff, person),
        new_superior=staff.get(above) if above else None,
        new_line=(above, *line_above(staff, above)) if above else (),
        subordinates=tuple(
            other for other, each in staff.items() if each.reports_to == person and each.active
        ),
    )
    if caller is not None:
        people.require_right(staff.get(caller), person, entry, context)
    people.require_valid(person, entry, context)
    return {**staff, person: people.describe(context.current, person, entry)}


entries = st.builds(
    PersonEntry,
    name=st.sampled_from(["A", "B"]),
    reports_to=st.none() | st.sampled_from(IDS),
    active=st.booleans(),
)
puts = st.lists(st.tuples(st.sampled_from(IDS), entries), max_size=12)


@given(caller=st.sampled_from([PersonId("mia"), PersonId("sara"), PersonId("max")]), puts=puts)
def test_manager_changes_only_people_below_and_keeps_them_below(
    caller: PersonId, puts: list[tuple[PersonId, PersonEntry]]
) -> None:
    now = before = staff()
    below = {person for person in before if caller in line_above(before, person)}
    for person, entry in puts:
        try:
            now = put(now, caller, person, entry)
        except (PersonForbiddenError, InvalidPersonError):
            continue
    for person in now.keys() - below:
        assert now[person] == before.get(person) or caller in line_above(now, person), person
        assert person in before or caller in line_above(now, person), person
    assert all(caller in line_above(now, person) for person in below)
    assert line_above(now, caller) == line_above(before, caller)


@given(puts=puts)
def test_line_has_no_cycle_and_nobody_active_reports_to_who_has_left(
    puts: list[tuple[PersonId, PersonEntry]],
) -> None:
    now = staff()
    for person, entry in puts:
        try:
            now = put(now, None, person, entry)
        except InvalidPersonError:
            continue
    for person, entry in now.items():
        line_above(now, person)
        superior = entry.reports_to
        assert superior is None or not entry.active or now[superior].active


def test_unchanged_entry_keeps_its_version_and_a_change_counts() -> None:
    rita = staff()[PersonId("rita")]
    entry = PersonEntry("rita", reports_to=PersonId("sara"))
    assert people.describe(rita, rita.person_id, entry) is rita
    renamed = people.describe(rita, rita.person_id, replace(entry, name="R."))
    assert (renamed.name, renamed.version, renamed.reports_to) == ("R.", 2, "sara")


@pytest.mark.parametrize("active", [True, False])
def test_caller_who_is_unknown_or_has_left_puts_nobody(active: bool) -> None:
    now = staff()
    left = {**now, PersonId("sam"): replace(now[PersonId("sam")], active=False)}
    caller = PersonId("zoe" if active else "sam")
    with pytest.raises(PersonForbiddenError):
        put(left, caller, PersonId("new"), PersonEntry("New", reports_to=caller))
