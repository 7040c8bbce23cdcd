"""Why somebody is told, and what is asked of whoever reads it."""

from typing import Literal, assert_never

from common.contracts.escalations import PageReason

# What we page for: because escalation asks, or because it found something wrong with itself.
Reason = PageReason | Literal["alarm"]
# An answer is given by a button or the signed link, all else in Upstairs: an approval, progress by
# whoever has it, help by those who can't answer themselves.
Ask = Literal["answer", "approval", "progress", "help", "nothing"]


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
        case "updated" | "warning" | "coaching" | "duty_gap" | "alarm":
            return "nothing"
        case _:
            assert_never(reason)
