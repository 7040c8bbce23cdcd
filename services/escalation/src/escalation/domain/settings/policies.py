"""Service level policies: which clocks a contact gets, and what their thresholds do."""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from datetime import datetime
from functools import cached_property
from operator import attrgetter
from typing import Annotated, Final, Literal

from annotated_types import Gt, Interval, Len, Lt
from msgspec import Struct
from pydantic import AfterValidator, ConfigDict, with_config

from common.contracts.clocks import ClockName, ThresholdAction
from common.contracts.contacts import Channel, Priority, Tier
from common.contracts.escalations import Severity
from common.contracts.event import SystemName
from common.contracts.needs import ContactTopic, LanguageTag
from common.contracts.validation_messages import InvalidValueError
from common.core.languages import language_distance
from escalation.domain.types import Label, SettingId

YEAR_S = 365 * 24 * 3600
DEADLINE_PERCENT = 100


class ContactDetails(Struct, frozen=True, omit_defaults=True, gc=False):
    """The facts of a contact that policies match."""

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
    # No policy matches them: pages name the first, and systems are told by both (ADR 0084).
    received_from: SystemName | None = None
    external_ref: str | None = None


@with_config(ConfigDict(extra="forbid", use_attribute_docstrings=True))
@dataclass(frozen=True, slots=True)
class Match:
    """Each key that is set must contain the contact's value; an empty match covers all."""

    priority: Annotated[tuple[Priority, ...], Len(min_length=1)] | None = None
    """The priorities that the policy is for; without it all."""
    channel: Annotated[tuple[Channel, ...], Len(min_length=1)] | None = None
    """The channels that the policy is for; without it all."""
    topic: Annotated[tuple[ContactTopic, ...], Len(min_length=1)] | None = None
    """The topics that the policy is for, in any case; without it all."""
    tier: Annotated[tuple[Tier, ...], Len(min_length=1)] | None = None
    """The customers' tiers that the policy is for; without it all."""
    language: Annotated[tuple[LanguageTag, ...], Len(min_length=1)] | None = None
    """The languages that the policy is for, as `en` or `pt-BR`; without it all.

    `pt` is for contacts in `pt-BR` too, and `pt-BR` for those in `pt`.
    """
    region: Annotated[tuple[Label, ...], Len(min_length=1)] | None = None
    """The customers' regions that the policy is for; without it all."""
    campaign: Annotated[tuple[Label, ...], Len(min_length=1)] | None = None
    """The campaigns that the policy is for; without it all."""

    @property
    def specificity(self) -> int:
        return sum(getattr(self, key.name) is not None for key in fields(self))

    def preference(self, contact: ContactDetails) -> tuple[int, bool]:
        """Sort by the most keys, then by the language itself before one that matches it."""
        return -self.specificity, self.language is None or contact.language not in self.language

    def covers(self, contact: ContactDetails) -> bool:
        return (
            _allows(self.priority, contact.priority)
            and _allows(self.channel, contact.channel)
            and _allows(self.topic, contact.topic)
            and _allows(self.tier, contact.tier)
            and _speaks(self.language, contact.language)
            and _allows(self.region, contact.region)
            and _allows(self.campaign, contact.campaign)
        )


# The facts of a contact that decide which policy it gets.
MATCHED_FACTS: Final = attrgetter(*(key.name for key in fields(Match)))


def _allows(allowed: tuple[str, ...] | None, value: str | None) -> bool:
    return allowed is None or value in allowed


def _speaks(allowed: tuple[str, ...] | None, language: str) -> bool:
    return allowed is None or any(language_distance(language, tag) == 0 for tag in allowed)


@with_config(ConfigDict(extra="forbid", use_attribute_docstrings=True))
@dataclass(frozen=True, slots=True)
class ThresholdRule:
    """What to do at `at_percent` of the target, or `offset_s` after (negative: before) its end.

    `priority` is the new priority of `change_priority`.
    """

    action: ThresholdAction
    """What to do."""
    at_percent: Annotated[int, Interval(ge=1, le=1000)] | None = None
    """When, in percent of the target."""
    offset_s: Annotated[float, Interval(gt=-YEAR_S, lt=YEAR_S)] | None = None
    """When, in seconds after the end of the target; negative: before it."""
    priority: Priority | None = None
    """The new priority of `change_priority`."""

    def __post_init__(self) -> None:
        if (self.at_percent is None) == (self.offset_s is None):
            raise InvalidValueError(
                "a threshold takes at_percent or offset_s", "threshold-without-time"
            )
        if (self.priority is None) == (self.action == "change_priority"):
            raise InvalidValueError(
                "change_priority, and nothing else, takes a priority", "priority-missing"
            )


def threshold_offset_s(target_s: float, percent: int | None, offset_s: float | None) -> float:
    """Return the business time in seconds from its clock's start to a threshold."""
    if offset_s is not None:
        return max(0.0, target_s + offset_s)
    return target_s * (percent or DEADLINE_PERCENT) / DEADLINE_PERCENT


class PlannedThreshold(Struct, frozen=True):
    """A threshold that a clock passes once its run has spent `after_s` of business time."""

    percent: int
    action: ThresholdAction
    after_s: float
    offset_s: float | None
    priority: Priority | None


@with_config(ConfigDict(extra="forbid", use_attribute_docstrings=True))
@dataclass(frozen=True)
class Target:
    """`target_s` counts in business time of the policy's calendar.

    Each target raises at 100 percent, whatever else its thresholds do there. A clock that
    `runs_while_waiting` does not pause while we wait for the customer.
    """

    clock: ClockName
    """The clock."""
    target_s: Annotated[float, Gt(0), Lt(YEAR_S)]
    """Seconds in business time of the policy's calendar."""
    thresholds: Annotated[tuple[ThresholdRule, ...], Len(max_length=10)] = ()
    """What to do before, at and after the target; at 100 percent it always raises too."""
    runs_while_waiting: bool = False
    """The clock does not pause while we wait for the customer."""

    def __post_init__(self) -> None:
        places: set[tuple[float, str]] = set()
        for rule in self.rules:
            offset_s = threshold_offset_s(self.target_s, rule.at_percent, rule.offset_s)
            if (offset_s, rule.action) in places:
                at_end = (rule.action, offset_s) == ("raise", self.target_s)
                anyway = ", where it raises anyway" if at_end else ""
                place = f"{rule.action} {offset_s:g} s after the start"
                raise InvalidValueError(f"two thresholds {place}{anyway}", "thresholds-alike")
            places.add((offset_s, rule.action))

    @property
    def rules(self) -> tuple[ThresholdRule, ...]:
        deadline = ThresholdRule("raise", DEADLINE_PERCENT)
        return self.thresholds if deadline in self.thresholds else (*self.thresholds, deadline)

    @cached_property
    def planned_thresholds(self) -> tuple[PlannedThreshold, ...]:
        """What the rules mean for this target, worked out once for all its clocks."""
        return tuple(self._plan(rule) for rule in self.rules)

    def _plan(self, rule: ThresholdRule) -> PlannedThreshold:
        after_s = threshold_offset_s(self.target_s, rule.at_percent, rule.offset_s)
        percent = rule.at_percent or round(after_s / self.target_s * DEADLINE_PERCENT)
        return PlannedThreshold(percent, rule.action, after_s, rule.offset_s, rule.priority)

    def thresholds_before_start(self) -> Iterator[int]:
        """Yield the place of each threshold that is further from the end than the whole target."""
        for n, rule in enumerate(self.thresholds):
            if rule.offset_s is not None and rule.offset_s < -self.target_s:
                yield n


def _require_distinct_clocks(targets: tuple[Target, ...]) -> tuple[Target, ...]:
    if len({target.clock for target in targets}) < len(targets):
        raise InvalidValueError("each clock may have one target", "targets-alike")
    return targets


@with_config(ConfigDict(extra="forbid", use_attribute_docstrings=True))
@dataclass(frozen=True, slots=True)
class RepeatRule:
    """So many contacts of one customer within so many days, including the last one."""

    contacts: Annotated[int, Interval(ge=2, le=100)]
    """How many contacts of one customer, with the last one."""
    within_days: Annotated[int, Interval(ge=1, le=365)]
    """Within how many days."""
    same_topic: bool = True
    """Only contacts with the same topic count."""


@with_config(ConfigDict(extra="forbid", use_attribute_docstrings=True))
@dataclass(frozen=True, slots=True)
class RaiseRules:
    """What raises an escalation beside clocks; `feedback_at_most` is a score from 1 to 5."""

    vip: bool = False
    """Raise for customers of the tier `vip`."""
    repeated: RepeatRule | None = None
    """Raise when a customer comes again and again."""
    feedback_at_most: Annotated[int, Interval(ge=1, le=5)] | None = None
    """Raise on feedback with at most this score, from 1 to 5."""


@with_config(ConfigDict(extra="forbid", use_attribute_docstrings=True))
@dataclass(frozen=True, slots=True)
class SlaPolicy:
    """Without `calendar_id` its clocks run 24x7.

    For a customer of a region in `calendar_by_region` that calendar counts instead. An escalation
    that is raised with a severity in `ladder_by_severity` takes that ladder instead.
    """

    targets: Annotated[
        tuple[Target, ...], Len(min_length=1), AfterValidator(_require_distinct_clocks)
    ]
    """The clocks that a contact gets."""
    ladder_id: SettingId
    """The ladder of its escalations."""
    severity: Severity
    """The severity of an escalation with one cause."""
    match: Match = field(default_factory=Match)
    """Which contacts the policy is for; the one with most keys applies."""
    calendar_id: SettingId | None = None
    """The calendar of business time; without it 24x7."""
    calendar_by_region: dict[Label, SettingId] = field(default_factory=dict)
    """The calendar by the customer's region; `calendar_id` is for all others."""
    raise_when: RaiseRules = field(default_factory=RaiseRules)
    """What raises an escalation beside clocks."""
    ladder_by_severity: dict[Severity, SettingId] = field(default_factory=dict)
    """The ladder by severity; `ladder_id` is for all others."""
    on_reopening: Literal["full", "continue"] = "full"
    """Promises of a contact that is reopened: `full` starts them again, with `continue` those that
    ended with the contact, unmet or by its resolution, run on with the time they had spent."""
    wait_limit_s: Annotated[float, Interval(ge=60, lt=YEAR_S)] = 14 * 24 * 3600
    """Seconds by the wall clock after which clocks that pause for the customer run on anyway."""


def precedence(policy_id: str, policy: SlaPolicy) -> tuple[int, str]:
    """Return the sort key: of the policies that cover a contact, the first one applies.

    The most specific match goes first, then the contact's very language before one that only
    matches it (see `Match.preference`); among equals the id decides.
    """
    return -policy.match.specificity, policy_id
