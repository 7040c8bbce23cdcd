"""How long a message may be on each medium, in characters of what was rendered."""

from dataclasses import dataclass
from typing import Final

from common.contracts.notifications import Medium
from notifier.domain import sms_segments


@dataclass(frozen=True, slots=True)
class Limits:
    """`segments`: of the whole message, as networks send it and bill for it."""

    title: int
    body: int
    segments: int | None = None


_USUAL: Final = Limits(title=300, body=4000)
_LIMITS: Final[dict[str, Limits]] = {
    # Slack refuses a longer text in a block.
    "slack": Limits(title=300, body=3000),
    "email": Limits(title=200, body=20_000),
    # Browsers cut what is longer, and a push service takes 4,096 bytes.
    "web_push": Limits(title=300, body=600),
    # Six segments of GSM-7 have so many characters, and of UCS-2 402.
    "sms": Limits(title=300, body=918, segments=sms_segments.MAX_CUSTOM_SEGMENTS),
}


def limits_of(medium: Medium) -> Limits:
    return _LIMITS.get(medium, _USUAL)
