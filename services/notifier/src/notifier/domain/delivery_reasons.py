"""Why a message failed, was held back or went elsewhere: in English, and as data for others."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal, get_args
from zoneinfo import ZoneInfo

from msgspec import Struct

from common.contracts.notifications import Medium

DeliveryReasonCode = Literal[
    "recipient-unknown",
    "recipient-left",
    "no-media",
    "media-missing",
    "medium-removed",
    "refused",
    "gave-up",
    "waited-too-long",
    "quiet-hours",
    "not-verified",
    "later-step",
    "outcome-lost",
    "unreadable",
    "over-budget",
    "superseded",
    "summary-empty",
    "no-longer-relevant",
    "mails-stopped",
    "nobody-stands-in",
    "stands-in",
]
REASON_CODES: Final[tuple[DeliveryReasonCode, ...]] = get_args(DeliveryReasonCode)
# `share`: of a recipient's budget, what is about one customer.
BudgetKind = Literal["recipient", "burst", "customer", "channel", "share"]
_COUNTED: Final[Mapping[BudgetKind, str]] = {
    "recipient": "one recipient",
    "burst": "one recipient at once",
    "customer": "one customer",
    "channel": "one channel",
    "share": "one customer to one recipient",
}


class ReasonData(Struct, frozen=True):
    """`in_summary`: it is why the summary failed that carried the page.

    The code is one of those above, or of a newer version, which wrote the row.
    """

    code: str
    parameters: Mapping[str, Any] = {}
    in_summary: bool = False


def parameters_of(data: ReasonData | None) -> dict[str, Any]:
    """Return the figures of a reason, as readers get them beside its code."""
    if data is None:
        return {}
    in_summary = {"in_summary": True} if data.in_summary else {}
    return {**data.parameters, **in_summary}


class DeliveryReason(Struct, frozen=True):
    text: str
    data: ReasonData


def _data(code: DeliveryReasonCode, parameters: Mapping[str, Any] | None = None) -> ReasonData:
    """Make data with a code of this version."""
    return ReasonData(code, parameters or {})


RECIPIENT_UNKNOWN: Final = DeliveryReason("no such recipient", _data("recipient-unknown"))
RECIPIENT_LEFT: Final = DeliveryReason("the recipient has left", _data("recipient-left"))
NO_MEDIA: Final = DeliveryReason("the recipient has no media", _data("no-media"))
OUTCOME_LOST: Final = DeliveryReason(
    "the outcome of the last attempt was lost", _data("outcome-lost")
)
MAILS_STOPPED: Final = DeliveryReason(
    "the recipient has stopped mails of this kind", _data("mails-stopped")
)
SUPERSEDED: Final = DeliveryReason(
    "a newer message about the escalation took its place", _data("superseded")
)
SUMMARY_EMPTY: Final = DeliveryReason("nothing is held back any longer", _data("summary-empty"))


def media_missing(media: Sequence[Medium]) -> DeliveryReason:
    return DeliveryReason(
        f"the recipient has no {' or '.join(media)}: sent on all media",
        _data("media-missing", {"media": list(media)}),
    )


def medium_removed(medium: Medium | None) -> DeliveryReason:
    data = _data("medium-removed", {"medium": medium})
    return DeliveryReason(f"the recipient no longer has {medium}", data)


def refused(text: str) -> DeliveryReason:
    """The text is what the channel or the outside system says."""
    return DeliveryReason(text, _data("refused"))


def gave_up(attempts: int, text: str) -> DeliveryReason:
    return DeliveryReason(
        f"gave up after {attempts} attempts: {text}", _data("gave-up", {"attempts": attempts})
    )


def waited_too_long(delay: str) -> DeliveryReason:
    """`delay` says what the message waited for."""
    return DeliveryReason(f"waited too long: {delay}", _data("waited-too-long"))


def over_budget(kind: BudgetKind, most: int, window_s: float) -> DeliveryReason:
    return DeliveryReason(
        f"held back: over the budget of {most} messages in {window_s:g} s for {_COUNTED[kind]}",
        _data("over-budget", {"budget": kind, "most": most, "window_s": window_s}),
    )


def quiet_hours(until: datetime, time_zone: str) -> DeliveryReason:
    local = until.astimezone(ZoneInfo(time_zone))
    return DeliveryReason(
        f"quiet hours until {local:%Y-%m-%d %H:%M} ({time_zone})",
        _data("quiet-hours", {"until": until.isoformat()}),
    )


def not_verified(media: Sequence[Medium], others: Sequence[Medium]) -> DeliveryReason:
    """No address on `media` is verified; `others`, which are, are used too."""
    names = " and ".join(media)
    text = f"not verified: {names}; sent on {' and '.join(others)} too"
    return DeliveryReason(
        text if others else f"no address is verified: {names}",
        _data("not-verified", {"media": list(media), "others": list(others)}),
    )


def nobody_stands_in(until: datetime) -> DeliveryReason:
    return DeliveryReason(
        f"away until {until:%Y-%m-%d %H:%M} UTC, and nobody can stand in",
        _data("nobody-stands-in", {"until": until.isoformat()}),
    )


def stands_in(name: str, until: datetime) -> DeliveryReason:
    return DeliveryReason(
        f"in place of {name}, who is away until {until:%Y-%m-%d %H:%M} UTC",
        _data("stands-in", {"person": name, "until": until.isoformat()}),
    )


def later_step(number: int) -> DeliveryReason:
    return DeliveryReason(
        f"step {number} of the person's rule", _data("later-step", {"step": number})
    )


def both(first: DeliveryReason | None, second: DeliveryReason | None) -> DeliveryReason | None:
    """Return both texts, with the data of the first, which says more."""
    if first is None or second is None:
        return first or second
    return DeliveryReason(f"{first.text}; {second.text}", first.data)


def no_longer_relevant(text: str) -> DeliveryReason:
    return DeliveryReason(text, _data("no-longer-relevant"))


def in_summary(reason: str | None, data: ReasonData | None) -> DeliveryReason:
    """Return why a page failed whose summary did."""
    code = data or _data("refused")
    shared = ReasonData(code.code, code.parameters, in_summary=True)
    return DeliveryReason(f"in a summary: {reason}", shared)
