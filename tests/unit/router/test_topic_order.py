"""Events of two topics give the same result in whatever order the topics deliver them."""

from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from common.contracts.event import ContactId, PersonId
from router.domain.staffing.representatives import Workload
from unit.router.routing_harness import START, RoutingHarness

History = list[tuple[str, datetime]]
FROM_INTAKE = ("receive", "resolve", "abandon", "reopen")


@st.composite
def histories(draw: st.DrawFn) -> tuple[History, History]:
    """Return one history in the order of time, and as two topics may deliver it."""
    happened: History = [("receive", START)]
    ended = taken_over = False
    for second in range(1, draw(st.integers(1, 7))):
        possible = ["reopen"] if ended else ["resolve", "abandon"]
        possible.append("take_over")
        if taken_over:
            # An escalation that ends while the contact is open resolves it: here only after that.
            possible += ["hand_back", "end"] if ended else ["hand_back"]
        event = draw(st.sampled_from(possible))
        ended = {"resolve": True, "abandon": True, "reopen": False}.get(event, ended)
        taken_over = {"take_over": True, "hand_back": False, "end": False}.get(event, taken_over)
        happened.append((event, START + timedelta(seconds=second)))
    from_intake = [entry for entry in happened if entry[0] in FROM_INTAKE]
    from_escalation = [entry for entry in happened if entry[0] not in FROM_INTAKE]
    delivered: History = []
    while from_intake or from_escalation:
        first = from_intake if draw(st.booleans()) else from_escalation
        delivered.append((first or from_intake or from_escalation).pop(0))
    return happened, delivered


@settings(max_examples=300)
@given(histories(), st.booleans())
def test_order_across_topics_does_not_change_the_result(
    orders: tuple[History, History],
    batched: bool,
) -> None:
    happened, delivered = orders
    assert outcome(happened, batched=False) == outcome(delivered, batched=batched)


def deliver(harness: RoutingHarness, contact: ContactId, event: str, occurred_at: datetime) -> None:
    match event:
        case "receive":
            harness.receive(contact, "billing", "en", "normal")
        case "resolve":
            harness.resolve(contact, occurred_at)
        case "abandon":
            harness.abandon(contact, occurred_at)
        case "reopen":
            harness.reopen(contact, occurred_at)
        case "take_over":
            harness.take_over(contact, occurred_at)
        case "hand_back":
            harness.hand_back(contact, occurred_at)
        case "end":
            harness.end_escalation(contact, occurred_at)
        case _:
            pass


def outcome(history: History, *, batched: bool) -> tuple[object, ...]:
    harness = RoutingHarness()
    rita = PersonId("rita")
    harness.hire(rita, ["billing"], ["en"], Workload(capacity=1))
    contact = ContactId("c1")
    for event, occurred_at in history:
        deliver(harness, contact, event, occurred_at)
        if not batched:
            harness.match()
    harness.match()
    final = harness.assignments[contact]
    return (
        final.state,
        final.representative_id,
        final.supervisor_id,
        harness.people[rita].load,
        sorted(harness.timers),
    )
