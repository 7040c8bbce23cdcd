"""No event of an escalation grows with use: its size has a bound far below the broker's limit."""

from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from common.contracts import clocks, complaints, escalations
from common.contracts.contacts import Customer, FeedbackReceived, SupervisorRequested
from common.contracts.escalations import EscalationCauseAdded
from common.contracts.event import MAX_EVENT_BYTES, CustomerId, PersonId
from common.contracts.texts import NOTE_LENGTH, REASON_LENGTH
from common.service.asyncapi import json_schemas
from escalation.domain import reactions
from escalation.domain.escalations import actions, approvals
from escalation.domain.escalations.causes import MAX_CAUSES
from escalation.domain.money import Money, ProposedOutcome
from escalation.domain.settings.ladders import Ladder, Level, TeamSupervisors
from escalation.domain.settings.people import Team
from escalation.domain.settings.policies import RaiseRules
from escalation.domain.settings.registry import Configuration, Versioned
from unit.escalation.action_examples import CALM, LIMITS
from unit.escalation.contact_harness import ContactHarness
from unit.escalation.examples import CONTACT, SETTINGS, contact_received

# Of four bytes, of six as JSON, and one that JSON doubles.
WORST = st.sampled_from('\U0001f525\x01"')


def person(n: int) -> PersonId:
    return PersonId(f"{n:0>100}")


def largest_settings() -> Configuration:
    """Return the largest ladder that the settings' schema allows; everybody is somebody else."""
    teams = {
        f"{n:0>100}": Versioned(f"{n:0>100}", 1, Team(tuple(person(20 * n + m) for m in range(20))))
        for n in range(20)
    }
    rules = tuple(TeamSupervisors("team_supervisors", team_id) for team_id in teams)
    name = "\U0001f525" * 100
    levels = tuple(
        Level(name, 5, rules[10 * (n % 2) :][:10], media=("slack",) * 10) for n in range(20)
    )
    policy = replace(CALM, raise_when=RaiseRules(feedback_at_most=2))
    return replace(
        SETTINGS,
        policies={"gold": Versioned("gold", 1, policy)},
        ladders={"default": Versioned("default", 1, Ladder(levels, 20, 60))},
        teams=teams,
        limits=LIMITS,
    )


def raise_by_hand(harness: ContactHarness, by: int, reason: str) -> None:
    harness.apply(partial(reactions.raise_by_hand, by=person(by), reason=reason))


def sizes(harness: ContactHarness) -> dict[str, int]:
    return {
        event.type: len(msgspec.json.encode(event))
        for event in sorted(
            harness.published, key=lambda event: len(msgspec.json.encode(event).decode())
        )
    }


@settings(max_examples=6, deadline=None)
@given(character=WORST, repeats=st.integers(1, 40))
def test_largest_escalation_has_small_events(character: str, repeats: int) -> None:
    reason, note = character * REASON_LENGTH, character * NOTE_LENGTH
    harness = ContactHarness(largest_settings())
    received = contact_received(harness.at)
    customer = Customer(customer_id=CustomerId("c"), name=reason, region="x")
    harness.send(structs.replace(received, customer=customer, subject=character * 80_000))
    harness.assign()
    for n in range(repeats):
        raise_by_hand(harness, n, reason)
        raise_by_hand(harness, n, reason)
        harness.send(
            FeedbackReceived(
                contact_id=CONTACT, occurred_at=harness.at, score=1, comment=character * 80_000
            )
        )
        harness.send(
            SupervisorRequested(
                contact_id=CONTACT, occurred_at=harness.at, quote=character * 80_000
            )
        )
    holder = harness.last_page.person_id
    harness.advance_to(30)
    harness.press(holder, "take_over")
    harness.act(holder, actions.add_note, text=note)
    harness.act(
        holder,
        actions.mediate,
        customer_statement=note,
        representative_statement=note,
        proposal=note,
    )
    harness.act(holder, actions.request_coaching, person_id=person(999), text=note)
    proposed = ProposedOutcome("refund", note, Money(Decimal("999999999999.99"), "EUR"))
    harness.act(holder, approvals.resolve, role="supervisor", proposed=proposed)
    harness.act(holder, approvals.refuse, role="supervisor", reason=reason)
    harness.act(holder, actions.refer_up, reason=reason)
    assert max(sizes(harness).values()) < MAX_EVENT_BYTES / 4


def test_repeated_causes_are_counted_and_last_ones_kept() -> None:
    harness = ContactHarness(SETTINGS)
    harness.receive()
    for n in range(3):
        raise_by_hand(harness, 1, f"reason {n}")
    harness.ask_for_supervisor()
    for n in range(2, 30):
        raise_by_hand(harness, n, f"reason {n}")
    causes = harness.open_escalation.causes
    assert len(causes) == MAX_CAUSES
    assert (causes[0].by, causes[0].reason, causes[0].count) == (person(1), "reason 2", 3)
    assert causes[1].kind == "customer_request"
    assert [cause.by for cause in causes[2:]] == [person(n) for n in range(22, 30)]
    assert harness.open_escalation.cause_count == 32
    assert len(harness.events(EscalationCauseAdded)) == 31


def test_every_text_of_an_event_has_a_bound_in_its_contract() -> None:
    """Ids have the lengths that the API allows; all other texts have a length, or are few."""
    unbounded = {
        f"{kind.__name__}.{place}"
        for kind in (*escalations.EVENTS, *complaints.EVENTS, *clocks.EVENTS)
        for place in _unbounded_texts(json_schemas()[kind.type], "")
    }
    assert {place for place in unbounded if not place.endswith(_BOUNDED_ELSEWHERE)} == set()


_BOUNDED_ELSEWHERE = (
    "unreached[]",
    *("_id", "_by", ".by", ".to", "person", "about", "level_name", "currency", "amount"),
    *("received_from", "external_ref"),
    *("approvers[]", "people[]", "also_asked[]", "absent[]", "slot"),
)


def _unbounded_texts(schema: dict[str, Any], place: str) -> set[str]:
    places: set[str] = set()
    properties = {**schema.get("properties", {})}
    for name, definition in schema.get("$defs", {}).items():
        places |= _unbounded_texts(definition, name)
    for name, field in properties.items():
        choices = field.get("anyOf", [field])
        for choice in choices:
            item = choice.get("items", choice)
            suffix = "[]" if "items" in choice else ""
            if item.get("type") == "string" and not {"maxLength", "enum", "const", "format"} & set(
                item
            ):
                places.add(f"{place}.{name}{suffix}".lstrip("."))
    return places
