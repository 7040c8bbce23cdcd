"""How a draft changes the past: the same contacts replayed under two configurations."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from common.contracts.event import ContactEvent, ContactId
from escalation.domain.settings.registry import Configuration
from escalation.domain.simulation import Assumptions, Totals, replay

MAX_EXAMPLES: Final = 20


@dataclass(frozen=True, slots=True)
class ContactOutcome:
    """What became of one contact. `policy_id` made most of its promises; None: no policy did."""

    policy_id: str | None
    breaches: tuple[str, ...]
    escalations: int
    highest_level: str | None
    pages: int


@dataclass(frozen=True, slots=True)
class ChangedContact:
    contact_id: ContactId
    before: ContactOutcome
    after: ContactOutcome


@dataclass(frozen=True, slots=True)
class Change:
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class ClockComparison:
    clock: str
    promises: Change
    breaches: Change


@dataclass(frozen=True, slots=True)
class PolicyComparison:
    policy_id: str
    contacts: Change
    breaches: Change
    escalations: Change
    clocks: tuple[ClockComparison, ...]


@dataclass(frozen=True, slots=True)
class LevelComparison:
    level: str
    pages: Change


@dataclass(frozen=True, slots=True)
class SimulationResult:
    """`changed` counts the contacts that became of something else; `examples` are some of them."""

    contacts: int
    changed: int
    without_policy: Change
    breaches: Change
    escalations: Change
    unanswered: Change
    pages: Change
    policies: tuple[PolicyComparison, ...]
    levels: tuple[LevelComparison, ...]
    examples: tuple[ChangedContact, ...]


@dataclass(slots=True)
class _Side:
    """The outcomes under one configuration; contacts and escalations by policy."""

    totals: Totals = field(default_factory=Totals)
    contacts: Counter[str] = field(default_factory=Counter)
    escalations: Counter[str] = field(default_factory=Counter)

    def add_contact(self, totals: Totals, outcome: ContactOutcome) -> None:
        self.totals.add(totals)
        if outcome.policy_id is not None:
            self.contacts[outcome.policy_id] += 1
            self.escalations[outcome.policy_id] += outcome.escalations

    def add(self, other: "_Side") -> None:
        self.totals.add(other.totals)
        self.contacts += other.contacts
        self.escalations += other.escalations


@dataclass(slots=True)
class Comparison:
    """Collects the outcomes of contacts; those of several parts are added up."""

    before: _Side = field(default_factory=_Side)
    after: _Side = field(default_factory=_Side)
    changed: int = 0
    examples: list[ChangedContact] = field(default_factory=list)

    def add(self, other: "Comparison") -> None:
        self.before.add(other.before)
        self.after.add(other.after)
        self.changed += other.changed
        self.examples = (self.examples + other.examples)[:MAX_EXAMPLES]

    @property
    def result(self) -> SimulationResult:
        before, after = self.before.totals, self.after.totals
        return SimulationResult(
            contacts=before.contacts,
            changed=self.changed,
            without_policy=Change(before.without_policy, after.without_policy),
            breaches=Change(before.breached.total(), after.breached.total()),
            escalations=Change(before.escalations.total(), after.escalations.total()),
            unanswered=Change(before.unanswered, after.unanswered),
            pages=Change(before.pages.total(), after.pages.total()),
            policies=tuple(self._policy(policy_id) for policy_id in self._policy_ids()),
            levels=tuple(
                LevelComparison(level, _change(before.pages_by_level, after.pages_by_level, level))
                for level in _keys(before.pages_by_level, after.pages_by_level)
            ),
            examples=tuple(self.examples),
        )

    def _policy_ids(self) -> list[str]:
        counts = (self.before, self.after)
        by_clock = {policy for side in counts for _, policy in +side.totals.started}
        return sorted(by_clock.union(*(side.contacts for side in counts)))

    def _policy(self, policy_id: str) -> PolicyComparison:
        before, after = self.before, self.after
        started_before = _by_clock(before.totals.started, policy_id)
        started_after = _by_clock(after.totals.started, policy_id)
        breached_before = _by_clock(before.totals.breached, policy_id)
        breached_after = _by_clock(after.totals.breached, policy_id)
        return PolicyComparison(
            policy_id,
            contacts=_change(before.contacts, after.contacts, policy_id),
            breaches=Change(breached_before.total(), breached_after.total()),
            escalations=_change(before.escalations, after.escalations, policy_id),
            clocks=tuple(
                ClockComparison(
                    clock,
                    promises=_change(started_before, started_after, clock),
                    breaches=_change(breached_before, breached_after, clock),
                )
                for clock in sorted(_keys(started_before, started_after))
            ),
        )


def compare(
    histories: Iterable[tuple[ContactId, Sequence[ContactEvent]]],
    before: Configuration,
    after: Configuration,
    until: datetime,
    assumptions: Assumptions,
) -> Comparison:
    """Replay each contact's events, given in their order, under both configurations."""
    comparison = Comparison()
    for history in histories:
        totals = [
            replay((history,), configuration, until, assumptions)
            for configuration in (before, after)
        ]
        outcomes = [_outcome(total) for total in totals]
        comparison.before.add_contact(totals[0], outcomes[0])
        comparison.after.add_contact(totals[1], outcomes[1])
        if outcomes[0] != outcomes[1]:
            comparison.changed += 1
            if len(comparison.examples) < MAX_EXAMPLES:
                comparison.examples.append(ChangedContact(history[0], *outcomes))
    return comparison


def _outcome(totals: Totals) -> ContactOutcome:
    """Return that of the only contact that was counted."""
    promises: Counter[str] = Counter()
    for (_, policy_id), count in totals.started.items():
        promises[policy_id] += count
    ids = sorted(+promises, key=lambda policy_id: (-promises[policy_id], policy_id))
    return ContactOutcome(
        policy_id=ids[0] if ids else None,
        breaches=tuple(sorted(clock for clock, _ in totals.breached.elements())),
        escalations=totals.escalations.total(),
        # A counter keeps the order in which the levels were reached.
        highest_level=next(reversed(totals.levels), None),
        pages=totals.pages.total(),
    )


def _by_clock(counts: Mapping[tuple[str, str], int], policy_id: str) -> Counter[str]:
    return Counter(
        {clock: count for (clock, policy), count in counts.items() if policy == policy_id and count}
    )


def _change(before: Mapping[str, int], after: Mapping[str, int], key: str) -> Change:
    return Change(before.get(key, 0), after.get(key, 0))


def _keys(before: Mapping[str, int], after: Mapping[str, int]) -> list[str]:
    """Return all keys in the order of the first mapping, then those of the second one alone."""
    return list({**before, **after})
