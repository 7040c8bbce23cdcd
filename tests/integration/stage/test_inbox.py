"""The inbox page shows received messages and never runs or obeys their content."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest

from devstack.receivers import SlackCall
from stage.inbox import Button, Inbox, received_messages
from stage.inbox.messages import printable, split_links
from stage.system import Receivers, open_receivers

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
LINK = "http://127.0.0.1:8004/v1/acknowledgements/signed.token"
HOSTILE = (
    '<script>alert(1)</script> <img src=x onerror="alert(2)"> '
    '"><a href="javascript:alert(3)">javascript:alert(4)</a> {{ 7 * 7 }} [red]\x1b[2J\u202e'
)


def post(ts: str, text: str, *, seconds: float = 0, **fields: Any) -> SlackCall:
    actions = fields.pop("actions", [])
    blocks = [
        {"type": "section", "text": {"type": "mrkdwn", "text": f"*{text}*\nNo reply within 10 s"}},
        {"type": "context", "elements": [{"type": "mrkdwn", "text": "high severity"}]},
        {"type": "actions", "elements": actions},
    ]
    body = {"channel": "D0SARA", "text": text, "blocks": blocks, **fields}
    at = NOON + timedelta(seconds=seconds)
    return SlackCall("chat.postMessage", body, {}, at, accepted=True, ts=ts)


def button(label: str, **fields: str) -> dict[str, Any]:
    return {"type": "button", "text": {"type": "plain_text", "text": label}, **fields}


def mail(subject: str, text: str) -> EmailMessage:
    message = EmailMessage()
    message["To"] = "sara@example.com"
    message["Subject"] = subject
    message.set_content(text)
    return message


class Page(HTMLParser):
    """The tags of a page, and the addresses of its links and forms."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.targets: set[str] = set()
        self.handlers: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.targets |= {str(value) for name, value in attrs if name in ("href", "action", "src")}
        self.handlers |= {name for name, _ in attrs if name.startswith("on")}


@pytest.fixture
async def receivers() -> AsyncIterator[Receivers]:
    async with open_receivers() as receivers:
        yield receivers


@pytest.fixture
async def inbox(receivers: Receivers) -> AsyncIterator[Inbox]:
    async with Inbox(receivers, "http://127.0.0.1:1", "secret") as inbox:
        yield inbox


@pytest.fixture
async def browser(inbox: Inbox) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=inbox.url, trust_env=False) as browser:
        yield browser


def receive_mail(receivers: Receivers, message: EmailMessage, seconds: float = 0) -> None:
    receivers.mail.messages.append(message)
    receivers.mail.arrivals.append(NOON + timedelta(seconds=seconds))


def test_messages_of_both_media_are_listed_newest_first(receivers: Receivers) -> None:
    receivers.slack.requests.extend((post("1", "first"), post("2", "third", seconds=2)))
    receive_mail(receivers, mail("second", "text"), seconds=1)
    titles = [message.title for message in received_messages(receivers.slack, receivers.mail)]
    assert titles == ["third", "second", "first"]


def test_refused_message_is_not_listed(receivers: Receivers) -> None:
    receivers.slack.requests.append(SlackCall("chat.postMessage", {}, {}, NOON, accepted=False))
    assert received_messages(receivers.slack, receivers.mail) == []


def test_update_replaces_the_text_and_the_buttons_of_a_slack_message(receivers: Receivers) -> None:
    page = post(
        "1", "overdue", actions=[button("Acknowledge", action_id="acknowledge", value="token")]
    )
    receivers.slack.requests.extend((page, post("1", "acknowledged", seconds=5)))
    (message,) = received_messages(receivers.slack, receivers.mail)
    assert (message.title, message.buttons) == ("acknowledged", ())
    assert message.received_at == NOON
    assert message.updated_at == NOON + timedelta(seconds=5)


def test_slack_markup_becomes_plain_text(receivers: Receivers) -> None:
    text = "Billing &amp; &lt;returns&gt; :hourglass_flowing_sand: until <!date^1^{time}|12:00 UTC>"
    receivers.slack.requests.append(post("1", text))
    (message,) = received_messages(receivers.slack, receivers.mail)
    assert message.title == "Billing & <returns> ⏳ until 12:00 UTC"
    assert message.lines == ("No reply within 10 s", "high severity")


def test_only_http_addresses_become_links() -> None:
    parts = list(split_links(f"Acknowledge: {LINK} or javascript:alert(1)"))
    assert [text for text, is_link in parts if is_link] == [LINK]
    assert "".join(text for text, _ in parts) == f"Acknowledge: {LINK} or javascript:alert(1)"


def test_button_with_another_scheme_is_not_a_link(receivers: Receivers) -> None:
    buttons = [button("Open", url="javascript:alert(1)"), button("Safe", url=LINK)]
    receivers.slack.requests.append(post("1", "overdue", actions=buttons))
    (message,) = received_messages(receivers.slack, receivers.mail)
    assert message.buttons == (Button("Open"), Button("Safe", url=LINK))


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert printable("a\x1b[2J\u202eb\r\nc") == "a [2J b  c"


async def test_page_links_to_the_address_in_a_mail(
    receivers: Receivers, browser: httpx.AsyncClient
) -> None:
    receive_mail(receivers, mail("Overdue", f"No reply.\n\nAcknowledge: {LINK}\n"))
    page = Page((await browser.get("/")).text)
    assert page.targets == {LINK}


async def test_page_escapes_hostile_content(
    receivers: Receivers, browser: httpx.AsyncClient
) -> None:
    buttons = [
        button(HOSTILE, url="javascript:alert(1)"),
        button(HOSTILE, action_id=HOSTILE, value=HOSTILE),
        button(HOSTILE, url=f"{LINK}?q=a&b"),
    ]
    receivers.slack.requests.append(post("1", HOSTILE, actions=buttons, channel=HOSTILE))
    receive_mail(receivers, mail(printable(HOSTILE), HOSTILE))
    answer = await browser.get("/")
    page = Page(answer.text)
    assert not page.tags & {"script", "img", "iframe", "object"}
    assert not page.handlers
    assert page.targets == {"/press", "/open-home", f"{LINK}?q=a&b"}
    assert "49" not in answer.text
    assert "&lt;script&gt;" in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_home_tab_is_shown_as_it_was_published_last(receivers: Receivers) -> None:
    for seconds, text in enumerate(("nothing", "overdue")):
        blocks = post("", text, actions=[button("Open", url=LINK)]).body["blocks"]
        title = {"type": "header", "text": {"type": "plain_text", "text": "What needs you"}}
        body = {"user_id": "U0SARA", "view": {"type": "home", "blocks": [title, *blocks]}}
        at = NOON + timedelta(seconds=seconds)
        receivers.slack.requests.append(SlackCall("views.publish", body, {}, at, ts=str(seconds)))
    (home,) = received_messages(receivers.slack, receivers.mail)
    assert (home.recipient, home.title) == ("the home tab of U0SARA", "What needs you")
    assert home.lines[0] == "overdue"
    assert home.buttons == (Button("Open", url=LINK),)


async def test_home_tab_is_opened_of_who_got_a_message(
    receivers: Receivers, browser: httpx.AsyncClient
) -> None:
    receivers.slack.requests.append(post("1", "overdue"))
    assert "Open that of U0SARA" in (await browser.get("/")).text
    answer = await browser.post("/open-home", data={"user_id": "U0OTHER"})
    assert answer.status_code == 404


async def test_page_without_messages_says_so(browser: httpx.AsyncClient) -> None:
    assert "No messages yet." in (await browser.get("/")).text


async def test_press_of_an_unknown_button_is_refused(
    receivers: Receivers, browser: httpx.AsyncClient
) -> None:
    acknowledge_button = button("Acknowledge", action_id="acknowledge", value="token")
    receivers.slack.requests.append(post("1", "overdue", actions=[acknowledge_button]))
    for action_id, value in (("acknowledge", "guess"), ("acknowledge", ""), ("resolve", "token")):
        answer = await browser.post("/press", data={"action_id": action_id, "value": value})
        assert answer.status_code == 404


async def test_buttons_of_one_message_are_shown_with_their_own_actions(
    receivers: Receivers, browser: httpx.AsyncClient
) -> None:
    buttons = [
        button("Acknowledge", action_id="acknowledge", value="token"),
        button("Take over", action_id="take_over", value="token"),
    ]
    receivers.slack.requests.append(post("1", "overdue", actions=buttons))
    (message,) = received_messages(receivers.slack, receivers.mail)
    assert [(shown.label, shown.action_id) for shown in message.buttons] == [
        ("Acknowledge", "acknowledge"),
        ("Take over", "take_over"),
    ]
    page = (await browser.get("/")).text
    assert 'name="action_id" value="take_over"' in page


async def test_page_refuses_the_name_of_a_foreign_website(browser: httpx.AsyncClient) -> None:
    assert (await browser.get("/", headers={"Host": "evil.example"})).status_code == 400
