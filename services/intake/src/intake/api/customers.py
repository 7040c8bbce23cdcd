"""Customers: a customer may demand to be erased."""

from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Path

from common.contracts.event import CustomerId
from common.http.access import Principal, require_role
from common.http.examples import CUSTOMER_ID
from common.http.routes import ApiRouter
from intake.api.answers import CustomerErasureOut
from intake.api.deps import IntakeDatabase, make_actor, problems, refusals
from intake.api.schemas import CustomerRef
from intake.domain import errors
from intake.erasure import erase_customer

router = ApiRouter(prefix="/v1/customers", tags=["customers"])

CustomerPath = Annotated[
    CustomerRef,
    Path(
        description=f"The customer, as contacts show the id: `{CUSTOMER_ID}`. URL-encode it.",
        examples=[CUSTOMER_ID],
    ),
]
ManagerUser = Annotated[Principal, Depends(require_role("manager"))]


# An outside system may have a slash in an id.
@router.post(
    "/{customer_id:path}/erase",
    status_code=HTTPStatus.ACCEPTED,
    responses=refusals(errors.CustomerNotFoundError),
)
async def erase(
    customer_id: CustomerPath, database: IntakeDatabase, caller: ManagerUser
) -> CustomerErasureOut:
    """Erase the customer's name and words, and the words about the customer, in all services.

    What was sent to people outside, and the audit trail of escalations, stay.
    """
    with problems():
        customer = CustomerId(customer_id)
        count = await erase_customer(customer, make_actor(caller), database)
    return CustomerErasureOut(customer_id=customer, contacts=count)
