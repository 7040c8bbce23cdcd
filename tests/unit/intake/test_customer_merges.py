"""Merges of customers: whatever is merged and unmerged, undoing it restores who had what."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.contracts.event import CustomerId
from intake.domain.customer_merges import CustomerLink, Links, MergeDecision, merge, unmerge
from intake.domain.errors import (
    CustomerMergedElsewhereError,
    CustomerMergeTargetError,
    CustomerNotFoundError,
)

A, B, C, D = (CustomerId(f"channel:shop:{name}") for name in "abcd")
NAMES = (A, B, C, D)
NOT_MERGED: Links = {name: CustomerLink(name) for name in NAMES}
REFUSALS = (CustomerMergeTargetError, CustomerMergedElsewhereError)

# A merge of the first into the second, or, without a second, the undoing of one.
Step = tuple[CustomerId, CustomerId | None]
STEPS = st.lists(st.tuples(st.sampled_from(NAMES), st.none() | st.sampled_from(NAMES)), max_size=20)


def apply(links: Links, decision: MergeDecision) -> Links:
    return {**links, **{link.customer_id: link for link in decision.changed}}


def play(links: Links, steps: Sequence[Step]) -> Links:
    for customer_id, into in steps:
        try:
            decision = (
                unmerge(links, customer_id) if into is None else merge(links, customer_id, into)
            )
        except REFUSALS:
            continue
        links = apply(links, decision)
        require_sound(links)
    return links


def require_sound(links: Links) -> None:
    """Every customer leads to its survivor, without a circle."""
    for link in links.values():
        path, end = {link.customer_id}, link
        while end.merged_into is not None:
            end = links[end.merged_into]
            assert end.customer_id not in path, "a circle"
            path.add(end.customer_id)
        assert link.survivor == end.customer_id
        assert (link.survivor_id is None) == (link.merged_into is None)


def survivors(links: Links) -> dict[CustomerId, CustomerId]:
    return {name: link.survivor for name, link in links.items()}


@given(STEPS, st.permutations(NAMES))
def test_undoing_all_merges_in_any_order_restores_all(
    steps: list[Step], order: list[CustomerId]
) -> None:
    links = play(NOT_MERGED, steps)
    links = play(links, [(customer_id, None) for customer_id in order])
    assert survivors(links) == survivors(NOT_MERGED)


@given(STEPS, st.sampled_from(NAMES), st.sampled_from(NAMES))
def test_undone_merge_restores_what_was_before(
    steps: list[Step], customer_id: CustomerId, into: CustomerId
) -> None:
    before = play(NOT_MERGED, steps)
    try:
        decision = merge(before, customer_id, into)
    except REFUSALS:
        return
    merged = apply(before, decision)
    assert merged[customer_id].survivor == before[into].survivor
    # The same again changes nothing.
    assert merge(merged, customer_id, into).changed == ()
    if decision.changed:
        assert survivors(apply(merged, unmerge(merged, customer_id))) == survivors(before)


@given(STEPS)
def test_moved_are_those_with_another_survivor_and_each_change_is_a_new_version(
    steps: list[Step],
) -> None:
    links = play(NOT_MERGED, steps)
    for customer_id in NAMES:
        after = apply(links, unmerge(links, customer_id))
        moved = {name for name in NAMES if after[name].survivor != links[name].survivor}
        assert {link.customer_id for link in unmerge(links, customer_id).moved} == moved
        relinked = {name for name in NAMES if after[name].merged_into != links[name].merged_into}
        assert all(after[name].version > links[name].version for name in relinked)


def test_unmerged_customer_keeps_who_was_merged_into_it() -> None:
    links = play(NOT_MERGED, [(A, B), (B, C), (B, None)])
    assert survivors(links) == {A: B, B: B, C: C, D: D}
    links = play(links, [(B, C), (A, None)])
    assert survivors(links) == {A: A, B: C, C: C, D: D}


def test_circle_and_itself_are_refused() -> None:
    links = play(NOT_MERGED, [(A, B), (B, C)])
    for into in (A, B, C):
        with pytest.raises(CustomerMergeTargetError):
            merge(links, C, into)


def test_merged_customer_is_merged_into_no_other() -> None:
    links = play(NOT_MERGED, [(A, B)])
    with pytest.raises(CustomerMergedElsewhereError) as refused:
        merge(links, A, C)
    assert refused.value.merged_into == B


def test_unknown_customer_is_refused() -> None:
    unknown = CustomerId("channel:shop:unknown")
    with pytest.raises(CustomerNotFoundError):
        merge(NOT_MERGED, unknown, A)
    with pytest.raises(CustomerNotFoundError):
        unmerge(NOT_MERGED, unknown)
    with pytest.raises(CustomerMergeTargetError):
        merge(NOT_MERGED, A, unknown)
