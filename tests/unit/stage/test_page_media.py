"""A page that is limited to some media need be tried on these alone."""

from dataclasses import replace

import pytest

from common.contracts.escalations import PageRequested
from common.contracts.notifications import Medium
from stage.invariants import Snapshot, check
from unit.stage.examples import good

NEVER = "a page was never tried"


def limited(facts: Snapshot, *media: Medium) -> Snapshot:
    """Have Sara mail beside Slack, and her page limited to these; Slack alone was tried."""
    (sara,) = facts.recipients
    both = replace(sara, media=(*sara.media, replace(sara.media[0], medium="email")))
    records = [
        replace(one, event=one.event.model_copy(update={"media": media}))
        if isinstance(one.event, PageRequested)
        else one
        for one in facts.records
    ]
    assert records != facts.records
    return replace(facts, recipients=[both], records=records)


@pytest.mark.parametrize(
    ("media", "missing"),
    [(("slack",), False), (("slack", "sms"), False), (("email",), True), (("sms",), True)],
)
def test_only_the_media_it_names_are_expected(media: tuple[Medium, ...], *, missing: bool) -> None:
    verdict = check(limited(good(), *media))
    assert (NEVER in {one.message for one in verdict.violations}) == missing, str(verdict)
