"""The table of bad input: what outside systems do wrong, and what the story of a message then says.

Each channel has an entry for each case, or the table says why it can't occur; `test_bad_input.py`
holds that.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from common.contracts.notifications import Medium
from integration.notifier.conftest import PHONES
from integration.notifier.phone_examples import DANA
from notifier.web_push.vapid import VapidKey
from support.hostile_server import (
    Behaviour,
    HostileServer,
    answer,
    big,
    big_greeting,
    hang,
    reset,
    says,
)
from support.service_harness import ENCRYPTION_KEY
from support.telegram_bots import CHAT_URL
from support.twilio import Twilio

_PUSH_KEY: Final = VapidKey.generate()

CASES: Final = (
    "hangs",
    "resets",
    "200 with an error",
    "redirects inward",
    "10 MB",
    "invalid Retry-After",
    "endless Retry-After",
)
BEHAVIOURS: Final[Mapping[str, Behaviour]] = {
    "hangs": hang,
    "resets": reset,
    "10 MB": big,
    "invalid Retry-After": answer(503, Retry_After="soon; 1e999 \x7f"),
    "endless Retry-After": answer(503, Retry_After="9" * 30),
}
_SMTP: Final[Mapping[str, Behaviour]] = {
    "10 MB": big_greeting,
    "redirects inward": says(b"551 User not local; please try <dana@127.0.0.1>\r\n"),
}
_ERRORS: Final[Mapping[Medium, bytes]] = {
    "slack": b"<html>An error occurred</html>",
    "teams": b'{"error": {"code": "TriggerInputSchemaMismatch", "message": "x"}}',
    "apprise": b'{"ok": false, "error_code": 400, "description": "chat not found"}',
    **dict.fromkeys(PHONES, b'{"status": 500, "message": "An internal error occurred"}'),
}

AMBIGUOUS: Final = ("queued", "sending", "ambiguous", "failed")
FAILED_FOR_NOW: Final = ("queued", "sending", "failed_for_now", "failed")
FAILED: Final = ("queued", "sending", "failed")
SENT: Final = ("queued", "sending", "sent")
WAITS: Final = ("queued", "sending", "failed_for_now")

_HTTP: Final[Mapping[str, Sequence[str]]] = {
    "hangs": AMBIGUOUS,
    "resets": AMBIGUOUS,
    "200 with an error": AMBIGUOUS,
    "redirects inward": FAILED,
    "10 MB": AMBIGUOUS,
    "invalid Retry-After": WAITS,
    "endless Retry-After": WAITS,
}
# The states of a message that may be tried once, or twice where it is told to wait.
STORIES: Final[Mapping[Medium, Mapping[str, Sequence[str]]]] = {
    "slack": _HTTP,
    # A connector answers 200, and workflows 202: whatever else they say is no error.
    "teams": {**_HTTP, "10 MB": SENT},
    # A push service says all by its status (RFC 8030).
    "web_push": {**_HTTP, "200 with an error": SENT, "10 MB": SENT},
    # The library tells whether the status was one of success.
    "apprise": {**_HTTP, "200 with an error": SENT, "10 MB": SENT},
    # An operator can correct the address of Twilio.
    **{phone: {**_HTTP, "redirects inward": FAILED_FOR_NOW} for phone in PHONES},
    "email": {
        "hangs": AMBIGUOUS,
        "resets": FAILED_FOR_NOW,
        "redirects inward": FAILED_FOR_NOW,
        "10 MB": FAILED_FOR_NOW,
    },
}
NOT_APPLICABLE: Final[Mapping[tuple[Medium, str], str]] = {
    ("email", "200 with an error"): "An answer of SMTP has no body.",
    ("email", "invalid Retry-After"): "SMTP has no such header.",
    ("email", "endless Retry-After"): "SMTP has no such header.",
}
# Of a status webhook, whose list of deliveries says whether it was taken, the status, and why not.
WEBHOOK_ANSWERS: Final[Mapping[str, tuple[bool, int | None, str]]] = {
    "hangs": (False, None, "no answer"),
    "resets": (False, None, "no answer"),
    # Standard Webhooks: the status says all.
    "200 with an error": (True, 200, ""),
    "redirects inward": (False, 307, "redirections are not followed"),
    "10 MB": (True, 200, ""),
    "invalid Retry-After": (False, 503, "answered 503"),
    "endless Retry-After": (False, 503, "answered 503"),
}
BAD_TEMPLATES: Final = (
    "{% for a in details %}{% for b in details %}x{% endfor %}{% endfor %}",
    "{% for a in range(10**9) %}x{% endfor %}",
    "{{ headline.__class__.__mro__ }}",
    "{{ headline | attr('format') }}",
    "{{ details | join(', ', 'format') }}",
    "{{ details | join(details | join(details | join(headline))) }}",
    "{{ 'x' * 10**9 }}",
    "{{ nothing_of_that_name }}",
)


class Receiver(NamedTuple):
    """`settings` are the service's, and `address` is Dana's there."""

    settings: Mapping[str, Any]
    address: Mapping[str, str]


def behaviour_of(medium: Medium, case: str, inward: HostileServer) -> Behaviour:
    if medium == "email" and case in _SMTP:
        return _SMTP[case]
    match case:
        case "redirects inward":
            return answer(307, Location=f"{inward.url}/latest/meta-data")
        case "200 with an error":
            return answer(200, _ERRORS.get(medium, b"error"), Content_Type="application/json")
        case _:
            return BEHAVIOURS[case]


def receiver(medium: Medium, server: HostileServer) -> Receiver:
    number = {"medium": medium, "number": DANA}
    twilio = {**Twilio().settings, "twilio_api_url": server.url}
    match medium:
        case "slack":
            address = {"medium": medium, "channel": "D-dana", "user_id": "U-dana"}
            return Receiver({"slack_api_url": server.url}, address)
        case "email":
            settings = {"smtp_host": "127.0.0.1", "smtp_port": server.port}
            return Receiver(settings, {"medium": medium, "address": "dana@example.com"})
        case "teams":
            settings = {"teams_services": (server.url,), "encryption_keys": ENCRYPTION_KEY}
            return Receiver(settings, {"medium": medium, "url": f"{server.url}/a?sig=b"})
        case "apprise":
            settings = {"encryption_keys": ENCRYPTION_KEY}
            return Receiver(settings, {"medium": medium, "url": CHAT_URL})
        case "web_push":
            settings = {
                "web_push_key": _PUSH_KEY.private,
                "web_push_services": (server.url,),
                "web_push_contact": "mailto:ops@example.com",
            }
            return Receiver(settings, {})
        case _:
            return Receiver(twilio, number)
