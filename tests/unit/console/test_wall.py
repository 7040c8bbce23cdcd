"""The wall shows what is open to everybody who passes: no name, and no word of anybody."""

from dataclasses import asdict
from typing import Any

from console.views.now import NowData
from console.views.wall import WallView, wall_view
from unit.console.answers import ahead, contact_of_escalation, escalation, reader


def wall(*escalations: dict[str, Any], **answers: Any) -> WallView:
    data = NowData({"items": [*escalations], "next_cursor": None}, **answers)
    return wall_view(data, (), reader())


def titles(view: WallView) -> dict[str, int]:
    return {band.title: band.count for band in view.bands}


def test_bands_are_the_same_for_everybody() -> None:
    view = wall(
        escalation(deadline=ahead(minutes=5)),
        escalation(deadline=ahead(minutes=-5)),
        escalation(alarm_since=ahead(minutes=-1)),
        escalation(state="acknowledged", holder="sam"),
    )
    assert titles(view) == {"Unanswered": 2, "Somebody is asked": 1, "Somebody has it": 1}


def test_wall_has_four_numbers() -> None:
    staffing = {"waiting": 7, "free_slots": 0}
    view = wall(escalation(deadline=ahead(minutes=-5)), staffing=staffing, promises_due=3)
    assert [(counter.value, counter.is_warning) for counter in view.counters] == [
        (1, True),
        (3, False),
        (7, False),
        (0, True),
    ]
    unknown = wall_view(NowData(None), ("escalation",), reader())
    assert [counter.value for counter in unknown.counters] == [None] * 4
    assert unknown.missing


def test_wall_names_nobody() -> None:
    secret = contact_of_escalation(
        customer="Ada Lovelace", subject="My invoice", representative_id="rita"
    )
    view = wall(escalation(contact=secret, awaited=["sam"]), escalation(holder="sara"))
    shown = str(asdict(view))
    for word in ("Ada", "invoice", "rita", "Rita", "sam", "Sam", "sara", "Sara"):
        assert word not in shown


def test_wall_says_how_many_rows_are_left_out() -> None:
    band = wall(*(escalation(deadline=ahead(minutes=5)) for _ in range(11))).bands[1]
    assert (len(band.rows), band.more, band.count) == (8, 3, 11)
