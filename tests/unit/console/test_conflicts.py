"""What a person reads when somebody else was faster."""

from console.views.conflicts import conflict_text
from unit.console.answers import escalation, event, held_by, reader


def test_conflict_says_who_was_faster_and_when() -> None:
    current = held_by("sam") | {"latest_step": event("escalation_acknowledged", -0.1, by="sam")}
    assert conflict_text(current, "It is acknowledged by sam.", reader()) == (
        "Meanwhile: Acknowledged by Sam Stone, 6 s ago. "
        "Look at it, then send it again if it still fits."
    )


def test_conflict_without_a_step_says_who_has_it() -> None:
    current = held_by("sam", "taken_over")
    text = conflict_text(current, "It is taken over by sam.", reader())
    assert text == "Meanwhile it is taken over by Sam Stone."


def test_conflict_without_a_holder_says_what_the_service_says() -> None:
    assert conflict_text(escalation(), "Nobody is on duty.", reader()) == "Nobody is on duty."
