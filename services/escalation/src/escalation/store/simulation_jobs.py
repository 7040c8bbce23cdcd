"""The SQL of simulations as jobs: a queue whose workers hold a job by a lease."""

from datetime import datetime, timedelta
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB

from common.contracts.event import PersonId
from common.contracts.validation_messages import InvalidField
from common.storage.connection import Connection
from common.storage.json_text import to_json
from escalation.domain.settings.documents import read_setting, setting_document
from escalation.domain.simulation_comparison import SimulationResult
from escalation.domain.simulation_job import (
    MAX_ATTEMPTS,
    Draft,
    SimulationFailure,
    SimulationId,
    SimulationJob,
    SimulationRequest,
)

_RESULT: Final = TypeAdapter(SimulationResult)


class SimulationJobs:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, job: SimulationJob) -> None:
        values = {
            "id": job.simulation_id,
            "by": job.asked_by,
            "at": job.asked_at,
            "request": to_json(_document(job.request)),
        }
        await self._connection.execute(_ADD, values)

    async def get(self, simulation_id: SimulationId) -> SimulationJob | None:
        row = (await self._connection.execute(_GET, {"id": simulation_id})).first()
        return None if row is None else _job(row)

    async def lock_queue(self) -> None:
        """Let nobody else add a job until this transaction ends."""
        await self._connection.execute(_LOCK_QUEUE)

    async def count_open(self, asked_by: PersonId) -> tuple[int, int]:
        """Return how many jobs wait or run: those of the person, and all."""
        row = (await self._connection.execute(_COUNT_OPEN, {"by": asked_by})).single()
        return row.own, row.all_jobs

    async def cancel(self, simulation_id: SimulationId) -> None:
        """Cancel it if it has not ended; its worker stops after the contacts that it has."""
        await self._connection.execute(_CANCEL, {"id": simulation_id})

    async def claim(self, now: datetime, lease: timedelta) -> SimulationJob | None:
        """Return the oldest job that waits or whose lease has ended, and begin it again."""
        values = {"now": now, "lease_ends_at": now + lease}
        row = (await self._connection.execute(_CLAIM, values)).first()
        return None if row is None else _job(row)

    async def fail_exhausted(self, now: datetime, failure: SimulationFailure) -> None:
        """End the jobs whose last attempt ended without a word."""
        values = {"now": now, "attempts": MAX_ATTEMPTS, **_failure_values(failure)}
        await self._connection.execute(_FAIL_EXHAUSTED, values)

    async def save_progress(
        self, job: SimulationJob, total: int, processed: int, lease_ends_at: datetime
    ) -> bool:
        """Renew the lease; return whether the worker still has the job."""
        values = _lease_key(job) | {
            "total": total,
            "processed": processed,
            "lease_ends_at": lease_ends_at,
        }
        return bool(await self._connection.execute(_SAVE_PROGRESS, values))

    async def finish(self, job: SimulationJob, result: SimulationResult) -> None:
        document = to_json(_RESULT.dump_python(result, mode="json"))
        values = _lease_key(job) | {"total": result.contacts, "result": document}
        await self._connection.execute(_FINISH, values)

    async def fail(self, job: SimulationJob, failure: SimulationFailure) -> None:
        await self._connection.execute(_FAIL, _lease_key(job) | _failure_values(failure))

    async def release(self, job: SimulationJob) -> None:
        """Give it back to the queue."""
        await self._connection.execute(_RELEASE, _lease_key(job))


def _lease_key(job: SimulationJob) -> dict[str, Any]:
    return {"id": job.simulation_id, "attempt": job.attempt}


def _document(request: SimulationRequest) -> dict[str, Any]:
    return {
        "drafts": [
            {
                "kind": draft.kind,
                "id": draft.id,
                "body": setting_document(draft.body),
            }
            for draft in request.drafts
        ],
        "since": request.since.isoformat(),
        "until": request.until.isoformat(),
        "latest_contacts": request.latest_contacts,
        "answer_after_s": request.answer_after_s,
    }


def _request(document: dict[str, Any]) -> SimulationRequest:
    return SimulationRequest(
        drafts=tuple(
            Draft(each["kind"], each["id"], read_setting(each["kind"], each["body"]))
            for each in document["drafts"]
        ),
        since=datetime.fromisoformat(document["since"]),
        until=datetime.fromisoformat(document["until"]),
        latest_contacts=document["latest_contacts"],
        answer_after_s=document["answer_after_s"],
    )


def _failure_values(failure: SimulationFailure) -> dict[str, str]:
    errors = [each._asdict() for each in failure.errors]
    data = to_json({"code": failure.code, "errors": errors})
    return {"failure": failure.text, "failure_data": data}


def _failure(row: Any) -> SimulationFailure | None:
    if row.failure is None:
        return None
    errors = tuple(InvalidField(**each) for each in row.failure_data["errors"])
    return SimulationFailure(row.failure, row.failure_data["code"], errors)


def _job(row: Any) -> SimulationJob:
    return SimulationJob(
        simulation_id=row.simulation_id,
        asked_by=row.asked_by,
        asked_at=row.asked_at,
        state=row.state,
        attempt=row.attempt,
        request=_request(row.request),
        total=row.total,
        processed=row.processed,
        result=row.result,
        failure=_failure(row),
    )


_COLUMNS: Final = """
    simulation_id, asked_by, asked_at, state, attempt, request, total, processed, result,
    failure, failure_data
"""
_ADD = text("""
    INSERT INTO simulations (simulation_id, asked_by, asked_at, state, request, attempt, processed)
    VALUES (CAST(:id AS uuid), :by, :at, 'queued', CAST(:request AS jsonb), 0, 0)
""")
_GET = text(f"SELECT {_COLUMNS} FROM simulations WHERE simulation_id = CAST(:id AS uuid)").columns(
    request=JSONB, result=JSONB
)
_LOCK_QUEUE = text("SELECT pg_advisory_xact_lock(lock_key('simulations'))")
_COUNT_OPEN = text("""
    SELECT count(*) FILTER (WHERE asked_by = :by) AS own, count(*) AS all_jobs
    FROM simulations WHERE state IN ('queued', 'running')
""")
_CANCEL = text("""
    UPDATE simulations SET state = 'cancelled', lease_ends_at = NULL
    WHERE simulation_id = CAST(:id AS uuid) AND state IN ('queued', 'running')
""")
_CLAIM = text(f"""
    UPDATE simulations SET state = 'running', attempt = attempt + 1, processed = 0, total = NULL,
                           lease_ends_at = :lease_ends_at
    WHERE simulation_id = (
        SELECT simulation_id FROM simulations
        WHERE state IN ('queued', 'running')
          AND (state = 'queued' OR lease_ends_at < CAST(:now AS timestamptz))
        ORDER BY asked_at LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING {_COLUMNS}
""").columns(request=JSONB, result=JSONB)
_FAIL_EXHAUSTED = text("""
    UPDATE simulations SET state = 'failed', failure = :failure,
        failure_data = CAST(:failure_data AS jsonb), lease_ends_at = NULL
    WHERE state IN ('queued', 'running') AND attempt >= :attempts
      AND (state = 'queued' OR lease_ends_at < CAST(:now AS timestamptz))
""")
_IS_HELD: Final = """
    simulation_id = CAST(:id AS uuid) AND state = 'running' AND attempt = :attempt
"""
_SAVE_PROGRESS = text(f"""
    UPDATE simulations SET total = :total, processed = :processed, lease_ends_at = :lease_ends_at
    WHERE {_IS_HELD} RETURNING 1
""")
_FINISH = text(f"""
    UPDATE simulations SET state = 'done', total = :total, processed = :total,
                           result = CAST(:result AS jsonb), lease_ends_at = NULL
    WHERE {_IS_HELD}
""")
_FAIL = text(f"""
    UPDATE simulations SET state = 'failed', failure = :failure,
        failure_data = CAST(:failure_data AS jsonb), lease_ends_at = NULL
    WHERE {_IS_HELD}
""")
_RELEASE = text(f"""
    UPDATE simulations SET state = 'queued', lease_ends_at = NULL WHERE {_IS_HELD}
""")
