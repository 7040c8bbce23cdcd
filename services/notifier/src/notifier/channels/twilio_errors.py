"""What Twilio's error codes mean, in its answers to our calls and in its reports alike."""

from typing import Final, NamedTuple


class TwilioError(NamedTuple):
    """`is_lasting`: this number or this message is the cause, so that another attempt fails, too.

    All others are tried again: they pass, or an operator can correct them.
    """

    meaning: str
    is_lasting: bool = True


WRONG_CREDENTIALS: Final = 20003
_ERRORS: Final = {
    13224: TwilioError("no valid number to call"),
    WRONG_CREDENTIALS: TwilioError("the account or its token is wrong", is_lasting=False),
    20429: TwilioError("too many requests", is_lasting=False),
    21211: TwilioError("no valid number to write to"),
    21214: TwilioError("the number can't be reached"),
    21217: TwilioError("no valid number"),
    21265: TwilioError("a short code"),
    21610: TwilioError("the person has opted out"),
    21614: TwilioError("no mobile number"),
    21617: TwilioError("the message is too long"),
    21635: TwilioError("a landline"),
    21656: TwilioError("the variables of the template are not valid"),
    # The phone may come back, but a message by another contact method comes no later than that.
    30003: TwilioError("the phone is off or away"),
    30004: TwilioError("the number blocks us"),
    30005: TwilioError("the number is unknown"),
    30006: TwilioError("a landline, or its network is away"),
    30007: TwilioError("the network took it for spam", is_lasting=False),
    63003: TwilioError("no such account of WhatsApp"),
    63024: TwilioError("no valid recipient"),
}
_BY_CODE: Final = {str(code): error for code, error in _ERRORS.items()}


def twilio_error(code: int | str) -> TwilioError | None:
    """Return what we know of the code; answers have it as a number, reports as text."""
    return _BY_CODE.get(str(code))
