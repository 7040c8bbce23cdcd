"""Who can be notified, and where."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from common.contracts.event import PersonId
from common.http.app import RequestModel, ShortText
from common.http.problems import ProblemError
from notifier.api.deps import NotifierDatabase, SupervisorUser, transaction
from notifier.channels.base import Channel, ChannelAddress, address_type
from notifier.domain.recipients import Recipient

PersonPath = Annotated[PersonId, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,99}$")]

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

    class RecipientsPage(BaseModel):
        items: list[RecipientOut] = Field(description="Recipients, by person id.")
        next_cursor: PersonId | None = Field(
            description="The `cursor` of the next page; null at the end."
        )

    def out(recipient: Recipient) -> RecipientOut:
        # An address of a channel that this version does not have is not shown.
        media = (types[kept.medium].read(kept) for kept in recipient.media if kept.medium in types)
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
        recipient = Recipient(person_id, body.name, tuple(given.stored() for given in body.media))
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
        cursor: Annotated[PersonId | None, Query(max_length=100)] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> RecipientsPage:
        """List recipients by person id."""
        async with transaction(database) as uow:
            recipients = await uow.recipients.after(cursor, limit + 1)
        page = recipients[:limit]
        return RecipientsPage(
            items=[out(recipient) for recipient in page],
            next_cursor=page[-1].person_id if len(recipients) > limit else None,
        )

    return router
