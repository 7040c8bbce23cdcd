import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from notifier.channels import slack
from notifier.domain import notifications
from notifier.domain.delivering import Postponed, Refused, Sent, Unknown
from notifier.links import Links
from unit.notifier.examples import AT, ID, notification

LINKS = Links("secret", "https://up.example.com/", timedelta(hours=1))

# The example of Slack's documentation.
SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
TIMESTAMP = "1531420618"
BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow"
    b"&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner"
    b"&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com"
    b"%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
    b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)
SIGNATURE = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
HEADERS = {"x-slack-request-timestamp": TIMESTAMP, "x-slack-signature": SIGNATURE}
THEN = datetime.fromtimestamp(int(TIMESTAMP), UTC)


def test_the_signature_is_that_of_slacks_example() -> None:
    slack.verify(SECRET, HEADERS, BODY, THEN + timedelta(minutes=4))


def test_a_signature_grows_old() -> None:
    for age in (timedelta(minutes=6), timedelta(minutes=-6)):
        with pytest.raises(slack.StaleRequestError):
            slack.verify(SECRET, HEADERS, BODY, THEN + age)


def test_nobody_else_can_sign() -> None:
    for secret, headers, body in (
        ("other", HEADERS, BODY),
        (SECRET, HEADERS, BODY + b"&text=more"),
        (SECRET, {}, BODY),
        (SECRET, {**HEADERS, "x-slack-signature": "v0=é"}, BODY),
        (SECRET, {**HEADERS, "x-slack-request-timestamp": "1531420619"}, BODY),
        (
            "",
            {**HEADERS, "x-slack-signature": slack.signature("", TIMESTAMP, BODY)},
            BODY,
        ),
    ):
        with pytest.raises(slack.BadSignatureError):
            slack.verify(secret, headers, body, THEN)


def test_a_page_says_at_a_glance_what_why_how_long_and_what_to_press() -> None:
    method, body = slack.request(notification(), LINKS, AT)
    assert (method, body["channel"]) == ("chat.postMessage", "D0123")
    assert body["text"] == "Billing chat from Ada: first response 2 min overdue"
    section, context, actions = body["blocks"]
    assert section["text"]["text"] == (
        "*Billing chat from Ada: first response 2 min overdue*\n"
        "No reply within 10 min. Representative: rui."
    )
    epoch = int(AT.timestamp()) + 750
    assert context["elements"][0]["text"] == (
        ":hourglass_flowing_sand: *12 min left*, until "
        f"<!date^{epoch}^{{date_short_pretty}} {{time_secs}}|2026-03-02 14:12 UTC>"
        " · Nobody below you took it · high severity · level manager"
    )
    acknowledge, opens = actions["elements"]
    assert (acknowledge["action_id"], acknowledge["text"]["text"]) == (
        "acknowledge",
        "Acknowledge",
    )
    assert LINKS.read(acknowledge["value"], datetime.now(UTC)) == ID  # noqa: TID251
    assert opens["url"].startswith("https://up.example.com/v1/acknowledgements/")


def test_a_warning_has_nothing_to_acknowledge() -> None:
    _, body = slack.request(
        notification(escalation_id=None, reason="warning", respond_by=None), LINKS, AT
    )
    (only,) = body["blocks"][2]["elements"]
    assert only["action_id"] == "open"


def test_customers_words_cannot_mention_or_link() -> None:
    _, body = slack.request(notification(why="<!channel> & <http://evil|here>"), LINKS, AT)
    assert "&lt;!channel&gt; &amp; &lt;http://evil|here&gt;" in body["blocks"][0]["text"]["text"]


def test_long_words_fit() -> None:
    _, body = slack.request(notification(headline="<" * 5000, why="&" * 100), LINKS, AT)
    assert len(body["blocks"][0]["text"]["text"]) <= 3000


def test_an_update_changes_the_message_that_was_sent() -> None:
    update = notifications.update(notification(), "Acknowledged by Dana <3", ID, AT)
    sent = replace(update, receipt={"channel": "D9", "ts": "1.2"})
    method, body = slack.request(sent, LINKS, AT)
    assert (method, body["channel"], body["ts"]) == ("chat.update", "D9", "1.2")
    assert [block["type"] for block in body["blocks"]] == ["section", "context"]
    assert "Acknowledged by Dana &lt;3" in body["blocks"][1]["elements"][0]["text"]


def test_what_slack_answers() -> None:
    sent = b'{"ok": true, "channel": "D1", "ts": "1.2", "message": {}}'
    assert slack.outcome(200, {}, sent) == Sent({"channel": "D1", "ts": "1.2"})
    assert slack.outcome(429, {"retry-after": "7"}, b"") == Postponed(
        "Slack answered 429", timedelta(seconds=7)
    )
    assert slack.outcome(429, {"retry-after": "soon"}, b"") == Postponed("Slack answered 429")
    assert isinstance(slack.outcome(503, {}, b""), Postponed)
    for status in (400, 404, 302):
        assert isinstance(slack.outcome(status, {}, b""), Refused)
    for body in (b"<html>", b"[]", b"{}"):
        assert isinstance(slack.outcome(200, {}, body), Unknown)


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
def test_ok_false_is_an_error(error: str, kind: type[object]) -> None:
    body = json.dumps({"ok": False, "error": error}).encode()
    assert isinstance(slack.outcome(200, {}, body), kind)


def test_interactions_are_read_leniently() -> None:
    payload = '{"type":"block_actions","user":{"id":"U1"},"new":1,"actions":[{"action_id":"open"}]}'
    read = slack.interaction(b"payload=" + payload.encode())
    assert (read.user.id, read.actions[0].value) == ("U1", None)
    with pytest.raises(slack.BadPayloadError):
        slack.interaction(b"payload=%7B")
    with pytest.raises(ValidationError):
        slack.interaction(b"payload=%7B%7D")
