"""People as router describes them."""

from itertools import count
from typing import Any

import msgspec

from common.contracts.event import PersonId
from common.contracts.people import PersonDescribed
from common.core.clock import TimeSource

_versions = count(1)


def described(person: str, reports_to: str | None = None, **fields: Any) -> PersonDescribed:
    """Return what router says of the person, in a version newer than all before."""
    return msgspec.convert(
        {
            "person_id": PersonId(person),
            "occurred_at": TimeSource().utc_now(),
            "version": next(_versions),
            "name": person,
            "reports_to": reports_to,
            **fields,
        },
        PersonDescribed,
    )
