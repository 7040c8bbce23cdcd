"""How a person stops a kind of mail, by a link or in the settings, and gets it again."""

from collections.abc import Collection

from common.contracts.event import PersonId
from notifier.domain.mail_stops import STOPPABLE_MAILS, MailStop, StoppableMail
from notifier.domain.recipients import Recipient, require_link
from notifier.links import MailStopLink
from notifier.store.unit_of_work import UnitOfWork
from notifier.use_cases.recipients import Caller, require_read

_BY_LINK = "link"


async def read_link(link: MailStopLink, uow: UnitOfWork) -> tuple[Recipient, bool]:
    """Return whom the link is of, and whether the kind is stopped already; changes nothing.

    Raises LinkVoidError: the mailbox may no longer be that of the person.
    """
    recipient = require_link(await uow.recipients.get(link.person_id), link.link_epoch)
    return recipient, await uow.mail_stops.has(link.person_id, link.kind)


async def stop_by_link(link: MailStopLink, uow: UnitOfWork) -> Recipient:
    """Stop the kind of mail that the link came with; raises LinkVoidError."""
    recipient, _ = await read_link(link, uow)
    await uow.mail_stops.add(MailStop(link.person_id, link.kind, uow.now, _BY_LINK))
    return recipient


async def read_stops(caller: Caller, person_id: PersonId, uow: UnitOfWork) -> list[MailStop]:
    """Return what the person has stopped; raises RecipientForbiddenError."""
    await require_read(caller, person_id, uow)
    return await uow.mail_stops.of(person_id)


async def set_stops(
    caller: Caller, person_id: PersonId, kinds: Collection[StoppableMail], uow: UnitOfWork
) -> list[MailStop]:
    """Stop these kinds, and send the others again; raises RecipientForbiddenError."""
    await require_read(caller, person_id, uow)
    await uow.mail_stops.remove(person_id, set(STOPPABLE_MAILS) - set(kinds))
    for kind in sorted(kinds):
        await uow.mail_stops.add(MailStop(person_id, kind, uow.now, caller.name))
    return await uow.mail_stops.of(person_id)
