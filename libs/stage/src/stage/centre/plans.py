"""What will happen with each contact as far as its customer and its representative decide."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

from stage.centre.matters import CUSTOMERS, MATTERS, Matter
from stage.centre.pace import Pace, happens, weighted

_CHANNELS: Final = ("chat", "email", "call", "ticket")
_PRIORITIES: Final = (("normal", 70), ("high", 18), ("low", 8), ("urgent", 4))
_TIERS: Final = ("standard", "standard", "standard", "premium", "premium", "vip")
_REGIONS: Final = ("eu", "us", "apac")
_SCORES: Final[tuple[tuple[int | None, int], ...]] = (
    (None, 50),
    (5, 22),
    (4, 14),
    (3, 8),
    (2, 4),
    (1, 2),
)


@dataclass(frozen=True)
class ContactPlan:
    """All times are seconds at a human pace; `gap_s` is the time since the contact before."""

    number: int
    matter: Matter
    customer: int
    channel: str
    priority: str
    gap_s: float
    patience_s: float
    # Representatives take so long to reply to it, and then to resolve it.
    reply_after_s: float
    resolve_after_s: float
    asks_back: bool
    is_referred: bool
    asks_for_supervisor_after_s: float | None
    score: int | None

    @property
    def reference(self) -> str:
        return f"order-{10_000 + self.number}"

    @property
    def body(self) -> dict[str, Any]:
        return {
            "channel": self.channel,
            "customer": {
                "customer_id": f"c-{100 + self.customer}",
                "name": CUSTOMERS[self.customer],
                "tier": _TIERS[self.customer % len(_TIERS)],
                "region": _REGIONS[self.customer % len(_REGIONS)],
            },
            "subject": self.matter.subject,
            "topic": self.matter.topic,
            "language": self.matter.language,
            "priority": self.priority,
            "text": self.matter.text,
            "external_ref": self.reference,
        }


def plan_contacts(pace: Pace) -> Iterator[ContactPlan]:
    """Yield contacts without end, the same ones for the same seed."""
    for number in count(1):
        yield _plan(number, pace)


def _plan(number: int, pace: Pace) -> ContactPlan:
    random = pace.random("contact", number)
    is_slow = happens(random, 0.08)
    wants_supervisor = happens(random, 0.05)
    return ContactPlan(
        number=number,
        matter=random.choice(MATTERS),
        customer=random.randrange(len(CUSTOMERS)),
        channel=random.choice(_CHANNELS),
        priority=weighted(random, _PRIORITIES),
        gap_s=min(random.expovariate(pace.contacts_per_minute / 60), 300),
        patience_s=random.uniform(270, 420),
        # The slow ones are later than any promise of a first response.
        reply_after_s=random.uniform(100, 180) if is_slow else random.uniform(12, 45),
        resolve_after_s=random.uniform(20, 80),
        asks_back=happens(random, 0.3),
        is_referred=happens(random, 0.05),
        asks_for_supervisor_after_s=random.uniform(40, 120) if wants_supervisor else None,
        score=weighted(random, _SCORES),
    )
