"""Who stands in for people who are absent.

A stand-in who is absent too is followed to theirs. Where that leads nowhere, to somebody who is
absent without a stand-in or back to the person, the person stays: no page is lost.
"""

from collections.abc import Iterable
from datetime import datetime

from common.contracts.event import PersonId
from escalation.domain.duty.windows import Absence, Absences


def absence_at(person: PersonId, at: datetime, absences: Absences) -> Absence | None:
    """Return the absence in which the time is; of several the first with a stand-in."""
    current = [each for each in absences.get(person, ()) if each.from_ <= at < each.until]
    return next((each for each in current if each.stand_in), next(iter(current), None))


def acting_for(person: PersonId, at: datetime, absences: Absences) -> PersonId | None:
    """Return who is asked in place of the person, or the person; None: nobody."""
    absence = absence_at(person, at, absences)
    if absence is None:
        return person
    if absence.stand_in is None:
        return None
    passed = {person}
    while absence is not None and absence.stand_in is not None and absence.stand_in not in passed:
        stand_in = absence.stand_in
        passed.add(stand_in)
        absence = absence_at(stand_in, at, absences)
        if absence is None:
            return stand_in
    return person


def all_acting_for(
    people: Iterable[PersonId], at: datetime, absences: Absences
) -> tuple[PersonId, ...]:
    """Return who is asked in place of these people, each once."""
    acting = (acting_for(person, at, absences) for person in people)
    return tuple(dict.fromkeys(person for person in acting if person is not None))


def represented_by(person: PersonId, at: datetime, absences: Absences) -> tuple[PersonId, ...]:
    """Return for whom the person stands in now."""
    return tuple(
        absent
        for absent in absences
        if absent != person and acting_for(absent, at, absences) == person
    )


def unfilled_from(
    person: PersonId, absence: Absence, since: datetime, absences: Absences
) -> datetime | None:
    """Return from when on stand-ins lead nowhere in an absence that has one; None: never."""
    people = with_stand_ins((person,), absences)
    edges = (
        at for each in people for away in absences.get(each, ()) for at in (away.from_, away.until)
    )
    begin = max(absence.from_, since)
    moments = sorted({begin, *(at for at in edges if begin < at < absence.until)})
    return next((at for at in moments if acting_for(person, at, absences) == person), None)


def with_stand_ins(people: Iterable[PersonId], absences: Absences) -> frozenset[PersonId]:
    """Return the people and all who may stand in for them at some time."""
    people_and_stand_ins: set[PersonId] = set()
    added = set(people)
    while added:
        people_and_stand_ins |= added
        named = (each.stand_in for person in added for each in absences.get(person, ()))
        added = {stand_in for stand_in in named if stand_in is not None} - people_and_stand_ins
    return frozenset(people_and_stand_ins)
