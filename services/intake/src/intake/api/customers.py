"""Customers: who they are, who is the same person, and how one is erased."""

from http import HTTPStatus
from typing import Annotated

from fastapi import Path, Query, Request, Response
from pydantic import TypeAdapter

from common.contracts.event import CustomerId
from common.core.text import MAX_ID_CHARACTERS
from common.http.access import ManagerUser, Principal, StaffUser, SupervisorUser
from common.http.examples import CUSTOMER_ID
from common.http.if_match import IfMatch, etag
from common.http.pagination import Cursor, Limit, Page, decode_cursor
from common.http.problems import invalid
from common.http.routes import ApiRouter
from intake.api.answers import ContactSummaryOut, CustomerErasureOut, contact_fields
from intake.api.customer_schemas import (
    AddressOut,
    CustomerLinkOut,
    CustomerMemberOut,
    CustomerMergeIn,
    CustomerOut,
    CustomerUnmergeIn,
    FoundCustomerOut,
    MergeRecordOut,
)
from intake.api.deps import (
    IntakeDatabase,
    get_customer_namespaces,
    make_actor,
    problems,
    refusals,
    transaction,
)
from intake.api.schemas import CustomerRef
from intake.customers import merges
from intake.customers.erasure import erase_customer
from intake.customers.merges import LinkCustomer
from intake.domain import errors
from intake.domain.addresses import Address, AddressKind, StatedAddress, normalize
from intake.domain.model import ContactFilters

router = ApiRouter(prefix="/v1/customers", tags=["customers"])

CustomerPath = Annotated[
    CustomerRef,
    Path(
        description=f"The customer, as contacts show the id: `{CUSTOMER_ID}`. URL-encode it.",
        examples=[CUSTOMER_ID],
    ),
]
_ON_LINK = (errors.CustomerNotFoundError, errors.StaleCustomerError, errors.TooManyContactsError)
_SHOWN_CONTACTS = 10
_SHOWN_ADDRESSES = 50
_SHOWN_MERGES = 50
_SHOWN_SUGGESTIONS = 20
_CUSTOMER_KEY: TypeAdapter[CustomerId] = TypeAdapter(CustomerId)
AddressQuery = Annotated[str | None, Query(min_length=1, max_length=MAX_ID_CHARACTERS)]


@router.get("")
async def find_customers(
    request: Request,
    database: IntakeDatabase,
    _caller: SupervisorUser,
    email: AddressQuery = None,
    phone: AddressQuery = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[FoundCustomerOut]:
    """Find the customers with a mail address or a telephone number; send one of the two."""
    address = _require_address(email, phone, get_customer_namespaces(request).default_region)
    filters: dict[str, str] = {address.kind: address.address}
    after = decode_cursor(cursor, _CUSTOMER_KEY, filters)
    async with transaction(database) as uow:
        holders = await uow.customer_views.find(address, after, limit + 1)
    return Page[FoundCustomerOut].of(
        holders,
        limit,
        key=lambda holder: holder.customer_id,
        show=lambda holder: FoundCustomerOut.model_validate(holder, from_attributes=True),
        filters=filters,
    )


def _require_address(email: str | None, phone: str | None, region: str | None) -> Address:
    """Raise ProblemError unless one of the two is an address."""
    kind: AddressKind = "email" if phone is None else "phone"
    text = email if phone is None else phone
    if text is None or (email is not None and phone is not None):
        raise invalid(("query", "Send `email` or `phone`."))
    address = normalize(StatedAddress(kind, text), region)
    if address is None:
        raise invalid((f"query/{kind}", f"This is no valid {kind}."))
    return address


# An outside system may have a slash in an id.
@router.get("/{customer_id:path}", responses=refusals(errors.CustomerNotFoundError))
async def show_customer(
    customer_id: CustomerPath, database: IntakeDatabase, caller: StaffUser, response: Response
) -> CustomerOut:
    """Show a customer with all ids, addresses and the latest contacts; the ETag is the version.

    A representative sees those who are or were the customers of a contact of theirs, and of
    addresses only as much as is needed to recognise them.
    """
    actor, masked = make_actor(caller), caller.role == "representative"
    async with transaction(database) as uow:
        members = await uow.customer_views.members(CustomerId(customer_id))
        ids = [member.customer_id for member in members]
        if not members or not await uow.customer_views.is_readable(ids, actor):
            raise errors.CustomerNotFoundError
        filters = ContactFilters(customer_id=CustomerId(customer_id))
        contacts = await uow.contacts.page(filters, actor, None, _SHOWN_CONTACTS)
        addresses = await uow.customer_views.addresses(ids, _SHOWN_ADDRESSES)
        merges = [] if masked else await uow.customer_views.merges(ids, _SHOWN_MERGES)
        others = (
            []
            if masked
            else await uow.customer_views.others_with_same_addresses(ids, _SHOWN_SUGGESTIONS)
        )
    customer = next(member for member in members if member.customer_id == customer_id)
    response.headers["ETag"] = etag(customer.version)
    return CustomerOut(
        customer_id=customer.customer_id,
        survivor_id=customer.survivor_id,
        version=customer.version,
        members=[CustomerMemberOut.of(member) for member in members],
        addresses=[AddressOut.of(address, masked=masked) for address in addresses],
        merges=[MergeRecordOut.model_validate(each, from_attributes=True) for each in merges],
        suggestions=[AddressOut.of(address) for address in others],
        contacts=[
            ContactSummaryOut.model_validate(contact_fields(contact, actor), from_attributes=True)
            for contact in contacts
        ],
    )


@router.post(
    "/{customer_id:path}/merge",
    responses=refusals(
        *_ON_LINK, errors.CustomerMergeTargetError, errors.CustomerMergedElsewhereError
    ),
)
async def merge_customer(
    customer_id: CustomerPath,
    body: CustomerMergeIn,
    database: IntakeDatabase,
    caller: SupervisorUser,
    response: Response,
    if_match: IfMatch,
) -> CustomerLinkOut:
    """Merge the customer into another one: they are one person.

    Contacts and addresses stay under the ids with which they came, so that `unmerge` restores who
    had what. Later contacts of the customer are contacts of the other one, and all services count
    them as one. The same merge again changes nothing.
    """
    command = LinkCustomer(
        CustomerId(customer_id), CustomerId(body.into), body.reason, versions=if_match
    )
    return await _link(command, database, caller, response)


@router.post("/{customer_id:path}/unmerge", responses=refusals(*_ON_LINK))
async def unmerge_customer(
    customer_id: CustomerPath,
    body: CustomerUnmergeIn,
    database: IntakeDatabase,
    caller: SupervisorUser,
    response: Response,
    if_match: IfMatch,
) -> CustomerLinkOut:
    """Undo the merge of the customer, who keeps those that were merged into them.

    The contacts that came under the customer's own ids, also since the merge, are theirs again. Of
    a customer who is not merged nothing changes.
    """
    command = LinkCustomer(CustomerId(customer_id), None, body.reason, versions=if_match)
    return await _link(command, database, caller, response)


async def _link(
    command: LinkCustomer, database: IntakeDatabase, caller: Principal, response: Response
) -> CustomerLinkOut:
    async with transaction(database) as uow:
        link = await merges.link_customer(command, make_actor(caller), uow)
    response.headers["ETag"] = etag(link.version)
    return CustomerLinkOut.of(link)


@router.post(
    "/{customer_id:path}/erase",
    status_code=HTTPStatus.ACCEPTED,
    responses=refusals(errors.CustomerNotFoundError),
)
async def erase(
    customer_id: CustomerPath, database: IntakeDatabase, caller: ManagerUser
) -> CustomerErasureOut:
    """Erase the customer's name, addresses and words, and the words about the customer, everywhere.

    It reaches all ids that are merged with this one, and all services. What was sent to people
    outside, and the audit trail of escalations, stay. `GET /v1/erasures` shows that it was done.
    """
    with problems():
        customer = CustomerId(customer_id)
        erasure = await erase_customer(customer, make_actor(caller), database)
    return CustomerErasureOut(
        customer_id=customer, contacts=erasure.contacts, erasure_id=erasure.erasure_id
    )
