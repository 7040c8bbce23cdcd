"""Erasures of customers that were done: by whom, when, and how much they reached."""

from typing import Annotated

from fastapi import Query
from pydantic import Field, TypeAdapter

from common.contracts.event import UUID_PATTERN, CustomerId
from common.http.access import ManagerUser
from common.http.pagination import Cursor, Limit, Page, decode_cursor
from common.http.routes import ApiRouter
from intake.api.customer_schemas import ErasureOut
from intake.api.deps import IntakeDatabase, transaction
from intake.api.schemas import CustomerRef

router = ApiRouter(prefix="/v1/erasures", tags=["customers"])

_KEY = TypeAdapter(Annotated[str, Field(pattern=f"^{UUID_PATTERN}$")])


@router.get("")
async def list_erasures(
    database: IntakeDatabase,
    _caller: ManagerUser,
    customer: Annotated[
        CustomerRef | None, Query(description="Of this customer, by the id that was named.")
    ] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[ErasureOut]:
    """List erasures, newest first; they are kept as long as the audit trail."""
    filters = {"customer": customer}
    after = decode_cursor(cursor, _KEY, filters)
    async with transaction(database) as uow:
        customer_id = None if customer is None else CustomerId(customer)
        records = await uow.erasure.records(customer_id, after, limit + 1)
    return Page[ErasureOut].of(
        records,
        limit,
        key=lambda record: record.erasure_id,
        show=lambda record: ErasureOut.model_validate(record, from_attributes=True),
        filters=filters,
    )
