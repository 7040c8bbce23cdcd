"""Where a page of the list ended, as an opaque word."""

import base64
import binascii
from datetime import datetime
from typing import Annotated
from uuid import UUID

import orjson
from fastapi import Query

from common.contracts.event import EscalationId
from common.problems import Problem
from escalation.domain.watches import Escalation
from escalation.store import Place


def cursor_after(escalation: Escalation) -> str:
    deadline = None if escalation.deadline is None else escalation.deadline.isoformat()
    place = orjson.dumps([deadline, escalation.escalation_id])
    return base64.urlsafe_b64encode(place).decode().rstrip("=")


def place_of(
    cursor: Annotated[
        str | None, Query(max_length=200, description="`next` of the page before")
    ] = None,
) -> Place | None:
    if cursor is None:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        deadline, escalation_id = orjson.loads(base64.b64decode(padded, altchars=b"-_"))
        return Place(
            None if deadline is None else datetime.fromisoformat(deadline),
            EscalationId(str(UUID(escalation_id))),
        )
    except (binascii.Error, ValueError, TypeError, AttributeError) as error:
        raise Problem(422, "invalid", "query/cursor: this is no cursor of ours.") from error
