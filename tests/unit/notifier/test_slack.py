import json
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from common.contracts.event import PersonId
from common.core.clock import TimeSource
from notifier.channels import slack, slack_interactions, slack_messages
from notifier.channels.base import MalformedPayloadError, SignatureRefusedError
from notifier.channels.slack import Slack
from notifier.domain import notifications
from notifier.domain.content import Status, StatusKind
from notifier.domain.delivery import Postponed, Refused, Sent, Unknown
from notifier.domain.notifications import Notification
from notifier.links import Capability, Links
from unit.notifier.examples import ADA, AT, COMPLAINT, ID, notification

LINKS = Links("secret", "https://up.example.com/", timedelta(hours=1))

# The example of Slack's documentation, with a body that presses a button.
SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
TIMESTAMP = "1531420618"
THEN = datetime.fromtimestamp(int(TIMESTAMP), UTC)
BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow"
    b"&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner"
    b"&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com"
    b"%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
    b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)
HEADERS = {
    "x-slack-request-timestamp": TIMESTAMP,
    "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
}


def channel(secret: str = SECRET) -> Slack:
    return Slack("http://127.0.0.1", "token", secret, LINKS, timedelta(seconds=5))


def test_body_with_slacks_own_example_signature_is_read() -> None:
    # It is no press of a button, but that is only seen once the signature is accepted.
    with pytest.raises(MalformedPayloadError):
        channel().presses(HEADERS, BODY, THEN + timedelta(minutes=4))


@pytest.mark.parametrize("age", [timedelta(minutes=6), timedelta(minutes=-6)])
def test_old_signature_is_refused(age: timedelta) -> None:
    with pytest.raises(SignatureRefusedError):
        channel().presses(HEADERS, BODY, THEN + age)


@pytest.mark.parametrize(
    ("secret", "headers", "body"),
    [
        ("other", HEADERS, BODY),
        (SECRET, HEADERS, BODY + b"&text=more"),
        (SECRET, {}, BODY),
        (SECRET, {**HEADERS, "x-slack-signature": "v0=é"}, BODY),
        (SECRET, {**HEADERS, "x-slack-request-timestamp": "1531420619"}, BODY),
        ("", HEADERS, BODY),
    ],
)
def test_wrong_signature_is_refused(secret: str, headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(SignatureRefusedError):
        channel(secret).presses(headers, body, THEN)


def capability(token: str) -> Capability:
    return LINKS.read(token, TimeSource().utc_now())


def test_page_says_at_a_glance_what_how_long_why_and_what_to_press() -> None:
    message = slack_messages.page_message(notification(), LINKS, AT)
    assert message["channel"] == "D0123"
    assert message["text"] == (
        "Billing chat from “Ada”: first response 2 min overdue. "
        "Answer by 14:12:30 UTC (12 min 30 s left)."
    )
    section, context, buttons = message["blocks"]
    epoch = int(AT.timestamp()) + 750
    assert section["text"]["text"].splitlines() == [
        "*Billing chat from “Ada”: first response 2 min overdue*",
        (
            ":hourglass_flowing_sand: *Answer by 14:12:30 UTC (12 min 30 s left).* Your time: "
            f"<!date^{epoch}^{{date_short_pretty}} {{time_secs}}|Mon 2026-03-02 14:12 UTC>"
        ),
        "*Why now:* It moved up to your level. No answer from sam.",
        (
            ":point_right: Press Acknowledge to take care of it. "
            "Press Take over to serve the customer yourself."
        ),
        "No reply within 10 min (policy gold v3).",
        "Subject:",
        "> “Wrong invoice”",
        "Representative: rui",
    ]
    assert context["elements"][0]["text"] == (
        "high severity · level manager · high priority · VIP customer · language de"
    )
    acknowledge, take_over, opens = buttons["elements"]
    assert (acknowledge["action_id"], acknowledge["text"]["text"]) == ("acknowledge", "Acknowledge")
    assert (take_over["action_id"], take_over["text"]["text"]) == ("take_over", "Take over")
    for button in (acknowledge, take_over):
        assert capability(button["value"]) == Capability(ID, "press", 0)
    # Others may read the message: its link only shows what it is about.
    assert capability(opens["url"].rpartition("/")[2]) == Capability(ID, "show", 0)


def test_warning_has_only_a_link() -> None:
    message = slack_messages.page_message(notification(reason="warning"), LINKS, AT)
    (button,) = message["blocks"][2]["elements"]
    assert button["action_id"] == "open"


def test_customers_words_cannot_mention_link_or_add_a_line() -> None:
    hostile = "<!channel> & <http://evil|here>\n*Approved* _by_ ~all~ `ok` :tada:"
    escaped = "&lt;!channel&gt; &amp; &lt;http://evil|here&gt; "
    escaped += "∗Approved∗ ˍbyˍ ∼all∼ ˋokˋ ∶tada:"  # noqa: RUF001 - they look alike
    message = slack_messages.page_message(
        notification(
            contact={**ADA, "customer_name": hostile, "subject": hostile},
            causes=[{**COMPLAINT, "reason": hostile}],
            explanation=hostile,
            level_name=hostile,
        ),
        LINKS,
        AT,
    )
    texts = [message["text"], *(str(block) for block in message["blocks"])]
    assert all("<!channel>" not in text and "<http" not in text for text in texts)
    # Slack makes no links of plain addresses, and shows nothing of what they lead to.
    assert message["blocks"][0]["text"]["verbatim"]
    assert (message["unfurl_links"], message["unfurl_media"]) == (False, False)
    lines = message["blocks"][0]["text"]["text"].splitlines()
    assert len(lines) == 9
    assert lines[4:6] == ["Complaint about rui, reported by kim:", f"> “{escaped}”"]
    assert lines[6:8] == ["Subject:", f"> “{escaped}”"]


def test_long_words_fit_into_what_slack_accepts() -> None:
    long = "<&>" * 5000
    contact = {**ADA, "customer_name": long, "subject": long}
    causes = [{**COMPLAINT, "reason": long}] * 5
    page = notification(contact=contact, explanation=long, causes=causes)
    section, context, _ = slack_messages.page_message(page, LINKS, AT)["blocks"]
    text = section["text"]["text"]
    assert len(text) <= 3000
    assert len(context["elements"][0]["text"]) <= 3000
    # Not even the last entity is cut in two, and what matters most is all there.
    assert not text.rpartition("&")[2].startswith(("amp…", "l…", "g…", "a…", "lt…", "gt…", "…"))
    assert "Answer by 14:12:30 UTC (12 min 30 s left)" in text
    assert "Press Acknowledge" in text


def updated(status: Status) -> Notification:
    sent = replace(notification(), receipt={"channel": "D9", "ts": "1.2"})
    return notifications.update(sent, status, ID, AT)


def test_update_replaces_the_buttons_by_the_status() -> None:
    message = slack_messages.update_message(updated(Status("resolved", by="Dana <3")), LINKS, AT)
    assert (message["channel"], message["ts"]) == ("D9", "1.2")
    assert [block["type"] for block in message["blocks"]] == ["section", "context"]
    assert message["blocks"][1]["elements"][0]["text"] == (
        ":white_check_mark: Resolved by Dana &lt;3"
    )
    assert message["text"].endswith(". Resolved by Dana &lt;3")
    # A deadline that no longer counts would mislead.
    assert "left" not in str(message)


@pytest.mark.parametrize("kind", ["acknowledged", "taken_over", "renewed", "snoozed"])
def test_update_for_the_holder_has_the_holders_buttons(kind: StatusKind) -> None:
    status = Status(kind, by="Dana", holder=PersonId("dana"))
    message = slack_messages.update_message(updated(status), LINKS, AT)
    snooze, hand_back = message["blocks"][-1]["elements"]
    assert (snooze["action_id"], hand_back["action_id"]) == ("snooze", "hand_back")
    assert capability(snooze["value"]).purpose == "press"


def test_update_for_others_says_who_has_it_and_has_no_buttons() -> None:
    status = Status("taken_over", by="Omar", holder=PersonId("omar"))
    message = slack_messages.update_message(updated(status), LINKS, AT)
    assert [block["type"] for block in message["blocks"]] == ["section", "context"]
    assert "Taken over by Omar" in message["blocks"][1]["elements"][0]["text"]


def test_update_of_an_escalation_that_waits_again_has_no_tick() -> None:
    waiting = updated(
        Status("returned", level_name="manager", reason="x" * 900, awaits_answer=True)
    )
    text = slack_messages.update_message(waiting, LINKS, AT)["blocks"][1]["elements"][0]["text"]
    assert text.startswith(":arrows_counterclockwise: Back at manager: xxx")
    assert len(text) < 400


def test_slacks_answer_decides_the_outcome() -> None:
    sent = b'{"ok": true, "channel": "D1", "ts": "1.2", "message": {}}'
    assert slack.outcome(200, {}, sent, AT) == Sent({"channel": "D1", "ts": "1.2"})
    assert slack.outcome(429, {"retry-after": "7"}, b"", AT) == Postponed(
        "Slack answered 429", timedelta(seconds=7)
    )
    assert slack.outcome(429, {"retry-after": "soon"}, b"", AT) == Postponed("Slack answered 429")
    assert isinstance(slack.outcome(503, {}, b"", AT), Postponed)
    for status in (400, 404, 302):
        assert isinstance(slack.outcome(status, {}, b"", AT), Refused)
    for body in (b"<html>", b"[]", b"{}"):
        assert isinstance(slack.outcome(200, {}, body, AT), Unknown)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("channel_not_found", Refused),
        ("is_archived", Refused),
        ("invalid_auth", Postponed),
        ("token_revoked", Postponed),
        ("internal_error", Postponed),
        ("an error of next year", Postponed),
    ],
)
def test_ok_false_is_a_failure(error: str, kind: type[object]) -> None:
    body = json.dumps({"ok": False, "error": error}).encode()
    assert isinstance(slack.outcome(200, {}, body, AT), kind)


def test_unknown_fields_of_a_press_are_ignored() -> None:
    payload = '{"type":"block_actions","user":{"id":"U1"},"new":1,"actions":[{"action_id":"open"}]}'
    interaction = slack_interactions.parse(b"payload=" + payload.encode())
    assert (interaction.user.id, interaction.actions[0].value) == ("U1", None)


@pytest.mark.parametrize(("body", "status"), [(b"payload=%7B", 400), (b"payload=%7B%7D", 422)])
def test_malformed_press_is_refused(body: bytes, status: int) -> None:
    with pytest.raises(MalformedPayloadError) as refused:
        slack_interactions.parse(body)
    assert refused.value.status == status
