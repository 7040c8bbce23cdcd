"""The SQL of requests to change shifts."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
from pydantic import TypeAdapter
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB

from common.contracts.event import PersonId
from common.storage.connection import Connection
from escalation.domain.change_requests import ChangeRequest, ChangeRequestId

_REQUEST: TypeAdapter[ChangeRequest] = TypeAdapter(ChangeRequest)


class ChangeRequests:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def lock(self, request_id: ChangeRequestId) -> ChangeRequest | None:
        row = (await self._connection.execute(_LOCK, {"request": request_id})).first()
        return None if row is None else _request(row)

    async def open_ones(self, schedule_id: str, at: datetime) -> list[ChangeRequest]:
        """Return the requests of a schedule that may still be answered, the oldest first."""
        rows = await self._connection.execute(_OPEN, {"schedule": schedule_id, "at": at})
        return [_request(row) for row in rows]

    async def count_open(self, asked_by: PersonId, at: datetime) -> int:
        rows = await self._connection.execute(_COUNT_OPEN, {"by": asked_by, "at": at})
        return int(rows.scalar_one())

    async def save(self, request: ChangeRequest) -> None:
        row = _REQUEST.dump_python(request, mode="json", by_alias=True)
        row["change"] = orjson.dumps(row["change"]).decode()
        times = {
            "asked_at": request.asked_at,
            "expires_at": request.expires_at,
            "answered_at": request.answered_at,
        }
        await self._connection.execute(_SAVE, {**row, **times})


def _request(row: Mapping[Any, Any]) -> ChangeRequest:
    return _REQUEST.validate_python(dict(row))


_COLUMNS = """
    CAST(request_id AS text) AS request_id, schedule_id, change, asked_by, person_id, asked_at,
    expires_at, answer, answered_at, removes
"""
_LOCK = text(f"""
    SELECT {_COLUMNS} FROM duty_change_requests
    WHERE request_id = CAST(:request AS uuid) FOR UPDATE
""").columns(change=JSONB)
_OPEN = text(f"""
    SELECT {_COLUMNS} FROM duty_change_requests
    WHERE schedule_id = :schedule AND answer IS NULL AND expires_at > :at
    ORDER BY asked_at, request_id LIMIT 1000
""").columns(change=JSONB)
_COUNT_OPEN = text("""
    SELECT count(*) FROM duty_change_requests
    WHERE asked_by = :by AND answer IS NULL AND expires_at > :at
""")
_SAVE = text("""
    INSERT INTO duty_change_requests (
        request_id, schedule_id, change, asked_by, person_id, asked_at, expires_at, answer,
        answered_at, removes)
    VALUES (CAST(:request_id AS uuid), :schedule_id, CAST(:change AS jsonb), :asked_by,
            :person_id, :asked_at, :expires_at, :answer, :answered_at, :removes)
    ON CONFLICT (request_id) DO UPDATE
    SET answer = excluded.answer, answered_at = excluded.answered_at
""")
