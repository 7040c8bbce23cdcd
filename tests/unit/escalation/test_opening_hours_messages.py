"""What is said about opening hours that can't be read: how to write them."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from common.contracts.validation_messages import describe
from escalation.domain.duty.calendars import DayHours


@pytest.mark.parametrize(
    ("day", "words"),
    [
        (
            ["22:00-06:00"],
            (
                'write opening hours as a list of pairs, [["22:00", "24:00"]] on this day and '
                '[["00:00", "06:00"]] on the next day'
            ),
        ),
        (
            "22:00 - 00:00",
            'write opening hours as a list of pairs, [["22:00", "24:00"]]',
        ),
        (
            "09:00-12:00, 13:00-17:00",
            ('write opening hours as a list of pairs, [["09:00", "12:00"], ["13:00", "17:00"]]'),
        ),
        (
            ["09:00", "17:00"],
            'write opening hours as a list of pairs, [["09:00", "17:00"]]',
        ),
        (
            [["22:00", "06:00"]],
            (
                "06:00 is on the next day: write opening hours as a list of pairs, "
                '[["22:00", "24:00"]] on this day and [["00:00", "06:00"]] on the next day'
            ),
        ),
        ([["09:00", "12:00"], ["11:00", "17:00"]], "11:00 does not come after 12:00"),
        (
            [["9:00", "17:00"]],
            "must be a time from 00:00 to 24:00 with four digits, for example 09:30",
        ),
        ([["09:00"]], "is missing"),
    ],
)
def test_answer_says_how_to_write_opening_hours(day: Any, words: str) -> None:
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(DayHours).validate_python(day)
    assert [describe(error) for error in refused.value.errors()] == [words]
