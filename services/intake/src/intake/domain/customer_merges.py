"""Merged customers: each names the customer that it was merged into, and may be taken out again.

Nothing is moved: contacts and addresses stay with the id under which they came. The customers that
lead to the same one are one customer, the `survivor`. So a merge that is undone restores who had
what, in whatever order merges are made and undone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from common.contracts.event import CustomerId
from intake.domain.errors import (
    CustomerMergedElsewhereError,
    CustomerMergeTargetError,
    CustomerNotFoundError,
)

MergeAction = Literal["merged", "unmerged"]


@dataclass(frozen=True, slots=True)
class CustomerLink:
    """`survivor_id` is the end of the links of `merged_into`; both None for who is not merged."""

    customer_id: CustomerId
    merged_into: CustomerId | None = None
    survivor_id: CustomerId | None = None
    version: int = 1

    @property
    def survivor(self) -> CustomerId:
        return self.survivor_id or self.customer_id


Links = Mapping[CustomerId, CustomerLink]


@dataclass(frozen=True, slots=True)
class MergeDecision:
    """The links that change; `moved` are the customers who have another survivor now."""

    changed: tuple[CustomerLink, ...] = ()
    moved: tuple[CustomerLink, ...] = ()


def merge(links: Links, customer_id: CustomerId, into: CustomerId) -> MergeDecision:
    """Merge a customer into another one; the same merge again changes nothing.

    `links` are all that have the same survivor as one of the two. Raises CustomerNotFoundError,
    CustomerMergeTargetError and CustomerMergedElsewhereError.
    """
    customer, target = _get(links, customer_id), links.get(into)
    if target is None or target.survivor == customer_id:
        raise CustomerMergeTargetError
    if customer.merged_into == into:
        return MergeDecision()
    if customer.merged_into is not None:
        raise CustomerMergedElsewhereError(customer.merged_into)
    return _relink(links, customer, into)


def unmerge(links: Links, customer_id: CustomerId) -> MergeDecision:
    """Undo the merge of a customer, who keeps those that were merged into them.

    Who is not merged stays so. Raises CustomerNotFoundError.
    """
    customer = _get(links, customer_id)
    if customer.merged_into is None:
        return MergeDecision()
    return _relink(links, customer, None)


def _get(links: Links, customer_id: CustomerId) -> CustomerLink:
    customer = links.get(customer_id)
    if customer is None:
        raise CustomerNotFoundError
    return customer


def _relink(links: Links, customer: CustomerLink, into: CustomerId | None) -> MergeDecision:
    linked = dict(links)
    linked[customer.customer_id] = replace(customer, merged_into=into, version=customer.version + 1)
    other = links[into or customer.merged_into or customer.customer_id]
    linked[other.customer_id] = replace(other, version=other.version + 1)
    linked = {key: _with_survivor(link, linked) for key, link in linked.items()}
    changed = tuple(link for key, link in linked.items() if link != links[key])
    moved = tuple(link for link in changed if link.survivor != links[link.customer_id].survivor)
    return MergeDecision(changed, moved)


def _with_survivor(link: CustomerLink, links: Links) -> CustomerLink:
    end = link
    while end.merged_into is not None:
        end = links[end.merged_into]
    survivor = None if end.customer_id == link.customer_id else end.customer_id
    return replace(link, survivor_id=survivor)
