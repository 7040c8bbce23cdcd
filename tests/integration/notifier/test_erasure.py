"""Words of and about a customer are erased from notifications, whatever became of them."""

from datetime import timedelta
from typing import Any

from common.contracts.escalations import PagesErased
from common.core.clock import TimeSource
from integration.notifier.conftest import CONTACT, ServiceHarness, page_also, paged
from support.erasure import find_tables_with

WORDS = "PRIVATE"


async def test_words_are_gone_and_others_keep_theirs(harness: ServiceHarness) -> None:
    await harness.add_recipient("dana", "email")
    now = TimeSource().utc_now()
    words: dict[str, Any] = {
        "contact": {**CONTACT, "subject": WORDS, "customer_name": WORDS},
        "causes": [{"cause": "customer_request", "reason": WORDS, "at": now}],
        "explanation": WORDS,
        "approval": {
            "by": "sam",
            "outcome": "refund",
            "amount": "9",
            "currency": "EUR",
            "note": WORDS,
        },
        "coaching": {"by": "sam", "person_id": "rui", "text": WORDS},
    }
    page = paged(**words)
    other = paged(contact={**CONTACT, "subject": "Lost parcel"})
    await harness.handle(page, page_also(page, "nobody", **words), other)
    assert await find_tables_with(harness.database, WORDS) == {"notifications"}
    erased = PagesErased(contact_id=page.contact_id, occurred_at=now + timedelta(seconds=1))
    await harness.handle(erased)
    await harness.handle(erased)
    assert await find_tables_with(harness.database, WORDS) == set()
    assert await find_tables_with(harness.database, "Lost parcel") == {"notifications"}
