"""What is sent by apprise, which hosts it calls, and what its answers mean."""

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
import requests
from msgspec.structs import replace

from notifier.channels import apprise, apprise_calls
from notifier.channels.apprise import Apprise, Message
from notifier.domain.content_levels import ContentLevels
from notifier.domain.delivery import Outcome, Postponed, Refused, Sent, Unknown
from notifier.domain.recipients import Address
from notifier.links import Links
from notifier.secret_addresses import AddressSealer
from notifier.settings import Settings
from unit.notifier.examples import ADA, AT, notification

LINKS = Links("secret", "https://up.example.com/", timedelta(hours=1))
TOKEN = "123456789:ABCdefghijklmnopqrstuvwxyz012345678"
ADDRESS = Address("apprise", {"url": "sealed", "service": "tgram"})
# An address of each service that may be called, with the host that the library then calls.
SERVICES = {
    f"tgram://{TOKEN}/12345": "api.telegram.org",
    f"pover://{'u' * 30}@{'a' * 30}": "api.pushover.net",
    f"pbul://{'a' * 32}": "api.pushbullet.com",
    f"discord://{'1' * 18}/{'a' * 64}": "discord.com",
    "gchat://workspace/key/token": "chat.googleapis.com",
    f"line://{'a' * 43}/{'U' * 33}": "api.line.me",
    f"prowl://{'a' * 40}": "api.prowlapp.com",
    f"spush://{'a' * 10}": "api.simplepu.sh",
    f"threema://*MYGWYID@{'s' * 16}/ABCD1234": "msgapi.threema.ch",
}


def channel() -> Apprise:
    schemes = Settings.model_fields["apprise_schemes"].default
    return Apprise(schemes, AddressSealer(None), LINKS, timedelta(seconds=5), 2)


def allows(url: str) -> bool:
    return channel().allows(Address("apprise", {"url": url}))


def test_services_that_may_be_called_have_hosts_that_the_library_knows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    called: list[str] = []

    def send(_: object, request: requests.PreparedRequest, **options: object) -> requests.Response:
        assert options["verify"]
        called.append(str(request.url))
        raise requests.ConnectionError

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
    for url, host in SERVICES.items():
        called.clear()
        assert allows(url), url
        outcome = apprise_calls.send(url, Message("Title", "Text", is_urgent=True), 1.0)
        assert isinstance(outcome, Unknown), (url, outcome)
        assert {urlsplit(each).hostname for each in called} == {host}
        assert called[0].startswith("https://")
    schemes = {url.partition(":")[0] for url in SERVICES}
    assert schemes == set(Settings.model_fields["apprise_schemes"].default)


@pytest.mark.parametrize(
    "url",
    [
        "json://169.254.169.254/latest",
        "ntfy://10.0.0.1/topic",
        "mailto://user:pass@localhost",
        "file:///etc/passwd",
        "TGRAM://token/1",
        f"tgram://{TOKEN}/1?template=file:///etc/passwd",
        f"discord://{'1' * 18}/{'a' * 64}?avatar_url=http://10.0.0.1",
        f"pover://{'u' * 30}@{'a' * 30}#x",
        f"tgram://{TOKEN}/1 json://localhost",
        "tgram",
        "",
    ],
)
def test_address_that_could_lead_into_our_network_is_not_allowed(url: str) -> None:
    assert not allows(url)


def test_address_that_is_not_complete_is_refused() -> None:
    message = Message("Title", "Text", is_urgent=False)
    assert apprise_calls.send("tgram://nonsense", message, 1.0) == Refused(
        "the address is not complete"
    )


async def test_address_that_no_key_decrypts_is_to_be_entered_again() -> None:
    assert await channel().send(notification(ADDRESS), AT) == Refused(
        "no encryption key decrypts the address: enter the address again"
    )


def test_message_names_no_customer_and_has_no_markup_of_strangers() -> None:
    page = notification(ADDRESS, contact={**ADA, "topic": "[x](http://evil.example)"})
    shown = ContentLevels().shown(replace(page, link_epoch=1))
    message = apprise.make_message(shown, LINKS, AT)
    assert "Ada" not in message.title + message.text
    assert "[" not in message.title
    text, link = message.text.splitlines()
    assert text == "Answer by 14:12:30 UTC (12 min 30 s left)."
    assert link.startswith("Open: https://up.example.com/v1/acknowledgements/")
    assert message.is_urgent


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (None, Unknown("the service gave no answer")),
        (429, Postponed("the service answered 429")),
        (502, Postponed("the service answered 502")),
        (403, Refused("the service answered 403")),
    ],
)
def test_status_decides_the_outcome(status: int | None, expected: Outcome) -> None:
    assert apprise_calls.failure(status) == expected
    assert not isinstance(expected, Sent)
