"""What the notifier will tell the system that a contact came from."""

from common.contracts.statuses import ContactStatusChanged
from notifier.domain import status_webhooks
from notifier.store.unit_of_work import UnitOfWork


async def queue_status(event: ContactStatusChanged, sequence: int, uow: UnitOfWork) -> None:
    """Let the status be sent, if its system has a webhook that wants it; again is fine."""
    webhook = (await uow.status_webhooks.of_systems([event.source]))[event.source]
    if webhook is not None and webhook.wants(event.status):
        uow.status_deliveries.add(status_webhooks.queue(event, sequence, uow.now))
