"""Mails to Dana, and what is passed on from the mailbox of their sender."""

import httpx

from common.contracts.notifications import Medium
from integration.notifier.conftest import ServiceHarness, key, paged
from support.waiting import until

REPORTS = "/v1/callbacks/email/reports"
MEDIA_TYPE = {"Content-Type": "message/rfc822"}


async def post_report(
    api: httpx.AsyncClient, report: str | bytes, caller: str = "shop"
) -> httpx.Response:
    headers = {**MEDIA_TYPE, **key(caller)}
    return await api.post(REPORTS, content=report, headers=headers)


async def mail_dana(harness: ServiceHarness, *others: Medium) -> str:
    """Send a mail to Dana, who has `others` too; return its Message-ID."""
    await harness.add_recipient("dana", "email", *others)
    async with harness.delivering():
        await harness.handle(paged(media=["email"]))
        await until(harness.states, lambda states: states[0][2] == "sent")
    return str(harness.mail.messages[0]["Message-ID"])
