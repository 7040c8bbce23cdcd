"""Why a message failed or went elsewhere, as data: the API names the figures of each reason."""

from datetime import UTC, datetime

import pytest

from notifier.api.notifications import NotificationOut
from notifier.domain import delivery_reasons as reasons
from notifier.domain.delivery_reasons import DeliveryReason

AT = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "reason",
    [
        reasons.media_missing(["sms"]),
        reasons.medium_removed("sms"),
        reasons.gave_up(3, "answered 500"),
        reasons.over_budget("recipient", 20, 600),
        reasons.quiet_hours(AT, "UTC"),
        reasons.not_verified(["sms"], ["email"]),
        reasons.later_step(2),
        reasons.nobody_stands_in(AT),
        reasons.stands_in("Sam", AT),
    ],
    ids=lambda reason: reason.data.code,
)
def test_description_names_the_figures_of_a_reason(reason: DeliveryReason) -> None:
    description = NotificationOut.model_fields["reason_parameters"].description or ""
    _, code, rest = description.partition(f"`{reason.data.code}`")
    figures = rest.partition("; ")[0]
    assert code
    assert all(f"`{name}`" in figures for name in reason.data.parameters)
