"""What a device gets: encrypted, short, without the customer's words, by known services only."""

from datetime import timedelta
from typing import Any

import http_ece
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from msgspec.structs import replace
from pydantic import ValidationError

from common.contracts.event import PersonId
from notifier.allowed_origins import AllowedOrigins
from notifier.channels import web_push
from notifier.domain.content_levels import ContentLevels
from notifier.domain.delivery import Outcome, Postponed, Refused, Sent, Unknown
from notifier.domain.notifications import Notification
from notifier.domain.recipients import Device, Recipient
from notifier.links import Links
from notifier.settings import Settings
from notifier.web_push.vapid import VapidKey, WrongKeyError, decode
from support.push_service import Subscription
from unit.notifier.examples import ADA, AT, ESCALATION, notification

LINKS = Links("secret", "https://up.example.com", timedelta(hours=1), "https://console.example.com")
# RFC 8291, appendix A.
RFC_SECRET = "BTBZMqHH6r4Tts7J_aSIgg"
RFC_PRIVATE_KEY = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"
RFC_PUBLIC_KEY = (
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
)
RFC_MESSAGE = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27ml"
    "mlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPT"
    "pK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)


def device(name: str = "phone", **fields: str) -> Device:
    keys = {"endpoint": f"https://push.example.com/{name}", "p256dh": "", "auth": "", **fields}
    return Device(device_id=name, name=name, added_at=AT, **keys)


def shown(page: Notification) -> Notification:
    return ContentLevels().shown(replace(page, medium="web_push"))


def payload(page: Notification) -> dict[str, Any]:
    push = web_push.make_push(shown(page), LINKS, AT)
    subscription = Subscription("https://push.example.com/x")
    return subscription.read(web_push.encrypt(push.payload, device(**subscription.fields)))


def rfc_key() -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(decode(RFC_PRIVATE_KEY)), ec.SECP256R1())


def test_message_of_the_rfc_is_read() -> None:
    """So what reads ours in these tests reads as a browser does."""
    plain = http_ece.decrypt(
        decode(RFC_MESSAGE), private_key=rfc_key(), auth_secret=decode(RFC_SECRET)
    )
    assert plain == b"When I grow up, I want to be a watermelon"


def test_only_the_browser_reads_what_is_encrypted_for_it() -> None:
    content = web_push.encrypt(b"{}", device(p256dh=RFC_PUBLIC_KEY, auth=RFC_SECRET))
    other = ec.generate_private_key(ec.SECP256R1())
    secret = decode(RFC_SECRET)
    assert http_ece.decrypt(content, private_key=rfc_key(), auth_secret=secret) == b"{}"
    with pytest.raises(http_ece.ECEException):
        http_ece.decrypt(content, private_key=other, auth_secret=secret)


def test_device_shows_the_headline_without_the_customers_words() -> None:
    assert payload(notification()) == {
        "title": "Billing chat from a customer: first response 2 min overdue",
        "body": "Answer by 14:12:30 UTC (12 min 30 s left).",
        "url": f"https://console.example.com/e/{ESCALATION}",
        "tag": ESCALATION.replace("-", ""),
    }


def test_content_stays_small_whatever_people_write() -> None:
    page = notification(contact={**ADA, "subject": "ü" * 5000, "customer_name": "ü" * 5000})
    push = web_push.make_push(shown(page), LINKS, AT)
    assert len(push.payload) < 3000
    assert "ü" not in push.payload.decode()


@pytest.mark.parametrize(
    ("severity", "urgency"), [("critical", "high"), ("medium", "normal"), ("low", "low")]
)
def test_severity_decides_how_urgent_it_is(severity: str, urgency: str) -> None:
    headers = web_push.make_push(notification(severity=severity), LINKS, AT).headers
    assert headers["Urgency"] == urgency
    # It is kept until the answer is due.
    assert headers["TTL"] == "750"


def test_newer_message_replaces_the_older_of_the_same_escalation() -> None:
    headers = web_push.make_push(notification(), LINKS, AT).headers
    assert headers["Topic"] == ESCALATION.replace("-", "")
    assert len(headers["Topic"]) == 32
    about_nothing = replace(notification(), escalation_id=None)
    assert "Topic" not in web_push.make_push(about_nothing, LINKS, AT).headers


@pytest.mark.parametrize(
    ("endpoint", "is_admitted"),
    [
        ("https://fcm.googleapis.com/fcm/send/x", True),
        ("https://fcm.googleapis.com:443/fcm/send/x", True),
        ("https://web.push.apple.com/x", True),
        ("http://fcm.googleapis.com/x", False),
        ("https://fcm.googleapis.com:8443/x", False),
        ("https://push.apple.com/x", False),
        ("https://evilpush.apple.com.evil.example/x", False),
        ("https://fcm.googleapis.com@127.0.0.1/x", False),
        ("https://127.0.0.1/x", False),
        ("https://[::1]/x", False),
        # The HTTP client raises errors of its own for these.
        ("https://a..push.apple.com/x", False),
        (f"https://{'a' * 64}.push.apple.com/x", False),
        ("https://evil.example\\.push.apple.com/x", False),
        ("https://evil.example%2f.push.apple.com/x", False),
        ("https://notifier:8000/v1", False),
        ("https://fcm.googleapis.com:0x/", False),
        ("file:///etc/passwd", False),
    ],
)
def test_only_known_push_services_are_called(endpoint: str, *, is_admitted: bool) -> None:
    services = AllowedOrigins.read(("https://fcm.googleapis.com", "https://*.push.apple.com"))
    assert services.admits(endpoint) == is_admitted


@pytest.mark.parametrize(
    "changes",
    [
        {"web_push_key": "short"},
        {"web_push_key": "!" * 43},
        {"web_push_services": '["fcm.googleapis.com"]'},
        {"web_push_services": '["https://fcm.googleapis.com/path"]'},
        {"web_push_contact": "ops@example.com"},
    ],
)
def test_wrong_setting_is_named_at_the_start(
    changes: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (name, value) = next(iter(changes.items()))
    monkeypatch.setenv(f"UPSTAIRS_{name.upper()}", value)
    monkeypatch.setenv("UPSTAIRS_DATABASE_URL", "postgresql+asyncpg://a@b/c")
    monkeypatch.setenv("UPSTAIRS_KAFKA_BOOTSTRAP", "kafka")
    with pytest.raises(ValidationError, match=name):
        Settings()


def test_key_is_read_as_it_is_written() -> None:
    key = VapidKey.generate()
    assert VapidKey.read(key.private).public == key.public
    with pytest.raises(WrongKeyError):
        VapidKey.read(key.public)


@pytest.mark.parametrize(
    ("outcomes", "outcome"),
    [
        ([Sent({}), Refused("410", ("b",))], Sent({"devices": "1 of 2"}, gone_devices=("b",))),
        ([Postponed("429", timedelta(seconds=9)), Refused("410", ("b",))],
         Postponed("429", timedelta(seconds=9), ("b",))),
        ([Refused("410", ("a",)), Refused("410", ("b",))], Refused("410", ("a", "b"))),
        ([Unknown("cut"), Postponed("429")], Unknown("cut")),
        ([], Refused("the person has no device")),
    ],
)  # fmt: skip
def test_best_outcome_of_the_devices_counts(outcomes: list[Outcome], outcome: Outcome) -> None:
    devices = [device(str(number)) for number in outcomes]
    assert web_push.combine(devices, outcomes) == outcome


def test_answer_of_a_push_service_decides_what_follows() -> None:
    phone = device()
    for status, kind in (
        (201, Sent),
        (202, Sent),
        (400, Refused),
        (413, Refused),
        (503, Postponed),
    ):
        assert isinstance(web_push.outcome(status, {}, phone, AT), kind)
    for status in (404, 410):
        gone = web_push.outcome(status, {}, phone, AT)
        assert gone == Refused(f"the push service answered {status}", ("phone",))
    limited = web_push.outcome(429, {"Retry-After": "30"}, phone, AT)
    assert limited == Postponed("the push service answered 429", timedelta(seconds=30))


def test_newest_ten_devices_are_kept_and_a_browser_counts_once() -> None:
    recipient = Recipient(PersonId("sara"), "Sara", ())
    for number in range(12):
        recipient = recipient.with_device(device(str(number)))
    recipient = recipient.with_device(device("5"))
    names = [each.device_id for each in recipient.devices]
    assert names == ["2", "3", "4", "6", "7", "8", "9", "10", "11", "5"]
    assert [address.medium for address in recipient.addresses] == ["web_push"]
