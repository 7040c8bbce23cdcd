"""What a chat tells of its customer besides words: that they write, left, or are back."""

from datetime import timedelta
from http import HTTPStatus
from typing import Final, Literal, assert_never

from pydantic import Field

from common.http.app import ContactPath, RequestModel
from common.http.examples import with_examples
from common.http.routes import ApiRouter
from intake import presence
from intake.api.answers import ContactIdOut
from intake.api.deps import (
    ON_CONTACT,
    ChannelUser,
    IntakeDatabase,
    make_actor,
    refusals,
    transaction,
)

_MAX_WAIT_S: Final = 24 * 60 * 60

router = ApiRouter(prefix="/v1/contacts", tags=["contacts"])


class PresenceIn(RequestModel):
    model_config = with_examples({"customer": "left", "abandon_after_s": 120})

    customer: Literal["typing", "here", "left"] = Field(
        description="`left`: the customer closed the chat or lost the connection. `here` and "
        "`typing` take that back."
    )
    abandon_after_s: float = Field(
        default=120,
        ge=0,
        le=_MAX_WAIT_S,
        description="After `left`: how long the customer may be away.",
    )


@router.post(
    "/{contact_id}/report-presence",
    status_code=HTTPStatus.ACCEPTED,
    responses=refusals(*ON_CONTACT),
)
async def report_presence(
    contact_id: ContactPath, body: PresenceIn, database: IntakeDatabase, caller: ChannelUser
) -> ContactIdOut:
    """Report that the customer of a chat types, is here, or has left.

    Who has left and neither comes back nor writes within `abandon_after_s` abandons the contact if
    no representative has replied; else the contact waits for the customer. `left` again begins the
    time again. Typing is not stored and not shown to anybody: send it seldom, or not at all.
    """
    actor = make_actor(caller)
    async with transaction(database) as uow:
        match body.customer:
            case "left":
                wait = timedelta(seconds=body.abandon_after_s)
                await presence.leave(contact_id, wait, actor, uow)
            case "here" | "typing":
                await presence.be_here(contact_id, actor, uow)
            case _:
                assert_never(body.customer)
    return ContactIdOut(contact_id=contact_id)
