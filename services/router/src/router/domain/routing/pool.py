"""The representatives, and who of them is available in each queue, by rank."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from heapq import heapify, heappop, heappush
from typing import Final

from common.contracts.event import PersonId
from router.domain.assignments import Assignment
from router.domain.needs import Need
from router.domain.routing.strategies import Rank, RoutingPolicy
from router.domain.staffing.representatives import Representative, assign

# More needs than staff have; customers choose their languages and topics.
_MAX_QUEUES: Final = 1000
# Of a heap, beside twice as many as fit.
_OUTDATED_ENTRIES: Final = 64


class AvailabilityPool:
    """All representatives; who is available is found without looking at the others.

    It may live for many batches: `put` each representative who has changed.
    """

    def __init__(
        self, policy: RoutingPolicy, representatives: Iterable[Representative] = ()
    ) -> None:
        self._rank = policy.rank
        self._people: dict[PersonId, Representative] = {}
        # Of those who have a free slot.
        self._ranks: dict[PersonId, Rank] = {}
        self._queues: dict[Need, _Queue] = {}
        # Of each person, the queues that have them.
        self._queues_of: defaultdict[PersonId, list[_Queue]] = defaultdict(list)
        self.put_all(representatives)

    def put_all(self, representatives: Iterable[Representative]) -> None:
        for representative in representatives:
            self.put(representative)

    def put(self, representative: Representative) -> None:
        """Replace or add the representative."""
        person_id = representative.representative_id
        before = self._people.get(person_id)
        if before is representative:
            return
        self._people[person_id] = representative
        rank_before = self._ranks.get(person_id)
        rank = self._rank(representative) if representative.free_slots else None
        if rank is not None:
            self._ranks[person_id] = rank
        elif rank_before is not None:
            del self._ranks[person_id]
        if before is None or not before.serves_the_same_as(representative):
            # Each is made again when it is needed; a profile seldom changes.
            self._forget_queues()
        elif rank != rank_before:
            for queue in self._queues_of[person_id]:
                queue.move(person_id, rank_before, rank)

    def best_for(self, contact: Assignment, need: Need) -> Representative | None:
        """Return the previous representative if available, otherwise the lowest rank.

        The previous one may be of any team. Otherwise people of the contact's team are first.
        """
        previous = contact.preferred_id
        if previous in self._ranks and previous not in contact.declined_by:
            representative = self._people[previous]
            if representative.fits(need.of_all_teams):
                return representative
        for queue_need in _of_team_first(contact, need):
            first = self._queue(queue_need).first(contact.declined_by)
            if first is not None:
                return self._people[first]
        return None

    def available_for(self, need: Need) -> int:
        """Return how many available representatives fit, those who declined included."""
        return self._queue(need).available

    def serves(self, need: Need) -> bool:
        """Return whether contacts may wait for somebody, whatever the presence."""
        return bool(self._queue(need).distances)

    def assign(self, representative: Representative, at: datetime) -> Representative:
        """Take one slot of the representative."""
        assigned = assign(representative, at=at)
        self.put(assigned)
        return assigned

    def _queue(self, need: Need) -> "_Queue":
        queue = self._queues.get(need)
        if queue is None:
            if len(self._queues) >= _MAX_QUEUES:
                self._forget_queues()
            distances = {
                person_id: distance
                for person_id, person in self._people.items()
                if person.active and (distance := person.distance(need)) is not None
            }
            queue = self._queues[need] = _Queue(distances, self._ranks)
            for person_id in distances:
                self._queues_of[person_id].append(queue)
        return queue

    def _forget_queues(self) -> None:
        self._queues.clear()
        self._queues_of.clear()


def _of_team_first(contact: Assignment, need: Need) -> tuple[Need, ...]:
    if contact.team_id is None or need.team_id is not None:
        return (need,)
    return need._replace(team_id=contact.team_id), need


class _Queue:
    """The active representatives who fit a need, and a heap of the available ones.

    `distances`: how far the closest language of each is. `ranks` are those of the pool. An entry
    of the heap that has another rank is out of date, and is removed when it is read.
    """

    def __init__(self, distances: dict[PersonId, int], ranks: Mapping[PersonId, Rank]) -> None:
        self.distances = distances
        self._ranks = ranks
        self._heap: list[tuple[int, Rank]] = []
        self._fill()
        self.available = len(self._heap)

    def move(self, person_id: PersonId, before: Rank | None, after: Rank | None) -> None:
        """Take up the new rank of somebody who fits, which the pool has already; None: no slot."""
        self.available += (after is not None) - (before is not None)
        if len(self._heap) > 2 * len(self.distances) + _OUTDATED_ENTRIES:
            self._fill()
        elif after is not None:
            heappush(self._heap, (self.distances[person_id], after))

    def first(self, excluded: tuple[PersonId, ...]) -> PersonId | None:
        skipped: list[tuple[int, Rank]] = []
        first: PersonId | None = None
        while self._heap and first is None:
            rank = self._heap[0][1]
            person_id = rank[-1]
            if self._ranks.get(person_id) != rank:
                heappop(self._heap)
            elif person_id in excluded:
                skipped.append(heappop(self._heap))
            else:
                first = person_id
        for entry in skipped:
            heappush(self._heap, entry)
        return first

    def _fill(self) -> None:
        self._heap = [
            (distance, rank)
            for person_id, distance in self.distances.items()
            if (rank := self._ranks.get(person_id)) is not None
        ]
        heapify(self._heap)
