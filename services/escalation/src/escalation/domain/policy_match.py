"""Which service level policy a contact would get, and why not the others."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import get_args

from common.contracts.contacts import Channel, Priority, Tier
from escalation.domain.settings.policies import ContactDetails, Match, SlaPolicy
from escalation.domain.settings.registry import Configuration, Ref, Versioned


@dataclass(frozen=True, slots=True)
class KeyMismatch:
    """A key of the policy that does not allow the contact's value; null is no value."""

    key: str
    allowed: tuple[str, ...]
    value: str | None


@dataclass(frozen=True, slots=True)
class OtherPolicy:
    """A policy that does not apply: by its mismatches, or because another one comes first."""

    policy: Ref
    mismatches: tuple[KeyMismatch, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class PolicyMatch:
    policy: Versioned[SlaPolicy] | None
    others: tuple[OtherPolicy, ...]


def match_policy(configuration: Configuration, contact: ContactDetails) -> PolicyMatch:
    applies = configuration.policy_for(contact)
    others = (
        _other(policy, applies, contact)
        for policy in configuration.all_of(SlaPolicy)
        if applies is None or policy.id != applies.id
    )
    return PolicyMatch(applies, tuple(others))


def _other(
    policy: Versioned[SlaPolicy], applies: Versioned[SlaPolicy] | None, contact: ContactDetails
) -> OtherPolicy:
    mismatches = tuple(_mismatches(policy.body.match, contact))
    if mismatches or applies is None:
        keys = " and ".join(mismatch.key for mismatch in mismatches)
        return OtherPolicy(policy.ref, mismatches, f"It is for another {keys}.")
    return OtherPolicy(policy.ref, (), _why_later(policy, applies, contact))


def _why_later(
    policy: Versioned[SlaPolicy], applies: Versioned[SlaPolicy], contact: ContactDetails
) -> str:
    own, first = policy.body.match, applies.body.match
    if own.specificity < first.specificity:
        return f"It matches too, but {applies.id} has more keys."
    if own.preference(contact) != first.preference(contact):
        return f"It matches too, but {applies.id} names the language itself."
    return f"It matches too, but {applies.id} comes first by its id."


def _mismatches(match: Match, contact: ContactDetails) -> Iterator[KeyMismatch]:
    for field in fields(Match):
        allowed = getattr(match, field.name)
        if allowed is not None and not replace(Match(), **{field.name: allowed}).covers(contact):
            yield KeyMismatch(field.name, allowed, getattr(contact, field.name))


def takes_all_of(earlier: Match, later: Match) -> bool:
    """Tell whether the earlier match covers every contact that the later one covers."""
    return all(_key_takes_all(field.name, earlier, later) for field in fields(Match))


def _key_takes_all(key: str, earlier: Match, later: Match) -> bool:
    allowed, values = getattr(earlier, key), getattr(later, key)
    if allowed is None:
        return True
    # A language itself comes before one that matches it, so only the same tags take all.
    return set(values or _ALL_VALUES.get(key, ("",))) <= set(allowed)


_ALL_VALUES: Mapping[str, tuple[str, ...]] = {
    "priority": get_args(Priority),
    "channel": get_args(Channel),
    "tier": get_args(Tier),
}
