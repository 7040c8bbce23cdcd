"""The audit trail: each step of an escalation, chained by hashes so that no change goes unseen.

The head of the chain is kept with the escalation: a tail that was cut off is missed too.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from typing import Any

import orjson

from common.contracts.escalations import EscalationsOwnEvent
from common.contracts.event import ContactId, EscalationId
from escalation.domain.model import Escalation

# Where an event has its reason, in the order in which they are looked for.
_REASONS = ("reason", "guidance", "context", "text", "proposal", "note")
_TIMER = "timer:"


@dataclass(frozen=True, slots=True)
class TrailStep:
    """`who` is a person, or the message or timer that did it; `data` is the event's JSON.

    `hash` covers all that stands before it, `previous` included: the hash of the step before.
    """

    escalation_id: EscalationId
    step: int
    contact_id: ContactId
    at: datetime
    who: str
    what: str
    why: str
    data: dict[str, Any]
    previous: str
    hash: str = ""

    def sealed(self) -> "TrailStep":
        return replace(self, hash=self.digest())

    def digest(self) -> str:
        """Hash the content as it reads once jsonb has sorted its keys and a zone its time."""
        content = (
            self.escalation_id,
            self.step,
            self.contact_id,
            self.at.astimezone(UTC).isoformat(timespec="microseconds"),
            self.who,
            self.what,
            self.why,
            self.data,
            self.previous,
        )
        return sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


@dataclass(frozen=True, slots=True)
class Chain:
    """The steps of one escalation in their order, and what the escalation knows of them."""

    escalation_id: EscalationId
    length: int
    head: str
    steps: tuple[TrailStep, ...]


@dataclass(frozen=True, slots=True)
class Break:
    escalation_id: EscalationId
    step: int
    what: str


def written(
    escalation: Escalation, events: Iterable[EscalationsOwnEvent], cause: str
) -> tuple[Escalation, list[TrailStep]]:
    """Count a change of the escalation, and chain a step to its trail for each of the events."""
    steps: list[TrailStep] = []
    length, head = escalation.trail_length, escalation.trail_hash
    for event in events:
        length += 1
        step = TrailStep(
            escalation_id=escalation.escalation_id,
            step=length,
            contact_id=escalation.contact_id,
            at=event.occurred_at,
            who=_who(event, cause),
            what=_what(type(event)),
            why=_why(event),
            data=event.model_dump(mode="json"),
            previous=head,
        ).sealed()
        head = step.hash
        steps.append(step)
    version = escalation.version + 1
    return replace(escalation, version=version, trail_length=length, trail_hash=head), steps


def breaks(chain: Chain) -> Iterator[Break]:
    """Yield each place at which the chain is not what was written."""
    expected, previous = 1, ""
    for step in chain.steps:
        for what in _differences(step, expected, previous):
            yield Break(chain.escalation_id, step.step, what)
        expected, previous = step.step + 1, step.hash
    if expected - 1 != chain.length:
        what = f"the escalation knows of {chain.length} steps, and {expected - 1} are there"
        yield Break(chain.escalation_id, expected - 1, what)
    if previous != chain.head:
        what = "its hash is not the one that the escalation has kept"
        yield Break(chain.escalation_id, expected - 1, what)


def _differences(step: TrailStep, expected: int, previous: str) -> Iterator[str]:
    if step.step != expected:
        yield f"step {expected} was expected here"
    if step.previous != previous:
        yield "it does not follow the step before it"
    if step.hash != step.digest():
        yield "its content is not what its hash was made of"


def _who(event: EscalationsOwnEvent, cause: str) -> str:
    """Name the person who did it; what a timer does of itself is the timer's."""
    if cause.startswith(_TIMER):
        return cause
    acting = (getattr(event, field, None) for field in ("approved_by", "by"))
    return next((person for person in acting if person), cause)


@cache
def _what(kind: type[EscalationsOwnEvent]) -> str:
    """Say the type in words: `escalation handed back`."""
    return kind.type.removeprefix("upstairs.").removesuffix(".v1").replace("_", " ")


def _why(event: EscalationsOwnEvent) -> str:
    reasons = (getattr(event, field, None) for field in _REASONS)
    return next((reason for reason in reasons if reason), "")
