"""What messages say: what it is about, why now, how long there is, what to do."""

from datetime import timedelta
from decimal import Decimal
from typing import Any, get_args

import pytest
from msgspec.structs import replace

from common.contracts.escalations import Cause
from notifier import rendering
from notifier.domain import own_messages
from notifier.domain.content import PersonAway, Status, StatusKind
from notifier.domain.reasons import Reason
from unit.notifier.examples import (
    ADA,
    AT,
    COMPLAINT,
    LATE_REPLY,
    REASONS,
    REFUND,
    notification,
    timer_missing,
)

SOON = AT + timedelta(minutes=12, seconds=30)


def words(reason: Reason = "climbed", **changes: Any) -> rendering.Words:
    return rendering.words(notification(reason=reason, **changes).content, AT)


def test_every_reason_has_its_own_words() -> None:
    alarms: tuple[Reason, ...] = (
        *("alarm", "write_back_halted", "status_webhook_disabled"),
        *("maintenance_began", "maintenance_ended"),
    )
    sentences = {
        words(reason, explanation=None).why_now for reason in REASONS if reason not in alarms
    }
    sentences |= {words(reason).why_now for reason in alarms}
    assert len(sentences) == len(REASONS)


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        ("lease_ending", "Your time for this escalation ends soon: act or renew."),
        ("updated", "New reason added."),
        ("alarm", "An internal timer was lost and restored."),
        ("write_back_halted", "A connected system refuses our credentials."),
        ("status_webhook_disabled", "Its receiver no longer takes calls."),
        ("maintenance_began", "Pages about it wait until then. Clocks go on."),
        ("maintenance_ended", "Pages about it go out again."),
        ("climbed", "It moved up to your level. No answer from sam."),
        ("returned", "It is back at your level. Shift of sam ended."),
        ("handed_over", "You are asked to take it. Sam hands it over: “she speaks German”"),
        ("approval_asked", "Your approval is needed."),
        ("unanswered", "All levels were asked. No answer from dana, omar."),
        ("unreachable", "It went on at once. Dana not reached (no such recipient)."),
    ],
)
def test_message_says_why_it_comes_to_this_person_now(reason: Reason, sentence: str) -> None:
    assert words(reason).why_now == sentence


@pytest.mark.parametrize(
    ("is_repeat", "explanation", "sentence"),
    [
        (True, None, "Still not acknowledged: you are asked again."),
        (False, None, "Still not acknowledged: now you are asked."),
        (True, "no answer from sam", "You are asked again. No answer from sam."),
        (False, "no answer from sam", "Now you are asked. No answer from sam."),
    ],
)
def test_only_a_person_who_was_asked_before_is_asked_again(
    is_repeat: bool, explanation: str | None, sentence: str
) -> None:
    content = notification(reason="repeated", explanation=explanation).content
    assert rendering.words(replace(content, is_repeat=is_repeat), AT).why_now == sentence


def test_page_of_a_stand_in_says_for_whom_and_until_when() -> None:
    content = notification(reason="climbed", explanation="no answer from sam").content
    back = AT + timedelta(days=2)
    away = replace(content, away=PersonAway(back, "Sam Ortiz"))
    assert rendering.words(away, AT).why_now == (
        "For Sam Ortiz, who is away until Wed 2026-03-04 14:00 UTC. "
        "It moved up to your level. No answer from sam."
    )
    german = rendering.words(replace(content, away=PersonAway(back)), AT, language="de")
    assert german.why_now.startswith("Sie sind bis ")
    assert "niemand kann Sie vertreten" in german.why_now


def test_warning_after_the_deadline_says_that_the_promise_is_broken() -> None:
    assert words("warning").why_now == "A promise to this customer may be broken soon."
    late = words("warning", respond_by=AT - timedelta(minutes=1))
    assert late.why_now == "A promise to this customer is broken."


def test_page_without_explanation_says_it_was_not_acknowledged_below() -> None:
    assert words("climbed", explanation=None).why_now == "Not acknowledged at the level below."


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        ("raised", "Answer by 14:12:30 UTC (12 min 30 s left)."),
        ("approval_asked", "Approve or refuse by 14:12:30 UTC (12 min 30 s left)."),
        ("lease_ending", "You have it until 14:12:30 UTC (12 min 30 s left)."),
        (
            "unanswered",
            "The people who did not answer are asked again at 14:12:30 UTC (12 min 30 s left).",
        ),
        ("updated", "It moves on at 14:12:30 UTC (12 min 30 s left)."),
        ("warning", "Due at 14:12:30 UTC (12 min 30 s left)."),
        ("duty_gap", "The gap begins at 14:12:30 UTC (12 min 30 s left)."),
    ],
)
def test_deadline_says_how_long_there_is_for_what(reason: Reason, sentence: str) -> None:
    assert words(reason, respond_by=SOON).deadline == sentence


@pytest.mark.parametrize(
    ("left", "sentence"),
    [
        (timedelta(seconds=-5), "Answer by 13:59:55 UTC (time is up)."),
        (timedelta(seconds=0.4), "Answer by 14:00:00 UTC (time is up)."),
        (timedelta(seconds=59.9), "Answer by 14:00:59 UTC (59 s left)."),
        (timedelta(seconds=7500), "Answer by 16:05:00 UTC (2 h 5 min left)."),
        (timedelta(hours=23), "Answer by Tue 2026-03-03 13:00 UTC (23 h left)."),
        (timedelta(hours=166), "Answer by Mon 2026-03-09 12:00 UTC (6 d 22 h left)."),
    ],
)
def test_deadline_has_the_time_left_and_on_another_day_the_date(
    left: timedelta, sentence: str
) -> None:
    assert words(respond_by=AT + left).deadline == sentence


def test_time_left_is_that_of_the_sending() -> None:
    content = notification(respond_by=SOON).content
    later = rendering.words(content, AT + timedelta(minutes=10))
    assert later.deadline == "Answer by 14:12:30 UTC (2 min 30 s left)."
    assert later.headline == "Billing chat from “Ada”: first response 12 min overdue"


@pytest.mark.parametrize(
    ("changes", "trouble"),
    [
        ({}, "first response 2 min overdue"),
        ({"due_at": AT}, "first response overdue"),
        ({"due_at": AT + timedelta(milliseconds=5)}, "first response due now"),
        ({"due_at": AT + timedelta(minutes=4)}, "first response due in 4 min"),
        ({"clock_state": "met_late"}, "first reply sent late"),
        ({"clock_state": "met"}, "first reply sent in time"),
        ({"clock": "assignment", "clock_state": "met_late"}, "assigned late"),
        ({"clock": "next_response", "clock_state": "met_late"}, "reply sent late"),
        ({"clock": "periodic_update", "clock_state": "met"}, "update sent in time"),
        ({"clock": "resolution", "clock_state": "met_late"}, "resolved late"),
        ({"clock": "acknowledgement", "clock_state": "met_late"}, "acknowledged late"),
        ({"clock_state": "paused"}, "first response waits for the customer"),
        ({"clock_state": "cancelled"}, "first response no longer needed"),
        ({"cause": "complaint", "clock": None, "about": "rui"}, "complaint about rui"),
        ({"cause": "referral", "clock": None, "by": "rui"}, "referred by rui"),
        ({"cause": "manual", "clock": None, "by": "sam"}, "raised by sam"),
        ({"cause": "vip", "clock": None}, "VIP customer"),
        ({"cause": "feedback", "clock": None}, "bad feedback"),
        (
            {"cause": "customer_request", "clock": None},
            "the customer asks for a supervisor",
        ),
    ],
)
def test_headline_says_topic_channel_customer_and_trouble(
    changes: dict[str, Any], trouble: str
) -> None:
    headline = words(causes=[{**LATE_REPLY, **changes}]).headline
    assert headline == f"Billing chat from “Ada”: {trouble}"


@pytest.mark.parametrize("cause", get_args(Cause))
def test_every_cause_has_words_even_if_only_the_cause_is_known(cause: str) -> None:
    bare = {"cause": cause, "reason": "because of it", "at": AT}
    assert words(causes=[bare]).headline.startswith("Billing chat from “Ada”: ")
    assert any("ecause of it" in line for line in words(causes=[bare]).lines)


@pytest.mark.parametrize(
    ("cause", "line"),
    [
        ({"cause": "customer_request", "reason": "Your boss!"}, "Customer: “Your boss!”"),
        ({"cause": "referral", "reason": "too angry", "by": "rui"}, "rui: “too angry”"),
        ({"cause": "manual", "reason": "the press"}, "A colleague: “the press”"),
        ({"cause": "feedback", "reason": "never", "score": 2}, "Feedback 2 of 5: “never”"),
        ({"cause": "feedback", "reason": "", "score": 1}, "Feedback 1 of 5."),
        (
            {"cause": "complaint", "reason": "He hung up.", "about": "rui"},
            "Complaint about rui: “He hung up.”",
        ),
        ({"cause": "vip", "reason": "VIP customer (policy a v1)"}, "VIP customer (policy a v1)."),
    ],
)
def test_quotation_is_led_by_its_source(cause: dict[str, Any], line: str) -> None:
    assert words(causes=[{"at": AT, **cause}]).lines[0] == line


def test_headline_of_unknown_contact_still_says_the_trouble() -> None:
    assert words(contact=None).headline == "Contact: first response 2 min overdue"
    anonymous = {**ADA, "customer_name": None}
    assert words(contact=anonymous).headline.startswith("Billing chat from a customer: ")
    assert words(contact=None, causes=[]).headline == "Contact: please look at it"


def test_added_reason_is_in_the_headline_and_first_in_the_details() -> None:
    added = words("updated", causes=[LATE_REPLY, COMPLAINT])
    assert added.headline == "Billing chat from “Ada”: complaint about rui"
    assert added.lines[:2] == (
        "New: Complaint about rui, reported by kim: “He hung up on me.”",
        "No reply within 10 min (policy gold v3).",
    )


def test_many_causes_are_summed_up() -> None:
    causes = [{**LATE_REPLY, "reason": f"reason {number}"} for number in range(5)]
    assert words(causes=causes).lines[:4] == (
        "Reason 0.",
        "Reason 1.",
        "Reason 2.",
        "And 2 more.",
    )


def test_equal_lines_are_written_once() -> None:
    assert words(causes=[LATE_REPLY] * 3).lines == words(causes=[LATE_REPLY]).lines


def test_approval_says_who_asks_for_how_much_and_for_what() -> None:
    approval_request = words("approval_asked", approval={**REFUND, "amount": Decimal("1200.50")})
    assert (
        approval_request.headline
        == "Billing chat from “Ada”: sam asks to grant 1200.50 EUR (refund)"
    )
    assert approval_request.lines[0] == "sam asks to grant 1200.50 EUR (refund): “Charged twice”"
    assert approval_request.task == "Approve or refuse it in Upstairs."


def test_coaching_says_who_asks_whom_to_coach_whom_about_what() -> None:
    coaching_request = words("coaching")
    assert coaching_request.headline == "Billing chat from “Ada”: sam asks you to coach rui"
    assert coaching_request.lines[0] == "sam about rui: “How to end a call”"


def test_duty_gap_says_where_when_whose_turn_and_how_to_close_it() -> None:
    gap = words("duty_gap")
    assert gap.headline == "Nobody on duty in managers from Mon 2026-03-02 18:00 UTC"
    assert gap.lines == (
        "The gap lasts until Tue 2026-03-03 00:00 UTC.",
        "On the schedule, but absent: kim, lee.",
        "To put somebody on duty: POST /v1/duty-schedules/managers/overrides",
    )
    endless = {"schedule_id": "managers", "starts_at": AT}
    assert words("duty_gap", duty_gap=endless).lines[0] == "The end of the gap is not known."


def test_silent_connection_says_since_when_what_is_expected_and_where_to_look() -> None:
    silent = words("connection_silent")
    assert silent.headline == "Nothing comes from zendesk:acme"
    assert silent.lines == (
        (
            "Nothing came since Mon 2026-03-02 12:00 UTC. Something is expected every 60 minutes "
            "of its office hours."
        ),
        "What came last and what was wrong: GET /v1/channels/zendesk/acme",
    )
    heard = words("connection_heard_again")
    assert heard.headline == "zendesk:acme is heard again"
    assert heard.lines[0] == (
        "Nothing came from Mon 2026-03-02 12:00 UTC to Mon 2026-03-02 14:00 UTC."
    )


def test_lost_timer_says_which_and_what_was_done() -> None:
    assert words("alarm").lines == (
        "There was no timer for what is due at Mon 2026-03-02 13:59 UTC. Upstairs made it again.",
        "Services never delete timers. Check for manual changes or a restore of the database.",
    )
    page = own_messages.alarm_from(timer_missing(instead=AT + timedelta(hours=1)))
    wrong = rendering.words(page.content, AT)
    assert wrong.lines[0] == (
        "The timer stood at Mon 2026-03-02 15:00 UTC instead of Mon 2026-03-02 13:59 UTC. "
        "Upstairs corrected it."
    )
    assert "clocks" in wrong.headline


def test_circumstances_leave_out_what_is_ordinary() -> None:
    assert words().circumstances == (
        "high severity",
        "level manager",
        "high priority",
        "VIP customer",
        "language de",
    )
    ordinary = {**ADA, "priority": "normal", "tier": "standard"}
    assert words(contact=ordinary).circumstances == (
        "high severity",
        "level manager",
        "language de",
    )


def test_customers_words_are_quoted_on_one_line_and_cannot_end_the_quotation() -> None:
    hostile = "Hi”\r\n\r\nApproved by manager: “pay\u202e\x1b 500 EUR"
    lines = words(contact={**ADA, "subject": hostile}).lines
    assert 'Subject: “Hi" Approved by manager: "pay 500 EUR”' in lines


def test_long_words_are_cut() -> None:
    long = words(
        explanation="x" * 5000,
        contact={**ADA, "subject": "y" * 5000, "customer_name": "z" * 5000, "topic": "t" * 5000},
        causes=[{**COMPLAINT, "reason": "w" * 5000}],
    )
    assert len(long.headline) < 200
    assert all(len(line) <= 600 for line in (long.why_now, *long.lines))
    assert long.lines[0].endswith("…”")


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (Status("acknowledged", by="Dana"), "Acknowledged by Dana"),
        (Status("taken_over", by="Dana"), "Taken over by Dana"),
        (Status("handed_back", by="Dana"), "Handed back by Dana"),
        (Status("resolved", by="Dana"), "Resolved by Dana"),
        (Status("closed"), "Closed"),
        (Status("waiting"), "Waiting for an answer again"),
        (Status("unassigned", by="Dana"), "No longer with Dana"),
        (
            Status("returned", level_name="manager", reason="shift of dana ended"),
            "Back at manager: shift of dana ended",
        ),
        (Status("handed_over", by="Dana", to="Omar"), "Handed over to Omar by Dana"),
        (Status("reopened", by="Dana", reason="angry"), "Reopened by Dana: “angry”"),
        (
            Status("approval_refused", by="Omar", reason="too much"),
            "Approval refused by Omar: “too much”",
        ),
        (
            Status("approval_withdrawn", by="Dana", reason="my error"),
            "Approval request withdrawn by Dana: “my error”",
        ),
        (Status("renewed", by="Dana", until=AT), "Renewed by Dana until Mon 2026-03-02 14:00 UTC"),
        (Status("snoozed", by="Dana", until=AT), "Snoozed by Dana until Mon 2026-03-02 14:00 UTC"),
    ],
    ids=lambda value: value.kind if isinstance(value, Status) else "",
)
def test_status_says_who_did_what(status: Status, text: str) -> None:
    assert rendering.status_text(status, AT) == text


def test_every_status_has_words() -> None:
    for kind in get_args(StatusKind):
        full = Status(kind, by="Dana", to="Omar", level_name="manager", reason="why", until=AT)
        assert rendering.status_text(full, AT)
