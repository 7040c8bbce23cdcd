"""One notifier process with its own database and topics, and local servers of Slack and mail."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import msgspec

import devstack
from bench.service_testbed import ServiceTestbed, open_service
from common.contracts.event import PersonId
from common.core.clock import TimeSource
from notifier.domain.recipients import Address, Recipient
from notifier.domain.verification import verify

# How long messages may take to arrive.
TIMEOUT_S = 120
# Of events that are published at once, as the relay of a busy service signs them.
SIGNED_TOGETHER = 100
_PUT_RECIPIENTS = """
    INSERT INTO notifier.recipients
        (person_id, name, media, verified, link_epoch, time_zone, devices)
    SELECT person_id, 'P', media::jsonb, verified::jsonb, 1, 'UTC', '[]'
    FROM unnest($1::text[], $2::text[], $3::text[]) AS new (person_id, media, verified)
"""


@asynccontextmanager
async def open_notifier(
    stack: devstack.Stack, settings: Mapping[str, str], recipients: int = 0
) -> AsyncIterator[ServiceTestbed]:
    """Yield the testbed; it has as many recipients, `p1` and so on, each with Slack and mail."""
    async with open_service(
        stack, "notifier", {"UPSTAIRS_LOG_LEVEL": "error", **settings}
    ) as testbed:
        await _put_recipients(testbed, [f"p{n}" for n in range(1, recipients + 1)])
        yield testbed


async def _put_recipients(testbed: ServiceTestbed, people: Sequence[str]) -> None:
    """Add people whose addresses an admin has set, so that they are verified."""
    now = TimeSource().utc_now()
    recipients = [
        verify(recipient, recipient.addresses, now) for recipient in map(_recipient, people)
    ]
    media = [msgspec.json.encode(each.media).decode() for each in recipients]
    verified = [msgspec.json.encode(each.verified).decode() for each in recipients]
    await testbed.fetch(_PUT_RECIPIENTS, people, media, verified)


def _recipient(person: str) -> Recipient:
    slack = Address("slack", {"channel": f"D-{person}", "user_id": f"U-{person}"})
    email = Address("email", {"address": f"{person}@example.com"})
    return Recipient(PersonId(person), "P", (slack, email))
