"""The SQL of surveys."""

from pydantic import TypeAdapter
from sqlalchemy import select

from common.contracts.event import ContactId
from common.storage.bulk import bulk_insert
from common.storage.connection import Connection
from intake import tables
from intake.domain.model import Survey


class Surveys:
    """Surveys by contact and survey id; who changes one holds the lock of the contact's row."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def get(self, contact_id: ContactId, survey_id: str) -> Survey | None:
        surveys = tables.surveys
        rows = await self._connection.execute(
            select(surveys).where(
                surveys.c.contact_id == contact_id, surveys.c.survey_id == survey_id
            )
        )
        row = rows.first()
        return _survey.validate_python(dict(row)) if row else None

    async def save(self, survey: Survey) -> None:
        rows = _surveys.dump_json([survey]).decode()
        await self._connection.execute(_UPSERT_SURVEYS, {"rows": rows})


_survey = TypeAdapter(Survey)
_surveys = TypeAdapter(list[Survey])

_UPSERT_SURVEYS = bulk_insert(tables.surveys, conflict="update")
