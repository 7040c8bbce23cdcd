"""What outcomes cost: amounts in currencies of ISO 4217, and what was granted before."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Final

import iso4217
from pydantic import AfterValidator, Field

from common.contracts.escalations import EscalationResolved
from common.contracts.event import ContactId, CustomerId, EscalationId, Event, PersonId
from common.contracts.page_subjects import Outcome
from common.contracts.validation_messages import InvalidValueError

# The library keeps the document from which it has made its table: half a megabyte.
iso4217.raw_xml.clear()

# They cost something: nobody grants one without saying how much.
COSTLY_OUTCOMES: Final[frozenset[Outcome]] = frozenset(
    ("refund", "credit", "replacement", "service_adjustment")
)


def _decimals(currency: str) -> int | None:
    """Return how many decimals amounts of the currency have; None if it is no money."""
    try:
        exponent: int | None = iso4217.Currency(currency).exponent
    except ValueError:
        return None
    return exponent


def _require_currency(currency: str) -> str:
    if _decimals(currency) is None:
        raise InvalidValueError("must be a currency of ISO 4217, such as EUR", "currency-unknown")
    return currency


Currency = Annotated[str, Field(min_length=3, max_length=3), AfterValidator(_require_currency)]
_LARGEST: Final = 1_000_000_000_000
Amount = Annotated[Decimal, Field(ge=0, le=_LARGEST, max_digits=18, decimal_places=4)]
Amounts = dict[Currency, Amount]


def require_decimals(amounts: Mapping[str, Decimal]) -> None:
    """Raise ValueError for an amount that the currency has no coins for."""
    for currency, amount in amounts.items():
        decimals = _decimals(currency) or 0
        if amount != round(amount, decimals):
            raise InvalidValueError(
                f"an amount of {currency} has at most {decimals} decimals",
                "decimals-too-many",
                currency=currency,
                number=decimals,
            )


@dataclass(frozen=True, slots=True)
class Money:
    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        require_decimals({self.currency: self.amount})


@dataclass(frozen=True, slots=True)
class ProposedOutcome:
    """What the holder wants to grant, and what it costs, if anything."""

    outcome: Outcome
    note: str
    money: Money | None = None

    def __post_init__(self) -> None:
        if self.money is None and self.outcome in COSTLY_OUTCOMES:
            raise InvalidValueError(
                f"state the amount of the {self.outcome} and its currency", "amount-missing"
            )


@dataclass(frozen=True, slots=True)
class Grant:
    """What a resolution granted; it counts also after the escalation was opened again."""

    escalation_id: EscalationId
    contact_id: ContactId
    customer_id: CustomerId | None
    amount: Decimal
    currency: str
    at: datetime
    by: PersonId
    approved_by: PersonId | None = None


def grants_of(customer_id: CustomerId | None, events: Iterable[Event]) -> Iterator[Grant]:
    """Yield what resolutions among the events grant."""
    for event in events:
        if isinstance(event, EscalationResolved) and event.amount and event.currency:
            yield Grant(
                escalation_id=event.escalation_id,
                contact_id=event.contact_id,
                customer_id=customer_id,
                amount=event.amount,
                currency=event.currency,
                at=event.occurred_at,
                by=event.by,
                approved_by=event.approved_by,
            )


def total(grants: Iterable[Grant], currency: str) -> Decimal:
    return sum((grant.amount for grant in grants if grant.currency == currency), Decimal(0))
