"""The screen of one escalation: its story, who was notified, its promises, and what is missing."""

from typing import Any

import pytest
from msgspec import to_builtins

from common.contracts import complaints
from common.contracts.escalations import EVENTS, EscalationsOwnEvent
from common.contracts.event import PersonId
from common.contracts.vacancies import Vacancy
from console.views.escalation import EscalationData, EscalationView, escalation_view
from console.views.story import event_text
from unit.console.answers import (
    ahead,
    approval,
    cause,
    clock,
    clocks,
    conversation,
    escalation,
    event,
    message,
    notification,
    reader,
)


def view(
    events: list[dict[str, Any]] | None = None,
    missing: tuple[str, ...] = (),
    changes: dict[str, Any] | None = None,
    **parts: Any,
) -> EscalationView:
    shown = escalation(**(changes or {})) | {"events": events or [], "next_cursor": None}
    return escalation_view(EscalationData(shown, **parts), missing, reader())


ANY_DATA = {
    "by": "sam",
    "to": "dora",
    "from_person": "sam",
    "person_id": "rita",
    "about": "rita",
    "approved_by": "dora",
    "approvers": ["dora"],
    "cause": "referral",
    "severity": "high",
    "level_name": "manager",
    "until": ahead(minutes=30),
    "amount": "12.00",
    "currency": "EUR",
    "outcome": "refund",
    "verdict": "upheld",
}


@pytest.mark.parametrize(
    "kind",
    [kind.type for kind in (*EVENTS, *complaints.EVENTS) if issubclass(kind, EscalationsOwnEvent)],
)
def test_every_event_of_an_escalation_has_a_sentence(kind: str) -> None:
    text = event_text({"type": kind, "at": ahead(), "data": ANY_DATA}, reader())
    assert text
    assert "%" not in text


def test_event_of_a_type_that_is_not_known_here_is_left_out() -> None:
    assert view([event("escalation_painted", colour="red")]).steps == ()


def test_story_is_in_the_order_of_time() -> None:
    events = [
        event("escalation_raised", -4, cause="breach", severity="high", reason="No reply"),
        event("escalation_climbed", -1, level_name="manager", reason="no answer from sam"),
    ]
    slack = notification(seen_at=ahead(minutes=-1.5))
    email = notification(medium="email", state="failed")
    update = notification(kind="update")
    steps = view(events, notifications=[slack, email, update]).steps
    assert [step.text for step in steps] == [
        "Raised: Promise broken (high)",
        "Sara Singh was notified: Slack seen 10:10, email not delivered",
        "Went up to manager",
    ]
    assert steps[2].quotations == (("Reason", "no answer from sam"),)


@pytest.mark.parametrize(
    ("waited_for", "text"),
    [
        ("acknowledgement_due", "Nobody answered in time: went up to manager"),
        ("lease", "No progress in time: went up to manager"),
    ],
)
def test_climb_by_a_timer_tells_what_it_waited_for(waited_for: str, text: str) -> None:
    climbed = event(
        "escalation_climbed",
        level_name="manager",
        reason="no answer from sam",
        waited_for=waited_for,
    )
    (step,) = view([climbed]).steps
    assert (step.text, step.quotations) == (text, ())


def test_levels_that_were_passed_are_told_in_the_language_of_the_reader() -> None:
    vacancies = (
        Vacancy(code="nobody-on-duty", setting_id="nights", level_name="team leads"),
        Vacancy(
            code="line-managers",
            level_name="supervisors",
            people=(PersonId("sam"),),
            also_asked=(PersonId("dora"),),
        ),
    )
    climbed = event(
        "escalation_climbed",
        level_name="manager",
        reason="nobody on duty at team leads; …",
        waited_for="lease",
        vacancies=to_builtins(vacancies),
    )
    (step,) = view([climbed]).steps
    assert step.quotations == (
        ("Reason", "Team leads: Nobody is on duty by Nights."),
        (
            "Reason",
            (
                "Supervisors: May not judge their own representative alone: Sam Stone. "
                "Asked with them: Dora Diaz."
            ),
        ),
    )
    shown = escalation() | {"events": [climbed], "next_cursor": None}
    german = escalation_view(EscalationData(shown), (), reader(language="de")).steps[0]
    assert german.quotations[0] == (
        "Grund",
        "Team leads: Nach dem Plan Nights hat niemand Bereitschaft.",
    )


def test_broken_promise_is_told_in_the_language_of_the_reader() -> None:
    reason = "No reply within 10 min (policy gold v3)"
    raised = event("escalation_raised", cause="breach", severity="high", reason=reason)
    shown = escalation() | {"events": [raised], "next_cursor": None}
    german = escalation_view(EscalationData(shown), (), reader(language="de"))
    assert german.steps[0].quotations == (("Grund", "Keine erste Antwort innerhalb von 10 min"),)
    assert [cause.rule for cause in german.causes] == [None]


def test_resolution_tells_the_amount_and_who_approved() -> None:
    resolved = event(
        "escalation_resolved",
        by="sam",
        outcome="refund",
        amount="49.00",
        currency="EUR",
        approved_by="dora",
        note="Paid back.",
    )
    (step,) = view([resolved]).steps
    assert step.text == "Resolved by Sam Stone: Refund €49.00, approved by Dora Diaz"


@pytest.mark.parametrize(
    ("changes", "delivery"),
    [
        ({}, "sent"),
        ({"state": "failed"}, "not delivered"),
        ({"delivered_at": ahead(minutes=-1)}, "arrived 10:11"),
        ({"seen_at": ahead(minutes=-1)}, "seen 10:11"),
        ({"seen_at": ahead(minutes=-1), "acted_at": ahead()}, "answered 10:12"),
    ],
)
def test_recipient_shows_how_far_the_message_came(changes: dict[str, Any], delivery: str) -> None:
    (recipient,) = view(notifications=[notification(**changes)]).recipients or ()
    assert (recipient.person, recipient.medium) == ("Sara Singh", "Slack")
    assert recipient.delivery == delivery


def delivery_step(
    state: str, reason: str | None = None, until: str | None = None
) -> dict[str, Any]:
    return {"state": state, "at": ahead(minutes=-1), "reason": reason, "until": until}


def test_recipient_shows_why_a_message_waits_and_what_stood_in_for_it() -> None:
    down = "Slack is down since 10:10"
    waiting = notification(
        state="pending",
        delay_reason=down,
        delay_code="system-down",
        history=[delivery_step("queued"), delivery_step("delayed", down, ahead(minutes=1))],
    )
    mail = notification(
        medium="email",
        failover_from="slack",
        history=[
            delivery_step("queued", "failover from slack"),
            delivery_step("delayed", "held back: over the budget", ahead()),
            delivery_step("failed_for_now", "answered 500"),
            delivery_step("sent"),
        ],
    )
    slack, email = view(notifications=[mail, waiting]).recipients or ()
    slack, email = (slack, email) if slack.medium == "Slack" else (email, slack)
    assert [(step.text, step.until_text) for step in slack.steps] == [
        ("waits, since the service that carries it does not work", "10:13")
    ]
    assert [(step.text, step.is_problem) for step in email.steps] == [
        ("sent here because Slack did not reach the person", False),
        ("held back, since many messages came at once", False),
        ("not delivered, tried again", True),
        ("sent", False),
    ]


def test_recipient_is_listed_once_by_the_newest_page() -> None:
    newest, older = notification(seen_at=ahead(), medium=None), notification(medium=None)
    (recipient,) = view(notifications=[newest, older, notification(kind="update")]).recipients or ()
    assert (recipient.medium, recipient.delivery) == ("no address", "seen 10:12")


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, "running"),
        ({"state": "met", "met_at": ahead(minutes=-1), "left_s": None}, "kept at 10:11"),
        (
            {"state": "breached", "met_at": ahead(minutes=-1), "left_s": None},
            "kept too late, at 10:11",
        ),
        ({"state": "breached", "left_s": -60.0}, "broken"),
        (
            {"state": "paused", "due_at": None, "left_s": None},
            "paused, since we wait for the customer",
        ),
        ({"state": "cancelled", "left_s": None}, "no longer needed"),
    ],
)
def test_clock_says_how_it_stands(changes: dict[str, Any], state: str) -> None:
    (row,) = view(clocks=clocks(clock(**changes))).clocks or ()
    assert (row.name, row.target, row.policy, row.state_text) == (
        "First reply",
        "10 min",
        "Gold, version 3",
        state,
    )
    assert (row.left is None) == (clock(**changes)["left_s"] is None)


def test_clock_with_a_calendar_says_how_much_business_time_is_left() -> None:
    calendar = {"id": "berlin", "version": 1}
    (row,) = view(clocks=clocks(clock(calendar=calendar, left_business_s=7200.0))).clocks or ()
    assert row.calendar == "Berlin, version 1"
    assert row.business_time_left == "2 h of business time"


def test_conversation_names_who_wrote() -> None:
    shown = view(
        contact=conversation(
            message("Help!"),
            message("On it.", "representative"),
            message("Away.", "representative", person_id=None, automatic=True, internal=True),
        )
    )
    assert [(line.author, line.text) for line in shown.messages or ()] == [
        ("Customer", "Help!"),
        ("Rita Rossi", "On it."),
        ("Representative", "Away."),
    ]
    assert (shown.messages or ())[2].notes == (
        "written by a machine",
        "the customer does not see it",
    )


@pytest.mark.parametrize(
    ("url", "link"),
    [("https://x/a.pdf", "https://x/a.pdf"), ("javascript:alert(1)", None), ("data:x,y", None)],
)
def test_attachment_is_a_link_only_if_it_leads_to_the_web(url: str, link: str | None) -> None:
    file = {"name": "a.pdf", "url": url, "content_type": None}
    (line,) = view(contact=conversation(message("", attachments=[file]))).messages or ()
    assert line.files == (("a.pdf", link),)


def test_approval_says_what_is_asked() -> None:
    request = view(changes={"state": "approval_asked", "approval": approval()}).request
    assert request is not None
    assert (request.person, request.outcome, request.amount, request.level) == (
        "Sam Stone",
        "Refund",
        "€120.00",
        "manager",
    )


def test_ended_escalation_says_how_it_ended() -> None:
    ended = {
        "state": "resolved",
        "closed_at": ahead(minutes=-1),
        "deadline": None,
        "outcome": "credit",
        "amount": "5.00",
        "currency": "EUR",
    }
    assert view(changes=ended).ending == "resolved 10:11: Credit €5.00"
    assert view().ending is None


def test_parts_that_are_missing_are_named() -> None:
    shown = view(missing=("intake", "notifier"))
    assert shown.missing == ("Contacts and conversations", "Messages to colleagues")
    assert (shown.messages, shown.recipients) == (None, None)
    assert shown.row.headline == "Billing chat from Ada Lovelace"


def test_other_contacts_of_the_customer_are_listed() -> None:
    other = {
        "contact_id": "other",
        "received_at": ahead(days=-1),
        "subject": "Late again",
        "topic": "shipping",
        "state": "resolved",
    }
    own = other | {"contact_id": escalation()["contact_id"]}
    (earlier,) = view(customer_contacts=[own, other]).earlier or ()
    assert (earlier.subject, earlier.at_text, earlier.state) == (
        "Late again",
        "Mar 1 10:12",
        "resolved",
    )


NEW_REASON = {"code": "a-code-of-a-newer-service"}


@pytest.mark.parametrize("reason", [None, NEW_REASON])
def test_change_of_a_clock_whose_reason_has_no_words_here_is_said_by_the_service(
    reason: dict[str, Any] | None,
) -> None:
    said = "cancelled: because of something new"
    change = {"at": ahead(), "run": 1, "text": said, "code": "cancelled", "parameters": {}}
    shown = view(clocks=clocks(clock(timeline=[{**change, "reason": reason}])))
    (row,) = shown.clocks or ()
    assert [text for _, text in row.timeline] == [said]


def test_end_whose_reason_has_no_words_here_is_said_by_the_service() -> None:
    closed = event("escalation_closed", reason="something new", change_reason=NEW_REASON)
    assert view([closed]).steps[0].quotations == (("Reason", "something new"),)


def test_rule_of_a_cause_without_a_finding_is_said_by_the_service() -> None:
    old = cause("vip", reason="VIP customer (policy gold v3)", finding=None)
    shown = view(changes={"causes": [old]})
    assert shown.causes[0].rule == "VIP customer (policy gold v3)"


def test_words_of_a_person_stay_as_they_are_though_a_rule_said_the_same() -> None:
    said = "VIP customer (policy gold v3)"
    finding = {"policy_id": "gold", "policy_version": 3, "contacts": None}
    causes = [cause("vip", reason=said, finding={**finding, "within_days": None, "topic": None})]
    raised = event("escalation_raised", -2, cause="vip", severity="high", reason=said)
    shown = view(
        [raised, event("escalation_noted", -1, by="sam", text=said)], (), {"causes": causes}
    )
    assert [step.quotations for step in shown.steps] == [
        (("Reason", "By Gold, version 3"),),
        (("Note", said),),
    ]
