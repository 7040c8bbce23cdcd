"""Who can be notified, and where."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter

from common.contracts.event import PersonId
from common.http.access import SupervisorUser
from common.http.app import PersonPath, RequestModel, ShortText, Slug
from common.http.pagination import Cursor, Limit, Page, decode_cursor
from common.http.problems import ProblemError
from notifier.api.deps import NotifierDatabase, transaction
from notifier.channels.base import Channel, ChannelAddress, address_type
from notifier.domain.recipients import Recipient

_KEY = TypeAdapter(Slug)
_EXAMPLE: dict[str, Any] = {
    "name": "Dana Ruiz",
    "media": [
        {"medium": "slack", "channel": "D0123", "user_id": "U0123"},
        {"medium": "email", "address": "dana@example.com"},
    ],
}


def _each_medium_once(media: tuple[ChannelAddress, ...]) -> tuple[ChannelAddress, ...]:
    if len({address.medium for address in media}) < len(media):
        raise ValueError("must name each medium at most once")
    return media


def make_router(channels: Sequence[Channel]) -> APIRouter:
    """Make the routes for recipients that have addresses of these channels."""
    address: Any = address_type(channels)
    types = {channel.medium: channel.address for channel in channels}

    class RecipientIn(RequestModel):
        model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

        name: ShortText = Field(description="The name that messages call the person by.")
        media: Annotated[tuple[address, ...], AfterValidator(_each_medium_once)] = Field(
            description="The addresses, each medium at most once; none: the person is not notified."
        )

    class RecipientOut(BaseModel):
        person_id: PersonId = Field(description="The person's id, the same in all services.")
        name: str = Field(description="The name that messages call the person by.")
        media: tuple[address, ...] = Field(description="The addresses, each medium at most once.")

    def out(recipient: Recipient) -> RecipientOut:
        # An address of a channel that this version does not have is not shown.
        media = (
            types[stored.medium].read(stored)
            for stored in recipient.media
            if stored.medium in types
        )
        return RecipientOut(person_id=recipient.person_id, name=recipient.name, media=tuple(media))

    router = APIRouter(prefix="/v1/recipients", tags=["recipients"])

    @router.put("/{person_id}")
    async def save(
        person_id: PersonPath,
        body: RecipientIn,
        database: NotifierDatabase,
        _caller: SupervisorUser,
    ) -> RecipientOut:
        """Set how a person is notified; it replaces what was set before."""
        recipient = Recipient(
            person_id, body.name, tuple(address.stored() for address in body.media)
        )
        async with transaction(database) as uow:
            await uow.recipients.save(recipient)
        return out(recipient)

    @router.get("/{person_id}")
    async def show(
        person_id: PersonPath, database: NotifierDatabase, _caller: SupervisorUser
    ) -> RecipientOut:
        """Show how a person is notified."""
        async with transaction(database) as uow:
            recipient = await uow.recipients.get(person_id)
        if recipient is None:
            raise ProblemError(404, "recipient-not-found", "There is no such recipient.")
        return out(recipient)

    @router.get("")
    async def show_all(
        database: NotifierDatabase,
        _caller: SupervisorUser,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Page[RecipientOut]:
        """List recipients by person id."""
        last = decode_cursor(cursor, _KEY)
        after = PersonId(last) if last else None
        async with transaction(database) as uow:
            recipients = await uow.recipients.after(after, limit + 1)
        return Page.of(recipients, limit, key=lambda recipient: recipient.person_id, show=out)

    return router
