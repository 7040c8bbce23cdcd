"""What a channel is: one outside system that carries notifications to people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar, Protocol, Self, Union

import structlog
from pydantic import Discriminator, Field

from common.contracts.notifications import Action, Medium
from common.http.app import RequestModel
from notifier.domain.answers import HolderAct, HolderAction
from notifier.domain.delivery import Outcome
from notifier.domain.home_tabs import HomeView
from notifier.domain.notifications import Notification
from notifier.domain.recipients import Address
from notifier.links import Links
from notifier.message_templates.library import TemplateLibrary
from notifier.secret_addresses import without_secret
from notifier.settings import Settings

log = structlog.get_logger()


class SignatureRefusedError(Exception):
    """The signature is missing, is too old, or is not of this body."""


class MalformedPayloadError(Exception):
    """The body is not what the channel sends; the message says where it differs."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class ChannelAddress(RequestModel):
    """An address as the API takes and shows it; a channel adds its fields.

    An interactive channel has a field `user_id`: who presses buttons there.
    """

    medium: Medium = Field(description="The channel that the address is for.")

    def stored(self) -> Address:
        return Address(self.medium, self.model_dump(exclude={"medium"}))

    @classmethod
    def shown(cls, address: Address) -> Self:
        """Return it as the API shows it: without what is a secret."""
        return cls.read(without_secret(address))

    @classmethod
    def read(cls, address: Address | None) -> Self:
        if address is None:
            raise TypeError("a notification without an address is never sent")
        return cls.model_validate({"medium": address.medium, **address.details})


@dataclass(frozen=True, slots=True)
class Press:
    """A user of the channel pressed a button of the message that the token was made for.

    `conversation` is how the channel names the place of the message; none where it was no message.
    `trigger` is how the channel lets a form be opened once.
    """

    token: str
    user_id: str
    action: Action
    conversation: str = ""
    trigger: str = ""


@dataclass(frozen=True, slots=True)
class FormRequest:
    """A user pressed a button for which the channel shows a form, within a moment.

    `trigger` is how the channel lets a form be opened once.
    """

    token: str
    user_id: str
    action: HolderAction
    trigger: str
    conversation: str = ""


@dataclass(frozen=True, slots=True)
class HomeOpened:
    """A user opened the channel's page about us, which shows what needs that user."""

    user_id: str


@dataclass(frozen=True, slots=True)
class AddressCheck:
    """The outside system checks our address: it takes `answer` as proof."""

    answer: str


@dataclass(frozen=True, slots=True)
class FilledForm:
    """A user sent a form of the channel."""

    token: str
    user_id: str
    act: HolderAct
    conversation: str = ""


Interaction = Press | FormRequest | FilledForm | HomeOpened | AddressCheck


class Channel(Protocol):
    """Inherit from it and add the class to `CHANNELS`.

    `editable`: a message can be changed after it was sent, by `update`. `threaded`: a message can
    answer an earlier one, whose receipt it then has as `thread`. `interactive`: messages have
    buttons, and `presses` reads the requests that the outside system then makes; they have a
    body as `callback_body` describes it, in terms of OpenAPI. `has_devices`: its addresses are the
    devices of a person, who adds each in its browser. `has_receipts`: the outside system says
    later whether a message arrived, which becomes its `delivered_at`; nothing is said while it is
    under way, which takes at most `longest_call`. `has_home`: it has a page
    for each user, which shows what needs that user. `changes_summaries`: `send` can let a summary
    change the message of the one before.
    """

    medium: ClassVar[Medium]
    address: ClassVar[type[ChannelAddress]]
    editable: ClassVar[bool] = False
    threaded: ClassVar[bool] = False
    interactive: ClassVar[bool] = False
    has_devices: ClassVar[bool] = False
    has_receipts: bool = False
    longest_call: ClassVar[timedelta] = timedelta(0)
    has_home: ClassVar[bool] = False
    changes_summaries: ClassVar[bool] = False
    callback_body: ClassVar[Mapping[str, Any]] = {}
    # Templates that are set in place of the shipped ones; `build` gives all channels the same.
    templates: TemplateLibrary = TemplateLibrary()

    @classmethod
    def from_settings(cls, settings: Settings, links: Links) -> Self: ...

    def allows(self, address: Address) -> bool:
        """Return whether it may write to this new address."""
        return address.medium == self.medium

    def wait_for_receipt(self, usual: timedelta) -> timedelta | None:
        """Return how long after it was sent a message has its receipt; None: it has none."""
        return usual + self.longest_call if self.has_receipts else None

    async def send(self, notification: Notification, at: datetime) -> Outcome:
        """Make one attempt; a failure is an outcome, not an exception."""

    async def update(self, notification: Notification, at: datetime) -> Outcome:
        """Make one attempt to change a message; called only if `editable`."""
        raise TypeError(f"{self.medium} cannot change {notification.notification_id} at {at}")

    def presses(
        self,
        headers: Mapping[str, str],  # noqa: ARG002 - for channels that have buttons
        body: bytes,  # noqa: ARG002 - as above
        at: datetime,  # noqa: ARG002 - as above
    ) -> Sequence[Interaction]:
        """Return what was pressed or filled in; called only if `interactive`.

        Raises SignatureRefusedError or MalformedPayloadError.
        """
        raise TypeError(f"{self.medium} has no buttons")

    async def open_form(self, request: FormRequest, language: str, at: datetime) -> None:
        """Show the form to the user who asked for it; called only if `interactive`.

        Like `refuse` it never fails: the user presses the button again.
        """
        log.info(
            "form_not_shown", medium=self.medium, action=request.action, language=language, at=at
        )

    def form_refusal(self, form: FilledForm, reason: str) -> bytes:
        """Write the answer, in JSON, that shows in the form why nothing happened."""
        raise TypeError(f"{self.medium} has no form {form.act.action}: {reason}")

    async def refuse(
        self, press: Press | FormRequest, reason: str, language: str, at: datetime
    ) -> None:
        """Tell the user who pressed, and nobody else, why nothing happened.

        Called only if `interactive`. It never fails: a reason that gets lost changes nothing.
        """
        log.info(
            "refusal_not_shown",
            medium=self.medium,
            user_id=press.user_id,
            reason=reason,
            language=language,
            at=at,
        )

    async def publish_home(self, user_id: str, view: HomeView, at: datetime) -> Outcome:
        """Make one attempt to show it to the user; called only if it `has_home`."""
        raise TypeError(f"{self.medium} has no home for {user_id}: {view} at {at}")

    async def close(self) -> None:
        """Close the connections that it keeps open."""


def address_type(channels: Sequence[Channel]) -> Any:
    """Return the type of an address of any of these channels, discriminated by `medium`."""
    kinds = tuple(channel.address for channel in channels)
    union: Any = Union[kinds]  # noqa: UP007 - of a tuple that is made at run time
    return Annotated[union, Discriminator("medium")] if len(kinds) > 1 else union
