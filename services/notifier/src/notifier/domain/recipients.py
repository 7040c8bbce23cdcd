"""People who can be notified, and the addresses that channels reach them at."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, get_args

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from common.contracts.event import ContactId, PersonId
from common.contracts.notifications import Medium, recipient_key
from notifier.domain.delivery_reasons import (
    NO_MEDIA,
    RECIPIENT_LEFT,
    RECIPIENT_UNKNOWN,
    DeliveryReason,
    medium_removed,
)
from notifier.domain.delivery_rules import PersonRules
from notifier.domain.errors import LinkVoidError

DEFAULT_TIME_ZONE = "UTC"
# English, German, Spanish, French, Portuguese, Italian.
Language = Literal["en", "de", "es", "fr", "pt", "it"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)
DEFAULT_LANGUAGE: Final = "en"
# Who has such an address can write to the person, so that no event carries one and router does not
# set it.
SECRET_MEDIA: Final[frozenset[Medium]] = frozenset({"teams", "apprise"})
ADDRESS_DETAIL: Final = "url"
# A browser forgets a subscription without a word: the oldest device gives way to a new one.
MAX_DEVICES: Final = 10


class Address(Struct, frozen=True):
    """`details` are the fields of the channel's address type, all but its medium."""

    medium: Medium
    details: Mapping[str, str]

    @property
    def place(self) -> tuple[object, ...]:
        """Return where its messages go; the other details of a secret address may change."""
        secret = self.details.get(ADDRESS_DETAIL) if self.medium in SECRET_MEDIA else None
        return (self.medium, secret) if secret else _identity(self)

    @property
    def user_id(self) -> str | None:
        """Return who answers from there; None where a channel takes no answers.

        That is a user of the channel, or a number.
        """
        return self.details.get("user_id") or self.details.get("number")


class Device(Struct, frozen=True):
    """A browser that shows notifications, as its subscription names it (RFC 8030, RFC 8291).

    Who has the keys can write to it, so they are shown nowhere.
    """

    device_id: str
    name: str
    endpoint: str
    p256dh: str
    auth: str
    added_at: datetime


class Verification(Struct, frozen=True):
    """`fingerprint` is that of the address: another address is not verified by it."""

    fingerprint: str
    at: datetime


class Recipient(Struct, frozen=True):
    """Has each medium at most once; all devices are one medium. Earlier `link_epoch`s are void.

    `version` counts the changes of how the person is called and reached, and of the rules.

    Who is not `active` has left. `language` is that of messages; None: that of the templates.
    """

    person_id: PersonId
    name: str
    media: tuple[Address, ...]
    link_epoch: int = 1
    time_zone: str = DEFAULT_TIME_ZONE
    active: bool = True
    devices: tuple[Device, ...] = ()
    rules: PersonRules = PersonRules()
    language: str | None = None
    verified: Mapping[Medium, Verification] = {}
    version: int = 1

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Return where messages go: the contact methods, and the devices."""
        if not self.devices:
            return self.media
        devices = msgspec.json.encode(self.devices).decode()
        return (*self.media, Address("web_push", {"devices": devices}))

    @property
    def methods(self) -> "ContactMethods":
        return ContactMethods(self.name, self.media, self.time_zone, self.rules, self.language)

    def reached_by(self, media: Sequence[Medium]) -> tuple[Address, ...]:
        return tuple(address for address in self.addresses if address.medium in media)

    def address_on(self, medium: Medium | None) -> Address | None:
        return next((address for address in self.addresses if address.medium == medium), None)

    @property
    def unreachable_reason(self) -> DeliveryReason | None:
        """Return why nothing can be sent to the person, if so."""
        if not self.active:
            return RECIPIENT_LEFT
        return None if self.addresses else NO_MEDIA

    def with_device(self, device: Device) -> "Recipient":
        """Return it with one more device, which replaces the one of the same browser."""
        others = self.without_devices({device.device_id}).devices
        return replace(self, devices=(*others, device)[-MAX_DEVICES:])

    def without_devices(self, device_ids: Collection[str]) -> "Recipient":
        kept = (device for device in self.devices if device.device_id not in device_ids)
        return replace(self, devices=tuple(kept))


def obstacle_on(recipient: Recipient | None, medium: Medium | None) -> DeliveryReason | None:
    """Return why a message can't be sent to the person on the medium, if so."""
    if recipient is None:
        return RECIPIENT_UNKNOWN
    if reason := recipient.unreachable_reason:
        return reason
    return None if recipient.address_on(medium) else medium_removed(medium)


def require_link(recipient: Recipient | None, link_epoch: int) -> Recipient:
    """Return whom a link of this epoch was sent to; raises LinkVoidError."""
    if recipient is None or not recipient.active or recipient.link_epoch != link_epoch:
        raise LinkVoidError
    return recipient


@dataclass(frozen=True, slots=True)
class ReportingLine:
    """Who is above a person, as version `version` of the person says."""

    person_id: PersonId
    version: int
    manager_id: PersonId | None
    active: bool


class ContactMethods(Struct, frozen=True):
    """How a person is called and reached."""

    name: str
    media: tuple[Address, ...]
    time_zone: str = DEFAULT_TIME_ZONE
    rules: PersonRules = PersonRules()
    language: str | None = None

    def reaches_as(self, other: "ContactMethods") -> bool:
        """Tell whether the person is called and reached in the same way, in whatever order."""
        own = self.name, self.time_zone, set(map(_identity, self.media))
        return own == (other.name, other.time_zone, set(map(_identity, other.media)))


class RecipientChange(Struct, frozen=True):
    """Who changed a recipient, and from what to what; without `before` it is a new recipient.

    `refused_media`: their new addresses were not taken, since others have their users.
    """

    change_id: str
    person_id: PersonId
    changed_at: datetime
    changed_by: str
    before: ContactMethods | None
    after: ContactMethods
    refused_media: tuple[Medium, ...] = ()

    @property
    def removed_addresses(self) -> tuple[Address, ...]:
        """Return the addresses that are no longer used."""
        used = {address.place for address in self.after.media}
        return tuple(address for address in self._before if address.place not in used)

    @property
    def changes_addresses(self) -> bool:
        return set(map(_identity, self._before)) != set(map(_identity, self.after.media))

    @property
    def _before(self) -> tuple[Address, ...]:
        return self.before.media if self.before else ()


def without_refused(
    media: Sequence[Address], refused: Collection[Medium], before: Recipient | None
) -> tuple[Address, ...]:
    """Return the addresses with those before in place of the refused ones, where there are any."""
    stay = (before.address_on(medium) if before else None for medium in sorted(refused))
    taken = (address for address in media if address.medium not in refused)
    return (*taken, *(address for address in stay if address is not None))


def with_secret_media(media: Sequence[Address], before: Recipient | None) -> tuple[Address, ...]:
    """Return what router sets, and the addresses before that router can't set."""
    kept = (address for address in (before.media if before else ()))
    return (*media, *(address for address in kept if address.medium in SECRET_MEDIA))


def _identity(address: Address) -> tuple[object, ...]:
    return (address.medium, *sorted(address.details.items()))


def contact_of(person_id: PersonId) -> ContactId:
    """Return the id that stands for a contact in messages that are about the person alone."""
    return ContactId(recipient_key(person_id))
