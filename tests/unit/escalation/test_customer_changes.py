"""A contact that is another customer's by a merge counts for that one, with its tier."""

import pytest

from common.contracts.clocks import ClockRetargeted
from common.contracts.contacts import ContactCustomerChanged, Customer, Tier
from common.contracts.event import CustomerId
from escalation.domain.settings.policies import Match, Target
from unit.escalation.clock_examples import due_s, policy, settings_with_policies
from unit.escalation.contact_harness import ContactHarness
from unit.escalation.examples import CONTACT

BY_TIER = settings_with_policies(
    usual=policy(Target("first_response", 100)),
    vip=policy(Target("first_response", 40), match=Match(tier=("vip",)), severity="critical"),
)


def change(harness: ContactHarness, tier: Tier) -> None:
    customer = Customer(customer_id=CustomerId("channel:shop:b"), name="Ann Bee", tier=tier)
    harness.send(
        ContactCustomerChanged(contact_id=CONTACT, occurred_at=harness.at, customer=customer)
    )


@pytest.fixture
def harness() -> ContactHarness:
    harness = ContactHarness(settings=BY_TIER)
    harness.receive()
    harness.assign()
    harness.advance_to(30)
    return harness


def test_tier_of_the_other_customer_retargets_clocks(harness: ContactHarness) -> None:
    change(harness, "vip")
    retargeted = harness.event(ClockRetargeted)
    assert (retargeted.policy_id, retargeted.elapsed_s) == ("vip", 30)
    assert due_s(harness, "first_response") == 40
    assert harness.contact.customer_id == "channel:shop:b"
    assert harness.contact.details is not None
    assert harness.contact.details.customer == "Ann Bee"


def test_customer_of_the_same_tier_changes_no_clock(harness: ContactHarness) -> None:
    change(harness, "standard")
    assert harness.contact.customer_id == "channel:shop:b"
    assert harness.events(ClockRetargeted) == []
    assert due_s(harness, "first_response") == 100


def test_change_of_a_contact_that_is_not_known_is_left_out() -> None:
    harness = ContactHarness(settings=BY_TIER)
    change(harness, "vip")
    assert harness.contact.customer_id is None
