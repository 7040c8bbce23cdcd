"""A contact may go to who serves its language by fallback, or the fallback queue on record."""

from collections.abc import Sequence

import pytest

from common.contracts.assignments import ContactUnserved
from common.contracts.event import Event
from stage.invariants.assignments import is_fit
from unit.stage.examples import ADA, NOON, received

UNSERVED = ContactUnserved(
    contact_id=ADA, occurred_at=NOON, queue="billing/en", fallback_queue="general/en"
)
ALONE = ContactUnserved(contact_id=ADA, occurred_at=NOON, queue="billing/en")


@pytest.mark.parametrize(
    ("skills", "languages", "events", "fits"),
    [
        (("billing",), ("en",), (), True),
        (("billing",), ("en-GB",), (), True),
        (("billing",), ("es",), (), False),
        (("general",), ("en",), (), False),
        (("general",), ("en",), (UNSERVED,), True),
        (("general",), ("es",), (UNSERVED,), False),
        (("general",), ("en",), (ALONE,), False),
    ],
)
def test_fallback_on_record_fits(
    skills: tuple[str, ...], languages: tuple[str, ...], events: Sequence[Event], *, fits: bool
) -> None:
    assert is_fit(received(ADA), events, skills, languages) is fits
