"""What requests and answers about customers look like."""

from dataclasses import replace
from datetime import datetime

from pydantic import BaseModel, Field

from common.contracts.contacts import Tier
from common.contracts.event import CustomerId, PersonId, SystemName
from common.http.app import RequestModel, ShortText
from common.http.examples import (
    ACTED_AT,
    CUSTOMER,
    CUSTOMER_ID,
    MAILBOX,
    MANAGER,
    RECEIVED_AT,
    with_examples,
)
from intake.api.answers import ContactSummaryOut
from intake.api.schemas import CustomerRef
from intake.domain.addresses import AddressKind, mask
from intake.domain.customer_merges import CustomerLink, MergeAction
from intake.store.customer_views import CustomerView, KnownAddress

OTHER_CUSTOMER_ID = "zendesk:support:4711"
_ADDRESS = {
    "customer_id": CUSTOMER_ID,
    "kind": "email",
    "address": MAILBOX,
    "verified": True,
    "first_at": RECEIVED_AT,
}


class CustomerMergeIn(RequestModel):
    model_config = with_examples(
        {"into": OTHER_CUSTOMER_ID, "reason": "She called, and named her last order."}
    )

    into: CustomerRef = Field(description="The customer who stays.")
    reason: ShortText = Field(description="How you know that both are one person.")


class CustomerUnmergeIn(RequestModel):
    model_config = with_examples({"reason": "They are a mother and a daughter."})

    reason: ShortText = Field(description="Why the two are not one person.")


class CustomerLinkOut(BaseModel):
    model_config = with_examples(
        {
            "customer_id": CUSTOMER_ID,
            "merged_into": OTHER_CUSTOMER_ID,
            "survivor_id": OTHER_CUSTOMER_ID,
            "version": 2,
        }
    )

    customer_id: CustomerId = Field(description="The customer.")
    merged_into: CustomerId | None = Field(description="The customer who stays; null if none.")
    survivor_id: CustomerId = Field(
        description="The end of the merges: under this id services count what the customer gets."
    )
    version: int = Field(description="The version of the merges, which is the ETag too.")

    @classmethod
    def of(cls, link: CustomerLink) -> "CustomerLinkOut":
        return cls(
            customer_id=link.customer_id,
            merged_into=link.merged_into,
            survivor_id=link.survivor,
            version=link.version,
        )


class AddressOut(BaseModel):
    model_config = with_examples(_ADDRESS)

    customer_id: CustomerId = Field(description="The id with which it came.")
    kind: AddressKind = Field(description="`email` or `phone`.")
    address: str = Field(
        description="In the form to compare; for representatives only enough to recognise it."
    )
    verified: bool = Field(description="A system that has proof of it stated it.")
    first_at: datetime = Field(description="When it came first.")

    @classmethod
    def of(cls, address: KnownAddress, *, masked: bool = False) -> "AddressOut":
        text = mask(address.kind, address.address) if masked else address.address
        return cls.model_validate(replace(address, address=text), from_attributes=True)


class MergeRecordOut(BaseModel):
    customer_id: CustomerId = Field(description="Who was merged, or taken out again.")
    into_id: CustomerId = Field(description="The customer into whom, or out of whom.")
    action: MergeAction = Field(description="`merged` or `unmerged`.")
    reason: str = Field(description="How somebody knew.")
    by: PersonId | None = Field(description="The person; null if a system or a rule did it.")
    reported_by: SystemName | None = Field(description="The system; null if a person or a rule.")
    at: datetime = Field(description="When.")


class CustomerMemberOut(BaseModel):
    customer_id: CustomerId = Field(description="An id of this customer.")
    name: str | None = Field(description="How that system calls them.")
    tier: Tier | None = Field(description="The tier that it states, if any.")
    region: str | None = Field(description="Where the customer is, as it says.")
    merged_into: CustomerId | None = Field(description="The customer who stays; null if none.")

    @classmethod
    def of(cls, member: CustomerView) -> "CustomerMemberOut":
        return cls.model_validate(member, from_attributes=True)


class CustomerOut(BaseModel):
    model_config = with_examples(
        {
            "customer_id": CUSTOMER_ID,
            "survivor_id": CUSTOMER_ID,
            "version": 1,
            "members": [
                {
                    "customer_id": CUSTOMER_ID,
                    "name": CUSTOMER["name"],
                    "tier": CUSTOMER["tier"],
                    "region": None,
                    "merged_into": None,
                }
            ],
            "addresses": [_ADDRESS],
            "merges": [],
            "suggestions": [],
            "contacts": [],
        }
    )

    customer_id: CustomerId = Field(description="The customer.")
    survivor_id: CustomerId = Field(
        description="The end of the merges; the same if the customer is not merged."
    )
    version: int = Field(description="The version of the merges, which is the ETag too.")
    members: list[CustomerMemberOut] = Field(
        description="All ids of this customer: the survivor, and all who are merged into it."
    )
    addresses: list[AddressOut] = Field(description="The latest 50 addresses.")
    merges: list[MergeRecordOut] = Field(
        description="The latest 50 merges and their reasons; empty for representatives."
    )
    suggestions: list[AddressOut] = Field(
        description="Up to 20 other customers with an address of this one, who may be the same "
        "person: see `verified` of both, and ask. Empty for representatives."
    )
    contacts: list[ContactSummaryOut] = Field(
        description="The latest 10 contacts that you may read."
    )


class FoundCustomerOut(BaseModel):
    model_config = with_examples({"customer_id": CUSTOMER_ID, "verified": True})

    customer_id: CustomerId = Field(description="The customer; of merged ones, the one who stays.")
    verified: bool = Field(description="The address is verified.")


class ErasureOut(BaseModel):
    model_config = with_examples(
        {
            "erasure_id": "01a220e8-b1a8-7531-bec8-3e7cf4003df5",
            "customer_id": CUSTOMER_ID,
            "customers": 1,
            "contacts": 1,
            "by": MANAGER,
            "reported_by": None,
            "at": RECEIVED_AT,
            "completed_at": ACTED_AT,
        }
    )

    erasure_id: str = Field(description="The erasure.")
    customer_id: CustomerId = Field(description="The customer who was named.")
    customers: int = Field(description="How many ids the customer had, with merged ones.")
    contacts: int = Field(description="How many contacts were erased.")
    by: PersonId | None = Field(description="The person who demanded it; null if a system did.")
    reported_by: SystemName | None = Field(
        description="The system that demanded it, as `admin:command-line`; null if a person did."
    )
    at: datetime = Field(description="When it began.")
    completed_at: datetime | None = Field(
        description="When it was complete; null while it runs, or if it broke off: repeat it."
    )
