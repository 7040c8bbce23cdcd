"""What a status callback of Twilio means."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from notifier.domain.receipts import Delivered, NotDelivered, Read, Report

# The phone is off or away, the number is unknown, it blocks us, it is a landline, the person has
# opted out: another message there comes no earlier than one by another method.
_LASTING: Final = frozenset(
    ("30003", "30004", "30005", "30006", "21610", "21614", "63003", "63024")
)
_MEANING: Final = {
    "30003": "the phone is off or away",
    "30004": "the number blocks us",
    "30005": "the number is unknown",
    "30006": "a landline, or its network is away",
    "30007": "the network took it for spam",
    "21610": "the person has opted out",
}
# Who did not answer is called again, but not all day.
_CALLS: Final = 3
_CALL_AGAIN: Final = timedelta(seconds=60)
_NO_PERSON: Final = ("machine", "fax")
_MISSED: Final = ("busy", "no-answer", "failed", "canceled")


def read_report(fields: Mapping[str, str]) -> tuple[str, Report | None]:
    """Return Twilio's id of the message or call, and what became of it; None on its way."""
    if "CallSid" in fields:
        return fields["CallSid"], _of_call(fields)
    return fields.get("MessageSid") or fields.get("SmsSid") or "", _of_message(fields)


def _of_message(fields: Mapping[str, str]) -> Report | None:
    status = (fields.get("MessageStatus") or fields.get("SmsStatus") or "").lower()
    match status:
        case "delivered":
            return Delivered()
        case "read":
            return Read()
        case "undelivered" | "failed":
            code = fields.get("ErrorCode", "")
            reason = _MEANING.get(code, f"error {code}" if code else "no reason named")
            return NotDelivered(f"not delivered: {reason}", code in _LASTING)
        case _:
            return None


def _of_call(fields: Mapping[str, str]) -> Report | None:
    status = fields.get("CallStatus", "").lower()
    if status in _MISSED:
        return NotDelivered(f"call not answered: {status}", wait=_CALL_AGAIN, attempts=_CALLS)
    if status != "completed":
        return None
    if fields.get("AnsweredBy", "").startswith(_NO_PERSON):
        reason = "call answered by a machine"
        return NotDelivered(reason, wait=_CALL_AGAIN, attempts=_CALLS)
    return Delivered()
