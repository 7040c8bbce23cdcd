"""Words of and about a customer are erased from notifications, whatever became of them."""

from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from common.contracts.escalations import PagesErased
from common.core.clock import TimeSource
from integration.notifier.conftest import CONTACT, ServiceHarness, page_also, paged
from notifier.domain.content import HeldPage, Summary, from_page
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
    # A summary of pages that were held back is about several contacts.
    async with harness.database.transaction() as uow:
        (mail,) = await uow.notifications.lock_about(other.contact_id)
        pages = [
            HeldPage(mail.notification_id, event.contact_id, None, from_page(event))
            for event in (page, other)
        ]
        summary = Summary(pages=tuple(pages))
        uow.notifications.put(replace(mail, content=replace(mail.content, summary=summary)))
    assert await find_tables_with(harness.database, WORDS) == {"notifications"}
    erased = PagesErased(contact_id=page.contact_id, occurred_at=now + timedelta(seconds=1))
    await harness.handle(erased)
    await harness.handle(erased)
    assert await find_tables_with(harness.database, WORDS) == set()
    assert await find_tables_with(harness.database, "Lost parcel") == {"notifications"}
