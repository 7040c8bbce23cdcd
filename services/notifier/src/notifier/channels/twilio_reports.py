"""What a status callback of Twilio means."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from notifier.channels.twilio_errors import twilio_error
from notifier.domain.receipts import Delivered, NotDelivered, Read, Report

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
            error = twilio_error(code)
            if error is not None:
                return NotDelivered(f"not delivered: {error.meaning}", error.is_lasting)
            return NotDelivered(f"not delivered: {f'error {code}' if code else 'no reason named'}")
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
