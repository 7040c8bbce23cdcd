"""The available representatives, by rank in each queue."""

from collections.abc import Iterable
from datetime import datetime
from heapq import heapify, heappop, heappush

from common.contracts.event import PersonId
from router.domain.assignments import Assignment
from router.domain.needs import Need
from router.domain.routing.strategies import Rank, RoutingPolicy
from router.domain.staffing.representatives import Representative, assign

# How far the language is, then the rank.
_Entry = tuple[int, Rank]


class AvailabilityPool:
    """Has a heap for each need. An entry whose rank is out of date is removed when it is read."""

    def __init__(
        self,
        representatives: Iterable[Representative],
        needs: Iterable[Need],
        policy: RoutingPolicy,
    ) -> None:
        self._rank = policy.rank
        self._people = {
            person.representative_id: person for person in representatives if person.free_slots
        }
        ranked = [(self._rank(person), person) for person in self._people.values()]
        self._heaps = {
            need: [
                (distance, rank)
                for rank, person in ranked
                if (distance := person.distance(need)) is not None
            ]
            for need in needs
        }
        self._available = {need: len(heap) for need, heap in self._heaps.items()}
        for heap in self._heaps.values():
            heapify(heap)

    def best_for(self, contact: Assignment) -> Representative | None:
        """Return the previous representative if available, otherwise the lowest rank."""
        need = contact.need
        if need is None or not self._available[need]:
            return None
        previous = self._people.get(contact.preferred_id) if contact.preferred_id else None
        if (
            previous
            and previous.free_slots
            and previous.fits(need)
            and previous.representative_id not in contact.declined_by
        ):
            return previous
        return self._first(self._heaps[need], contact.declined_by)

    def available_for(self, contact: Assignment) -> int:
        """Return how many available representatives fit, those who declined included."""
        return self._available[contact.need] if contact.need else 0

    def assign(self, representative: Representative, at: datetime) -> Representative:
        """Take one slot of the representative."""
        assigned = assign(representative, at=at)
        self._people[assigned.representative_id] = assigned
        for need, heap in self._heaps.items():
            distance = assigned.distance(need)
            if distance is None:
                continue
            if assigned.free_slots:
                heappush(heap, (distance, self._rank(assigned)))
            else:
                self._available[need] -= 1
        return assigned

    def _first(self, heap: list[_Entry], excluded: tuple[PersonId, ...]) -> Representative | None:
        skipped: list[_Entry] = []
        first: Representative | None = None
        while heap and not first:
            _, rank = heap[0]
            candidate = self._people[rank[-1]]
            if self._rank(candidate) != rank:
                heappop(heap)
            elif candidate.representative_id in excluded:
                skipped.append(heappop(heap))
            else:
                first = candidate
        for entry in skipped:
            heappush(heap, entry)
        return first
