"""Amounts in contracts."""

from decimal import Decimal

from common.contracts.contract import FieldError
from common.contracts.validation_messages import NUMBER


def require_finite(amount: Decimal | None) -> None:
    """Raise FieldError for `NaN` and `Infinity`, which Decimal reads."""
    if amount is not None and not amount.is_finite():
        raise FieldError("amount", NUMBER)
