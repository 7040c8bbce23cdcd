"""Why a person is notified, and what the message asks of that person."""

from typing import Final, Literal, assert_never

from common.contracts.escalations import PageReason

# Escalation requests a page, found a lost timer, or reports a connection; the others are our own.
_ConnectionReason = Literal[
    "connection_silent", "connection_heard_again", "write_back_halted", "status_webhook_disabled"
]
_MaintenanceReason = Literal["maintenance_began", "maintenance_ended"]
Reason = (
    PageReason
    | _ConnectionReason
    | _MaintenanceReason
    | Literal["alarm", "address_changed", "summary", "address_code", "test"]
)
# An answer is given by a button or the signed link. The rest is done in Upstairs: to approve, to
# make progress with what one holds, or to see that somebody answers (help).
Ask = Literal["answer", "approval", "progress", "help", "nothing"]

ANSWERABLE_REASONS: Final = ("raised", "climbed", "repeated", "returned", "handed_over")


def asks_for(reason: Reason) -> Ask:
    match reason:
        case "raised" | "climbed" | "repeated" | "returned" | "handed_over":
            return "answer"
        case "approval_asked":
            return "approval"
        case "unanswered":
            return "help"
        case "lease_ending" | "snooze_over" | "approval_refused":
            return "progress"
        case (
            "updated"
            | "warning"
            | "unreachable"
            | "met"
            | "coaching"
            | "duty_gap"
            | "unserved"
            | "connection_silent"
            | "connection_heard_again"
            | "alarm"
            | "write_back_halted"
            | "status_webhook_disabled"
            | "maintenance_began"
            | "maintenance_ended"
            | "address_changed"
            | "summary"
            | "address_code"
            | "test"
        ):
            return "nothing"
        case _:
            assert_never(reason)
