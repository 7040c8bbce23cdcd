"""What stays verified when an address is encrypted again."""

from datetime import UTC, datetime

from msgspec.structs import replace

from common.contracts.event import PersonId
from notifier.domain.recipients import Address, Recipient
from notifier.domain.verification import (
    is_verified,
    verify,
    with_media_encrypted_again,
    without_outdated,
)

AT = datetime(2026, 11, 1, tzinfo=UTC)
TEAMS = Address("teams", {"service": "teams", "url": "sealed with the first key"})
EMAIL = Address("email", {"address": "dana@example.com"})


def test_address_that_was_verified_stays_so_under_another_key() -> None:
    dana = Recipient(PersonId("dana"), "Dana", (TEAMS, EMAIL))
    verified = verify(dana, (TEAMS,), AT)
    moved = replace(TEAMS, details={**TEAMS.details, "url": "sealed with the second key"})
    after = without_outdated(with_media_encrypted_again(verified, (moved, EMAIL)))
    assert is_verified(after, moved)
    assert not is_verified(after, EMAIL)
