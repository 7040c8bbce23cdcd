"""Service level policies: what is promised to whom."""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Annotated

from annotated_types import Gt, Interval, Len, Lt
from pydantic import AfterValidator, ConfigDict, with_config

from common.contracts.contacts import Channel, Priority, Tier
from common.contracts.escalations import ClockName, Severity, ThresholdAction
from escalation.domain.types import Label, SettingId

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
    campaign: str | None = None


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
    campaign: Annotated[tuple[Label, ...], Len(min_length=1)] | None = None

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
            and _allows(self.campaign, contact.campaign)
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


def after_s(target_s: float, percent: int | None, offset_s: float | None) -> float:
    """Return at how many seconds of business time from its clock's start a threshold stands."""
    if offset_s is not None:
        return max(0.0, target_s + offset_s)
    return target_s * (percent or DEADLINE_PERCENT) / DEADLINE_PERCENT


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, slots=True)
class Target:
    """`target_s` counts in business time of the policy's calendar.

    A target with no threshold at 100 percent raises there. A promise that `runs_while_waiting` is
    kept running while the next word is the customer's; others stand still then.
    """

    clock: ClockName
    target_s: Annotated[float, Gt(0), Lt(YEAR_S)]
    thresholds: Annotated[tuple[ThresholdRule, ...], Len(max_length=10)] = ()
    runs_while_waiting: bool = False

    def __post_init__(self) -> None:
        seen: set[tuple[float, str]] = set()
        for rule in self.rules:
            place = after_s(self.target_s, rule.at_percent, rule.offset_s)
            if (place, rule.action) in seen:
                raise ValueError(f"two thresholds {rule.action} {place:g} s after the start")
            seen.add((place, rule.action))

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
class Repeated:
    """So many contacts of one customer within so many days, the last one counted."""

    contacts: Annotated[int, Interval(ge=2, le=100)]
    within_days: Annotated[int, Interval(ge=1, le=365)]
    same_topic: bool = True


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, slots=True)
class RaiseWhen:
    """What takes a contact upstairs beside its promises; `feedback_at_most` is a score."""

    vip: bool = False
    repeated: Repeated | None = None
    feedback_at_most: Annotated[int, Interval(ge=1, le=5)] | None = None


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, slots=True)
class SlaPolicy:
    """`calendar_id` is nil for a promise that runs 24x7.

    A customer whose region is in `calendar_by_region` is promised by that calendar instead. What
    is as grave as `ladder_by_severity` says when it is raised goes up that ladder instead.
    """

    targets: Annotated[tuple[Target, ...], Len(min_length=1), AfterValidator(_one_each)]
    ladder_id: SettingId
    severity: Severity
    match: Match = field(default_factory=Match)
    calendar_id: SettingId | None = None
    calendar_by_region: dict[Label, SettingId] = field(default_factory=dict)
    raise_when: RaiseWhen = field(default_factory=RaiseWhen)
    ladder_by_severity: dict[Severity, SettingId] = field(default_factory=dict)
