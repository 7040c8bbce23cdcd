"""How a person is reached: what events and the API change of it, and what follows."""

from datetime import datetime
from typing import NamedTuple

import structlog
from msgspec.structs import replace

from common.contracts.event import OPERATIONS, NotificationId, PersonId
from common.contracts.notifications import Medium, RecipientChanged
from common.contracts.people import ContactMethodsChanged, PersonDescribed
from common.core import trace
from common.core.ids import new_id
from common.storage.known_people import record_person
from notifier.domain import own_messages, verification
from notifier.domain.recipients import (
    Address,
    ContactMethods,
    Recipient,
    RecipientChange,
    ReportingLine,
    with_secret_media,
    without_refused,
)
from notifier.secret_addresses import without_secret
from notifier.store.unit_of_work import UnitOfWork

# As `Principal.actor` names who is no person.
_SYSTEM = "admin:"

log = structlog.get_logger()


class Entry(NamedTuple):
    """Who sets how a person is reached, and when.

    `addresses`: those that they have entered, as the others stay as they were; None: all.
    """

    by: str
    at: datetime
    refused_media: tuple[Medium, ...] = ()
    addresses: tuple[Address, ...] | None = None


async def describe_person(event: PersonDescribed, uow: UnitOfWork) -> None:
    """Keep the name and who reports to whom. Links and API keys of a person who leaves are void."""
    if event.person_id == OPERATIONS:
        # No person: nobody is above it, and it never leaves.
        return
    line = ReportingLine(event.person_id, event.version, event.reports_to, event.active)
    if not await uow.reporting_lines.save(line):
        return
    before = await uow.recipients.lock(event.person_id)
    named = replace(before or Recipient(event.person_id, "", ()), name=event.name)
    if before and before.name != event.name:
        named = replace(named, version=before.version + 1)
    await uow.recipients.save(named)
    await record_person(event, uow)
    if not event.active:
        await uow.recipients.void_links(event.person_id)


async def change_contact_methods(event: ContactMethodsChanged, uow: UnitOfWork) -> None:
    """Set how a person is reached, unless somebody has changed it here since.

    A user that another recipient has is refused; the other addresses count all the same.
    """
    if event.person_id == OPERATIONS:
        return
    before = await uow.recipients.lock(event.person_id)
    if await uow.recipient_changes.count_since(event.person_id, event.occurred_at):
        log.warning("contact_methods_outdated", person_id=event.person_id, by=event.by)
        return
    media = tuple(Address(method.medium, method.details) for method in event.contact_methods)
    refused = await uow.recipients.taken_media(event.person_id, media)
    if refused:
        log.warning("contact_method_refused", person_id=event.person_id, by=event.by, media=refused)
    own = before.methods if before else ContactMethods(event.name, ())
    counted = with_secret_media(without_refused(media, refused, before), before)
    methods = replace(own, name=event.name, media=counted)
    entered = tuple(address for address in media if address.medium not in refused)
    entry = Entry(event.by, event.occurred_at, refused, entered)
    await change_recipient(before, event.person_id, methods, entry, uow)


async def change_recipient(
    before: Recipient | None,
    person_id: PersonId,
    methods: ContactMethods,
    entry: Entry,
    uow: UnitOfWork,
) -> Recipient:
    """Set how a locked person is reached; keep who did it, tell addresses no longer used.

    Raises ChannelUserTakenError.
    """
    change = RecipientChange(
        change_id=new_id(),
        person_id=person_id,
        changed_at=entry.at,
        changed_by=entry.by,
        before=before.methods if before else None,
        after=methods,
        refused_media=entry.refused_media,
    )
    if before and change.before == change.after and not entry.refused_media:
        return before
    epoch = before.link_epoch if before else 0
    saved = replace(
        before or Recipient(person_id, methods.name, ()),
        name=methods.name,
        media=methods.media,
        time_zone=methods.time_zone,
        rules=methods.rules,
        language=methods.language,
        version=before.version + 1 if before else 1,
        link_epoch=epoch + 1 if before is None or change.changes_addresses else epoch,
    )
    saved = verification.without_outdated(saved)
    if entry.by.startswith(_SYSTEM):
        # The organisation's own directory vouches for what an admin enters.
        entered = saved.media if entry.addresses is None else entry.addresses
        saved = verification.verify(saved, entered, entry.at)
    await record_recipient(before, saved, uow)
    await uow.recipient_changes.add(_without_secrets(change))
    for address in change.removed_addresses:
        notice = own_messages.address_notice(
            change, address, NotificationId(new_id()), trace.current()
        )
        uow.notifications.add(notice)
    return saved


def _without_secrets(change: RecipientChange) -> RecipientChange:
    return replace(
        change,
        before=_shown(change.before) if change.before else None,
        after=_shown(change.after),
    )


def _shown(methods: ContactMethods) -> ContactMethods:
    return replace(methods, media=tuple(map(without_secret, methods.media)))


async def record_recipient(before: Recipient | None, after: Recipient, uow: UnitOfWork) -> None:
    """Save it; publish on which media the person is reached from now on, if they changed."""
    await uow.recipients.save(after)
    media = _media_of(after)
    if set(media) != set(_media_of(before)):
        changed = RecipientChanged(person_id=after.person_id, occurred_at=uow.now, media=media)
        uow.outbox.add((changed,))


def _media_of(recipient: Recipient | None) -> tuple[Medium, ...]:
    return tuple(address.medium for address in recipient.addresses) if recipient else ()
