"""Gives waiting contacts to free representatives.

The most urgent contact chooses first, then the one that waits longest. It goes to whoever had it
last, if that one is free; otherwise to the least busy, and among those to the one idle longest.
Skills and language always fit.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from heapq import heapify, heappop, heappush

from common.contracts.assignments import ContactAssigned, ContactOffered, ContactQueued
from common.contracts.event import PersonId
from common.messages import Schedule
from router.domain.assignments import ROUND, Assignment, Decision, OfferExpires, RoundEnds
from router.domain.representatives import Need, Representative, seat

Rank = tuple[float, datetime, int, PersonId]


def match(
    contacts: Iterable[Assignment], representatives: Iterable[Representative], *, at: datetime
) -> Iterator[Decision]:
    """Place what seeks or waits, as far as there are free places; one decision a contact."""
    turns = sorted(contacts, key=_turn)
    floor = Floor(representatives, {one.need for one in turns if one.need})
    for contact in turns:
        taker = floor.best_for(contact)
        if taker:
            because = _because(contact, taker, floor.free_for(contact), at)
            yield _give(contact, floor.seat(taker, at), because, at)
        elif contact.state == "seeking":
            yield _queue(contact, at)


class Floor:
    """Free representatives in a heap for each need; what is out of date in it is dropped late."""

    def __init__(self, representatives: Iterable[Representative], needs: Iterable[Need]) -> None:
        self._people = {one.representative_id: one for one in representatives if one.places}
        ranked = [(_rank(one), one) for one in self._people.values()]
        self._heaps = {need: [rank for rank, one in ranked if one.fits(need)] for need in needs}
        self._free = {need: len(heap) for need, heap in self._heaps.items()}
        for heap in self._heaps.values():
            heapify(heap)

    def best_for(self, contact: Assignment) -> Representative | None:
        need = contact.need
        if need is None or not self._free[need]:
            return None
        last = self._people.get(contact.preferred_id) if contact.preferred_id else None
        if (
            last
            and last.places
            and last.fits(need)
            and last.representative_id not in contact.passed
        ):
            return last
        return self._first(self._heaps[need], contact.passed)

    def free_for(self, contact: Assignment) -> int:
        return self._free[contact.need] if contact.need else 0

    def seat(self, taker: Representative, at: datetime) -> Representative:
        seated = seat(taker, at=at)
        self._people[seated.representative_id] = seated
        for need in self._heaps.keys() & set(seated.needs):
            if seated.places:
                heappush(self._heaps[need], _rank(seated))
            else:
                self._free[need] -= 1
        return seated

    def _first(self, heap: list[Rank], passed: tuple[PersonId, ...]) -> Representative | None:
        skipped: list[Rank] = []
        found: Representative | None = None
        while heap and not found:
            one = self._people[heap[0][-1]]
            if _rank(one) != heap[0]:
                heappop(heap)
            elif one.representative_id in passed:
                skipped.append(heappop(heap))
            else:
                found = one
        for rank in skipped:
            heappush(heap, rank)
        return found


def _turn(contact: Assignment) -> tuple[int, datetime, str]:
    return (-contact.urgency, contact.waiting_since or contact.since, contact.contact_id)


def _rank(one: Representative) -> Rank:
    """Order the free. Fewer skills win a tie: who can do more stays free for more."""
    return (one.load / one.capacity, one.idle_since, len(one.skills), one.representative_id)


def _because(contact: Assignment, taker: Representative, free: int, at: datetime) -> str:
    return f"{taker.name}: {contact.skill}, {contact.language}; {_merit(contact, taker, free, at)}"


def _merit(contact: Assignment, taker: Representative, free: int, at: datetime) -> str:
    if taker.representative_id == contact.preferred_id:
        return "had it before"
    if free == 1:
        return "the only one free"
    if taker.load:
        return f"least busy ({taker.load} of {taker.capacity}) of {free} free"
    # A replica may have moved it between this transaction's start and its turn to match.
    idle_s = max(0.0, (at - taker.idle_since).total_seconds())
    return f"idle longest ({idle_s:.0f} s) of {free} free"


def _give(contact: Assignment, taker: Representative, because: str, at: datetime) -> Decision:
    given = replace(contact, since=at, representative_id=taker.representative_id, because=because)
    if taker.auto_accept:
        assigned = ContactAssigned(
            contact_id=contact.contact_id,
            occurred_at=at,
            representative_id=taker.representative_id,
            team_id=taker.team_id,
            reason=because,
        )
        return Decision(
            (replace(given, state="assigned", passed=(), preferred_id=None),),
            (taker,),
            (assigned,),
        )
    expires_at = at + timedelta(seconds=taker.offer_s)
    offer = contact.offer + 1
    offered = ContactOffered(
        contact_id=contact.contact_id,
        occurred_at=at,
        representative_id=taker.representative_id,
        expires_at=expires_at,
    )
    expires = OfferExpires(
        contact_id=contact.contact_id, representative_id=taker.representative_id, offer=offer
    )
    return Decision(
        (replace(given, state="offered", offer=offer),),
        (taker,),
        (offered,),
        (Schedule(expires, expires_at),),
    )


def _queue(contact: Assignment, at: datetime) -> Decision:
    queue = f"{contact.skill}/{contact.language}"
    because = f"nobody who can take {contact.skill}, {contact.language} is free"
    if contact.passed:
        because += f", but for those who let it pass: {', '.join(contact.passed)}"
    queued = ContactQueued(
        contact_id=contact.contact_id, occurred_at=at, queue=queue, reason=because
    )
    again = Schedule(RoundEnds(contact_id=contact.contact_id), at + ROUND)
    return Decision(
        (replace(contact, state="queued", since=at, because=because),),
        events=(queued,),
        timers=(again,) if contact.passed else (),
    )
