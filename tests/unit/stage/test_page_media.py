"""A page that is limited to some media need only be tried on these."""

from dataclasses import replace

import pytest
from msgspec import structs

from common.contracts.escalations import PageRequested
from common.contracts.notifications import Medium
from stage.invariants import Snapshot, check
from unit.stage.examples import sound_history

NEVER = "a page was never tried"


def limited(snapshot: Snapshot, *media: Medium) -> Snapshot:
    """Give Sara e-mail and Slack and limit her page to `media`; only Slack was tried."""
    (sara,) = snapshot.recipients
    both = replace(sara, media=(*sara.media, replace(sara.media[0], medium="email")))
    records = [
        replace(record, event=structs.replace(record.event, media=media))
        if isinstance(record.event, PageRequested)
        else record
        for record in snapshot.records
    ]
    assert records != snapshot.records
    return replace(snapshot, recipients=[both], records=records)


@pytest.mark.parametrize(
    ("media", "missing"),
    [(("slack",), False), (("slack", "sms"), False), (("email",), True), (("sms",), True)],
)
def test_page_is_expected_only_on_its_media(media: tuple[Medium, ...], *, missing: bool) -> None:
    verdict = check(limited(sound_history(), *media))
    assert (NEVER in {item.message for item in verdict.violations}) == missing, str(verdict)
