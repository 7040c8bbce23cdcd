"""Which addresses are told that they are no longer used."""

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from common.contracts.event import PersonId
from common.core.ids import new_id
from notifier.domain.recipients import Address, ContactMethods, RecipientChange

TEAMS = Address("teams", {"service": "teams", "url": "sealed", "conversation": "19:a"})
SLACK = Address("slack", {"channel": "D1", "user_id": "U1"})


def removed(before: Address, after: Address) -> tuple[Address, ...]:
    change = RecipientChange(
        change_id=new_id(),
        person_id=PersonId("dana"),
        changed_at=datetime(2026, 11, 1, tzinfo=UTC),
        changed_by="mona",
        before=ContactMethods("Dana", (before,)),
        after=ContactMethods("Dana", (after,)),
    )
    assert change.changes_addresses
    return change.removed_addresses


def test_secret_address_of_which_only_another_detail_changes_is_still_used() -> None:
    conversation = {**TEAMS.details, "conversation": "19:b"}
    assert removed(TEAMS, replace(TEAMS, details=conversation)) == ()


@pytest.mark.parametrize(
    ("before", "name"), [(TEAMS, "url"), (SLACK, "user_id"), (SLACK, "channel")]
)
def test_address_whose_messages_go_elsewhere_is_removed(before: Address, name: str) -> None:
    after = replace(before, details={**before.details, name: "another"})
    assert removed(before, after) == (before,)
