"""Service level policies: what is promised to whom."""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Annotated

from annotated_types import Gt, Interval, Len, Lt
from pydantic import AfterValidator, ConfigDict, with_config

from common.contracts.contacts import Channel, Priority, Tier
from common.contracts.escalations import ClockName, Severity, ThresholdAction
from escalation.domain.names import Label, SettingId

YEAR_S = 365 * 24 * 3600
DEADLINE_PERCENT = 100


@dataclass(frozen=True, slots=True)
class Contact:
    """What is known of a contact when its promises are made."""

    channel: Channel
    priority: Priority
    topic: str
    language: str
    tier: Tier
    region: str | None
    customer: str | None
    subject: str
    received_at: datetime


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, slots=True)
class Match:
    """Each key that is given must contain the contact's; none given matches every contact."""

    priority: Annotated[tuple[Priority, ...], Len(min_length=1)] | None = None
    channel: Annotated[tuple[Channel, ...], Len(min_length=1)] | None = None
    topic: Annotated[tuple[Label, ...], Len(min_length=1)] | None = None
    tier: Annotated[tuple[Tier, ...], Len(min_length=1)] | None = None
    language: Annotated[tuple[Label, ...], Len(min_length=1)] | None = None
    region: Annotated[tuple[Label, ...], Len(min_length=1)] | None = None

    @property
    def specificity(self) -> int:
        return sum(allowed is not None for allowed in asdict(self).values())

    def covers(self, contact: Contact) -> bool:
        return (
            _allows(self.priority, contact.priority)
            and _allows(self.channel, contact.channel)
            and _allows(self.topic, contact.topic)
            and _allows(self.tier, contact.tier)
            and _allows(self.language, contact.language)
            and _allows(self.region, contact.region)
        )


def _allows(allowed: tuple[str, ...] | None, value: str | None) -> bool:
    return allowed is None or value in allowed


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, slots=True)
class ThresholdRule:
    """What to do at `at_percent` of the target, or `offset_s` after (below nothing before) its end.

    `priority` is what `change_priority` changes the contact's priority to.
    """

    action: ThresholdAction
    at_percent: Annotated[int, Interval(ge=1, le=1000)] | None = None
    offset_s: Annotated[float, Interval(gt=-YEAR_S, lt=YEAR_S)] | None = None
    priority: Priority | None = None

    def __post_init__(self) -> None:
        if (self.at_percent is None) == (self.offset_s is None):
            raise ValueError("a threshold takes at_percent or offset_s")
        if (self.priority is None) == (self.action == "change_priority"):
            raise ValueError("change_priority, and nothing else, takes a priority")

    def after_s(self, target_s: float) -> float:
        """Return the seconds of business time from the clock's start."""
        if self.at_percent is not None:
            return target_s * self.at_percent / DEADLINE_PERCENT
        return max(0.0, target_s + (self.offset_s or 0.0))


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, slots=True)
class Target:
    """`target_s` counts in business time of the policy's calendar.

    A target with no threshold at 100 percent raises there.
    """

    clock: ClockName
    target_s: Annotated[float, Gt(0), Lt(YEAR_S)]
    thresholds: Annotated[tuple[ThresholdRule, ...], Len(max_length=10)] = ()

    @property
    def rules(self) -> tuple[ThresholdRule, ...]:
        if any(rule.at_percent == DEADLINE_PERCENT for rule in self.thresholds):
            return self.thresholds
        return (*self.thresholds, ThresholdRule("raise", DEADLINE_PERCENT))


def _one_each(targets: tuple[Target, ...]) -> tuple[Target, ...]:
    if len({target.clock for target in targets}) < len(targets):
        raise ValueError("each clock may have one target")
    return targets


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, slots=True)
class SlaPolicy:
    """`calendar_id` is nil for a promise that runs 24x7."""

    targets: Annotated[tuple[Target, ...], Len(min_length=1), AfterValidator(_one_each)]
    ladder_id: SettingId
    severity: Severity
    match: Match = field(default_factory=Match)
    calendar_id: SettingId | None = None
