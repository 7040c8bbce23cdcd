"""What the demo prints of an event."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from rich.console import Console

from common.contracts.clocks import ClockDeadline, ClockName, ClocksStarted
from common.contracts.event import ContactId, Event, PersonId
from common.contracts.notifications import RecipientChanged
from common.core.ids import EventId, new_id
from common.messaging.envelope import Envelope
from stage.console_users import Observation, Sight
from stage.event_log import LoggedEvent
from stage.timeline import Timeline, print_observations

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
LATER = AT + timedelta(seconds=1)


def clock(name: ClockName) -> ClockDeadline:
    return ClockDeadline(clock=name, run=1, started_at=AT, due_at=LATER, target_s=1, thresholds=())


STARTED = ClocksStarted(
    contact_id=ContactId(new_id()),
    occurred_at=AT,
    policy_id="gold",
    policy_version=3,
    clocks=(clock("first_response"), clock("resolution")),
    reason="contact received",
)


@pytest.fixture
def output() -> StringIO:
    return StringIO()


@pytest.fixture
def timeline(output: StringIO) -> Timeline:
    return Timeline(Console(file=output, width=200))


def entry(event: Event) -> LoggedEvent:
    envelope = Envelope(EventId(new_id()), event.type, "test", event.key, 1, None)
    return LoggedEvent(envelope, event, event.occurred_at)


def changed(person: str, at: datetime) -> RecipientChanged:
    return RecipientChanged(occurred_at=at, person_id=PersonId(person), media=())


def test_clocks_are_printed_by_their_names(timeline: Timeline, output: StringIO) -> None:
    timeline.add_event(entry(STARTED))
    assert "ClocksStarted first_response, resolution · contact received\n" in output.getvalue()


def test_events_about_people_from_before_the_story_are_not_printed(
    timeline: Timeline, output: StringIO
) -> None:
    for event in (changed("marco", AT), STARTED, changed("sara", AT), changed("dora", LATER)):
        timeline.add_event(entry(event))
    assert [name for name in ("marco", "sara", "dora") if name in output.getvalue()] == ["dora"]


def test_observation_is_printed_as_the_person_saw_it(output: StringIO) -> None:
    sight = Sight(
        band="needs_you",
        headline="Billing ticket from Ada",
        reasons=("No first reply within 3 s", "Not answered below, now at manager"),
        time_left="14 s to answer",
        who="Must answer: you",
        button="Acknowledge",
    )
    observation = Observation("marco", sight, "take_over", "You have it [Resolve…]")
    print_observations(Console(file=output, width=200), [observation], "in a browser")
    printed = output.getvalue()
    assert "What people saw in the console, in a browser" in printed
    for text in ("Marco", sight.time_left, sight.headline, *sight.reasons, "take over", "Resolve…"):
        assert text in printed
