"""When a home tab is published, what it shows, and what Slack takes."""

import json
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from common.contracts.event import EscalationId, NotificationId, PersonId
from notifier.channels import slack_events, slack_forms, slack_home
from notifier.channels.base import AddressCheck, HomeOpened, MalformedPayloadError
from notifier.domain import home_tabs
from notifier.domain.delivery import Postponed, Sent, Unknown
from notifier.domain.escalations import Escalation
from notifier.domain.home_tabs import HomeTab, HomeView, view_of
from notifier.domain.notifications import Notification
from notifier.domain.recipients import LANGUAGES, Recipient
from notifier.links import Capability, Links
from unit.notifier.examples import ADA, AT, CONTACT, SLACK, notification

DANA = Recipient(PersonId("dana"), "Dana", (SLACK,), link_epoch=3)
LINKS = Links("secret", "https://up.example.com", timedelta(hours=1))
CONSOLE = Links("secret", "https://up.example.com", timedelta(hours=1), "https://console.example")
SECOND = timedelta(seconds=1)


def page(number: int, reason: Any = "climbed", **changes: Any) -> Notification:
    """Return a page to Dana about an escalation of its own."""
    escalation_id = EscalationId(f"0199c1f0-1111-7bd3-8f5e-{number:012}")
    made = notification(SLACK, reason, escalation_id=escalation_id, **changes)
    return replace(made, notification_id=NotificationId(f"0199c1f0-7a52-7bd3-8f5e-{number:012}"))


def escalation(of: Notification, state: Any = "raised", by: str | None = None) -> Escalation:
    person = PersonId(by) if by else None
    until = AT + timedelta(minutes=20) if by else None
    return Escalation(
        of.escalation_id or EscalationId(""), CONTACT, state, person, AT, held_until=until
    )


def view(*shown: tuple[Notification, Escalation], of: Recipient | None = DANA) -> HomeView:
    escalations = {each.escalation_id: each for _, each in shown}
    return view_of(of, [page for page, _ in shown], escalations)


def texts(home: dict[str, Any]) -> list[str]:
    return [block["text"]["text"] for block in home["blocks"] if block["type"] == "section"]


def labels(home: dict[str, Any]) -> list[list[str]]:
    rows = [block["elements"] for block in home["blocks"] if block["type"] == "actions"]
    return [[button["text"]["text"] for button in row] for row in rows]


def test_home_shows_the_most_severe_first_with_time_left_and_buttons() -> None:
    waiting, own = page(1), page(2, severity="critical", contact={**ADA, "topic": "refunds"})
    home = slack_home.home_view(
        view((waiting, escalation(waiting)), (own, escalation(own, "acknowledged", "dana"))),
        "U0123",
        CONSOLE,
        AT,
    )
    first, second = texts(home)
    assert first.splitlines()[:2] == [
        "*Refunds chat from “Ada”: first response 2 min overdue*",
        "You have it until 14:20:00 UTC (20 min left).",
    ]
    assert second.splitlines() == [
        "*Billing chat from “Ada”: first response 2 min overdue*",
        "Answer by 14:12:30 UTC (12 min 30 s left).",
        "high severity · level manager · high priority · VIP customer · language de",
    ]
    assert labels(home) == [
        ["Snooze", "Hand back", "Open"],
        ["Acknowledge", "Take over", "Open"],
        ["Open Upstairs"],
    ]
    token = home["blocks"][4]["elements"][0]["value"]
    assert LINKS.read(token, AT) == Capability(waiting.notification_id, "press", 3)


def test_home_names_what_its_user_holds_though_no_time_is_known() -> None:
    own = page(1)
    state = replace(escalation(own, "taken_over", "dana"), held_until=None)
    (text,) = texts(slack_home.home_view(view((own, state)), "U0123", LINKS, AT))
    assert text.splitlines()[1] == "You hold this escalation."


def test_refused_press_of_the_home_is_answered_in_the_readers_language() -> None:
    notices = {language: slack_forms.notice("Omar.", language) for language in ("en", "de")}
    assert {name: notice["blocks"][0]["text"]["text"] for name, notice in notices.items()} == {
        "en": "Your answer was not recorded. Omar.",
        "de": "Ihre Antwort wurde nicht gespeichert. Omar.",
    }


def test_home_leaves_out_what_others_hold_and_what_has_ended() -> None:
    taken, ended, approval, other = page(1), page(2), page(3, "approval_asked"), page(4, "warning")
    shown = view(
        (taken, escalation(taken, "acknowledged", "omar")),
        (ended, escalation(ended, "resolved", "dana")),
        (approval, replace(escalation(approval, "acknowledged", "omar"), approval_asked=True)),
        (other, escalation(other)),
    )
    assert shown.items == (approval,)


def test_empty_home_says_so_and_stranger_hears_what_to_do() -> None:
    (nothing,) = texts(slack_home.home_view(view(), "U0123", LINKS, AT))
    assert nothing.startswith("Nothing needs you now.")
    (unknown,) = texts(slack_home.home_view(view(of=None), "U0123", LINKS, AT))
    assert unknown == "Ask your manager to add your Slack user id U0123 to your contact methods."
    gone = replace(DANA, active=False)
    assert view(of=gone) == HomeView()


def test_holder_without_a_message_gets_no_button_of_anothers_message() -> None:
    others = replace(page(1), person_id=PersonId("omar"))
    shown = view((others, escalation(others, "taken_over", "dana")))
    assert labels(slack_home.home_view(shown, "U0123", LINKS, AT)) == []
    assert labels(slack_home.home_view(shown, "U0123", CONSOLE, AT)) == [
        ["Open"],
        ["Open Upstairs"],
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_longest_home_is_within_what_slack_takes(language: str) -> None:
    long = "<&>" * 5000
    contact = {**ADA, "customer_name": long, "subject": long}
    shown = []
    for number in range(200):
        each = page(number, contact=contact, level_name=long)
        shown.append((each, escalation(each)))
    reader = replace(DANA, language=language)
    home = slack_home.home_view(view(*shown, of=reader), "U0123", CONSOLE, AT)
    assert len(home["blocks"]) <= 100
    assert len(json.dumps(home).encode()) < 250_000
    assert "160" in texts(home)[-1]


def test_opened_tab_is_published_and_then_looked_at_rarely() -> None:
    opened = home_tabs.open_tab(None, "slack", "U1", AT)
    assert (opened.due_at, opened.key) == (AT, "slack/U1")
    claimed = home_tabs.claim(opened, HomeView(), AT)
    assert claimed.claimed_at == AT
    published = home_tabs.record(claimed, claimed, HomeView(), Sent({}), AT + SECOND)
    assert published.due_at == AT + SECOND + home_tabs.CHECK_INTERVAL
    # Nothing has changed: no call.
    later = home_tabs.claim(published, HomeView(), published.due_at)
    assert later.claimed_at is None
    assert later.due_at == published.due_at + home_tabs.CHECK_INTERVAL


def published_tab(shown: HomeView, **changes: Any) -> HomeTab:
    opened = home_tabs.open_tab(None, "slack", "U1", AT)
    claimed = home_tabs.claim(opened, shown, AT)
    return replace(home_tabs.record(claimed, claimed, shown, Sent({}), AT), **changes)


def test_time_left_is_renewed_while_somebody_may_look() -> None:
    shown = view((page(1), escalation(page(1))))
    tab = published_tab(shown)
    assert tab.due_at == AT + home_tabs.RENEWAL_INTERVAL
    assert home_tabs.claim(tab, shown, tab.due_at).claimed_at == tab.due_at
    looked_away = AT + home_tabs.LOOKED_AT
    assert home_tabs.claim(tab, shown, looked_away).claimed_at is None


def test_flood_of_changes_is_published_at_intervals() -> None:
    tab = published_tab(HomeView())
    soon = home_tabs.change(tab, AT + SECOND)
    assert soon.due_at == AT + home_tabs.MIN_INTERVAL
    assert home_tabs.change(soon, AT + SECOND) == soon
    assert home_tabs.change(tab, AT + 5 * SECOND).due_at == AT + 5 * SECOND


def test_change_during_a_publication_is_published_after_it() -> None:
    first, second = HomeView(), view((page(1), escalation(page(1))))
    tab = published_tab(first)
    claimed = home_tabs.claim(tab, second, AT + 5 * SECOND)
    changed = home_tabs.change(claimed, AT + 6 * SECOND)
    assert changed.due_at == claimed.due_at
    recorded = home_tabs.record(changed, claimed, second, Sent({}), AT + 7 * SECOND)
    assert recorded.due_at == AT + 7 * SECOND + home_tabs.MIN_INTERVAL


def test_failure_backs_off_and_waits_as_long_as_slack_asks() -> None:
    claimed = home_tabs.claim(home_tabs.open_tab(None, "slack", "U1", AT), HomeView(), AT)
    failed = home_tabs.record(claimed, claimed, HomeView(), Unknown("no answer"), AT)
    assert failed.due_at == AT + 2 * SECOND
    again = home_tabs.claim(failed, HomeView(), AT)
    limit = Postponed("Slack answered 429", timedelta(seconds=30))
    assert home_tabs.record(again, again, HomeView(), limit, AT).due_at == AT + 30 * SECOND
    # What changes meanwhile is no reason to call earlier; who opens it again is.
    assert home_tabs.change(failed, AT).due_at == failed.due_at
    assert home_tabs.open_tab(failed, "slack", "U1", AT).due_at == AT


def test_attempt_that_lost_its_lease_changes_nothing() -> None:
    first = home_tabs.claim(home_tabs.open_tab(None, "slack", "U1", AT), HomeView(), AT)
    second = home_tabs.claim(first, HomeView(), AT + timedelta(minutes=1))
    assert home_tabs.record(second, first, HomeView(), Sent({}), AT) == second


def report(**event: Any) -> bytes:
    return json.dumps({"type": "event_callback", "event_id": "Ev1", "event": event}).encode()


@pytest.mark.parametrize(
    ("body", "interactions"),
    [
        (report(type="app_home_opened", user="U1", tab="home"), [HomeOpened("U1")]),
        (report(type="app_home_opened", user="U1"), [HomeOpened("U1")]),
        (report(type="app_home_opened", user="U1", tab="messages"), []),
        (report(type="message", user={"id": "U1"}), []),
        (b'{"type":"url_verification","challenge":"3eZbrw1a"}', [AddressCheck("3eZbrw1a")]),
        (b'{"type":"app_rate_limited"}', []),
        (b'{"type":"event_callback"}', []),
        (b"{}", []),
    ],
)
def test_event_of_slack_is_read(body: bytes, interactions: list[Any]) -> None:
    assert list(slack_events.read(body)) == interactions


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"[]", 400),
        (b"{", 400),
        (report(type="app_home_opened"), 422),
        (report(type="app_home_opened", user="U 1"), 422),
        (b'{"type":"url_verification","challenge":"<script>"}', 422),
    ],
)
def test_malformed_event_is_refused(body: bytes, status: int) -> None:
    with pytest.raises(MalformedPayloadError) as refused:
        slack_events.read(body)
    assert refused.value.status == status
