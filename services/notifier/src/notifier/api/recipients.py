"""Who can be told, and where."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, StringConstraints

from common.contracts.event import PersonId
from common.http.app import RequestModel, ShortText, Slug
from common.http.problems import ProblemError
from notifier.api.deps import Leads, NotifierDatabase, work
from notifier.domain.recipients import Address, EmailAddress, Recipient, SlackAddress

router = APIRouter(prefix="/v1/recipients", tags=["recipients"])

Mailbox = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+$", max_length=254),
]
Person = Annotated[PersonId, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,99}$")]


class NewSlack(RequestModel):
    medium: Literal["slack"]
    channel: Slug
    user_id: Slug


class NewEmail(RequestModel):
    medium: Literal["email"]
    address: Mailbox


NewMedium = Annotated[NewSlack | NewEmail, Discriminator("medium")]


def _each_once(media: tuple[NewMedium, ...]) -> tuple[NewMedium, ...]:
    if len({one.medium for one in media}) < len(media):
        raise ValueError("must name each medium at most once")
    return media


class NewRecipient(RequestModel):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Dana Ruiz",
                    "media": [
                        {"medium": "slack", "channel": "D0123", "user_id": "U0123"},
                        {"medium": "email", "address": "dana@example.com"},
                    ],
                }
            ]
        }
    )

    name: ShortText
    media: Annotated[tuple[NewMedium, ...], AfterValidator(_each_once)]


class ShownRecipient(BaseModel):
    person_id: PersonId
    name: str
    media: list[SlackAddress | EmailAddress]


class Recipients(BaseModel):
    """`next` is the cursor of the next page, nil on the last one."""

    recipients: list[ShownRecipient]
    next: str | None


@router.put("/{person_id}")
async def save(
    person_id: Person, new: NewRecipient, database: NotifierDatabase, _caller: Leads
) -> ShownRecipient:
    """Say how a person is told; this replaces what was said before. No media: nobody is told."""
    recipient = Recipient(person_id, new.name, tuple(_address(one) for one in new.media))
    async with work(database) as uow:
        await uow.recipients.save(recipient)
    return _shown(recipient)


@router.get("/{person_id}")
async def show(person_id: Person, database: NotifierDatabase, _caller: Leads) -> ShownRecipient:
    async with work(database) as uow:
        recipient = await uow.recipients.find(person_id)
    if recipient is None:
        raise ProblemError(404, "recipient-unknown", "There is no such recipient.")
    return _shown(recipient)


@router.get("")
async def show_all(
    database: NotifierDatabase,
    _caller: Leads,
    cursor: Annotated[PersonId | None, Query(max_length=100)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Recipients:
    """List recipients by person id."""
    async with work(database) as uow:
        found = await uow.recipients.after(cursor, limit + 1)
    shown = found[:limit]
    following = shown[-1].person_id if len(found) > limit else None
    return Recipients(recipients=[_shown(one) for one in shown], next=following)


def _address(new: NewSlack | NewEmail) -> Address:
    match new:
        case NewSlack():
            return SlackAddress(new.channel, new.user_id)
        case NewEmail():
            return EmailAddress(new.address)


def _shown(recipient: Recipient) -> ShownRecipient:
    return ShownRecipient(
        person_id=recipient.person_id, name=recipient.name, media=list(recipient.media)
    )
