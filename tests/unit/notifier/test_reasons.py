"""What each reason asks of its reader, and for how long the message holds."""

from dataclasses import replace
from datetime import timedelta
from typing import get_args

import pytest

from common.contracts.escalations import PageReason
from common.contracts.notifications import Medium
from notifier.channels import email, slack
from notifier.domain import notifications, wording
from notifier.domain.escalations import Escalation
from notifier.domain.notifications import (
    ApprovalRequiredError,
    NothingToAcknowledgeError,
    Notification,
)
from notifier.domain.reasons import Ask, Reason, asks_for
from notifier.domain.recipients import Recipient
from notifier.links import Links
from unit.notifier.examples import AT, EMAIL, SLACK, escalation, notification, paged

LINKS = Links("secret", "https://up.example.com/", timedelta(hours=1))
REASONS: tuple[Reason, ...] = (*get_args(PageReason), "alarm")
ANSWERED: tuple[Reason, ...] = ("raised", "climbed", "repeated", "returned", "handed_over")


def told(reason: Reason) -> Notification:
    known = notification()
    return replace(known, content=replace(known.content, reason=reason))


def held_by(who: str, *, approval_asked: bool = False) -> Escalation:
    return replace(escalation("acknowledged", who), approval_asked=approval_asked)


def test_every_reason_has_its_own_words() -> None:
    assert set(wording.WHY_NOW) == set(REASONS)
    assert len(set(wording.WHY_NOW.values())) == len(REASONS)


@pytest.mark.parametrize("reason", REASONS)
def test_only_what_asks_for_an_answer_has_the_button(reason: Reason) -> None:
    _, body = slack.request(told(reason), LINKS, AT)
    buttons = [one["action_id"] for one in body["blocks"][2]["elements"]]
    assert buttons == (["acknowledge", "open"] if reason in ANSWERED else ["open"])
    mail = email.compose(replace(told(reason), address=EMAIL), "up@example.com", "URL", AT)
    text = mail.get_body(("plain",))
    assert text
    assert ("Acknowledge: URL" in text.get_content()) == (reason in ANSWERED)
    assert wording.WHY_NOW[reason] in text.get_content()


def test_coaching_is_asked_for_and_takes_no_answer() -> None:
    wish = replace(told("coaching"), escalation_id=None)
    _, body = slack.request(wish, LINKS, AT)
    assert wording.WHY_NOW["coaching"] in str(body["blocks"])
    with pytest.raises(NothingToAcknowledgeError):
        notifications.acknowledge(wish, None, AT)


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("raised", "Answer until 14:12:30 UTC (12 min left)."),
        ("approval_asked", "Approve or refuse until 14:12:30 UTC (12 min left)."),
        ("lease_ending", "Yours until 14:12:30 UTC (12 min left)."),
        ("unanswered", "It is asked again at 14:12:30 UTC (12 min left)."),
        ("duty_gap", "There is time until 14:12:30 UTC (12 min left)."),
    ],
)
def test_how_long_there_is_for_what(reason: Reason, words: str) -> None:
    assert wording.deadline(told(reason).content, AT) == words


def test_an_approval_is_given_in_upstairs_and_not_by_the_link() -> None:
    asked = told("approval_asked")
    assert "give or refuse it in Upstairs" in wording.WHY_NOW["approval_asked"]
    for state in (escalation("raised"), held_by("sam", approval_asked=True)):
        assert not notifications.awaits_answer(asked, state)
        with pytest.raises(ApprovalRequiredError):
            notifications.acknowledge(asked, state, AT)


def test_operations_cannot_acknowledge_what_nobody_answered() -> None:
    with pytest.raises(NothingToAcknowledgeError):
        notifications.acknowledge(told("unanswered"), escalation("raised"), AT)


def test_who_is_told_of_news_may_answer_while_it_waits() -> None:
    assert notifications.awaits_answer(told("updated"), escalation("raised"))
    assert notifications.acknowledge(told("updated"), escalation("raised"), AT).events


@pytest.mark.parametrize(
    ("known", "held"),
    [
        (escalation("raised"), {"answer", "help", "nothing"}),
        (held_by("dana"), {"progress", "nothing"}),
        (held_by("sam"), set()),
        (held_by("dana", approval_asked=True), {"approval", "help", "progress", "nothing"}),
        (held_by("sam", approval_asked=True), {"approval", "help"}),
        (escalation("handed_back", "dana"), set()),
        (escalation("resolved", "dana"), set()),
        (escalation("closed"), set()),
    ],
)
def test_how_long_a_message_holds_for_dana(known: Escalation, held: set[Ask]) -> None:
    for reason in REASONS:
        assert notifications.concerns(told(reason), known) == (asks_for(reason) in held), reason


@pytest.mark.parametrize(
    ("asked", "expected", "because"),
    [
        (None, ("slack", "email"), None),
        (("email",), ("email",), None),
        (("sms", "slack"), ("slack",), None),
        (
            ("sms", "teams"),
            ("slack", "email"),
            "the recipient has no sms or teams: told on all media",
        ),
        ((), ("slack", "email"), None),
    ],
)
def test_a_page_may_be_limited_to_some_media(
    asked: tuple[Medium, ...] | None, expected: tuple[Medium, ...], because: str | None
) -> None:
    page = notifications.requested(paged(media=asked))
    dana = Recipient(page.person_id, "Dana", (SLACK, EMAIL))
    chosen, why = notifications.addresses(page, dana)
    assert (tuple(one.medium for one in chosen), why) == (expected, because)


def test_what_waits_again_is_no_tick() -> None:
    sent = replace(notification(), receipt={"channel": "D9", "ts": "1.2"})
    signs = []
    for waits in (True, False):
        update = notifications.update(sent, "x" * 5000, sent.notification_id, AT, waits=waits)
        _, body = slack.request(update, LINKS, AT)
        text = body["blocks"][1]["elements"][0]["text"]
        assert len(text) < 400
        signs.append(text.split()[0])
    assert signs == [":arrows_counterclockwise:", ":white_check_mark:"]
