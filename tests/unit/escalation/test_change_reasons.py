"""Why clocks change, as data: whose words are in it."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from common.contracts.change_reasons import ChangeReason
from common.contracts.contacts import ContactAbandoned, ContactPrioritized
from common.contracts.event import PersonId, SystemName
from escalation.domain.change_reasons import contact_abandoned, priority_changed
from unit.escalation.examples import CONTACT, SAM, START

SHOP = SystemName("channel:shop")
LEFT = ContactAbandoned(contact_id=CONTACT, occurred_at=START, reason="gone")
URGENT = ContactPrioritized(contact_id=CONTACT, occurred_at=START, priority="urgent", reason="gone")


def abandoned(by: PersonId | None, system: SystemName | None) -> ChangeReason | None:
    return contact_abandoned(replace(LEFT, by=by, reported_by=system)).data


def prioritized(by: PersonId | None, system: SystemName | None) -> ChangeReason | None:
    return priority_changed("low", replace(URGENT, by=by, reported_by=system)).data


@pytest.mark.parametrize("make", [abandoned, prioritized])
def test_words_are_those_of_a_person_only(
    make: Callable[[PersonId | None, SystemName | None], ChangeReason | None],
) -> None:
    # Of a channel they are often intake's own, such as "the call was no-answer".
    said = [make(SAM, None), make(None, SHOP), make(None, None)]
    assert [data and data.words for data in said] == ["gone", None, None]
