"""How much of what customers and colleagues have written each medium gets, by the setting."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, SupportsBytes, get_args

import httpx
import orjson
import pytest
from apprise.plugins.telegram import NotifyTelegram

from common.contracts.escalations import EscalationReopened, PageRequested
from common.contracts.event import EscalationId, PersonId
from common.contracts.notifications import Medium
from common.core.clock import TimeSource
from integration.notifier.conftest import CONTACT, PHONES, ServiceHarness, key, open_api, paged
from integration.notifier.examples import BROWSER
from integration.notifier.home_tab_examples import open_home
from integration.notifier.phone_examples import DANA, reply, said
from notifier.channels.registry import CHANNELS
from notifier.domain.content_levels import ContentLevel
from notifier.domain.message_templates import TEMPLATE_MEDIA, MessageTemplate
from notifier.message_templates.variables import LISTS, TEXTS
from notifier.web_push.vapid import VapidKey
from support.push_service import PushService, Subscription
from support.service_harness import ENCRYPTION_KEY
from support.teams_workflows import TeamsWorkflows
from support.telegram_bots import CHAT_URL, TelegramBots
from support.twilio import Twilio
from support.waiting import until

MEDIA = tuple(channel.medium for channel in CHANNELS)
# Those on which a message has room for details.
LONG_MEDIA: tuple[Medium, ...] = ("slack", "email", "teams")
LEVELS: tuple[ContentLevel, ...] = get_args(ContentLevel)
NAME = "Zenobia"
# The words of each source are unlike those of all others.
SUBJECT, COMPLAINT, REFERRAL, WISH = "quagmire", "balderdash", "flummoxed", "harrumph"
NOTE, COACHING, HANDOVER, REOPENING = "kerfuffle", "shenanigans", "gobbledygook", "brouhaha"
WORDS = (SUBJECT, COMPLAINT, REFERRAL, WISH, NOTE, COACHING, HANDOVER, REOPENING)
_UNFINISHED = frozenset(("pending", "sending", "held_back"))


def pages(at: TimeSource) -> list[PageRequested]:
    now = at.utc_now()
    contact = {**CONTACT, "customer_name": NAME, "subject": SUBJECT}
    causes = [
        {"cause": "complaint", "reason": COMPLAINT, "at": now, "by": "kim", "about": "rui"},
        {"cause": "referral", "reason": REFERRAL, "at": now, "by": "kim"},
        {"cause": "customer_request", "reason": WISH, "at": now},
    ]
    approval = {"by": "sam", "outcome": "refund", "amount": 500, "currency": "EUR", "note": NOTE}
    coaching = {"by": "sam", "person_id": "rui", "text": COACHING}
    return [
        paged(contact=contact, causes=causes),
        paged(contact=contact, causes=causes[1:], reason="updated"),
        paged(contact=contact, reason="approval_asked", approval=approval),
        paged(contact=contact, reason="coaching", coaching=coaching, escalation_id=None),
        paged(
            contact=contact,
            reason="handed_over",
            respond_by=None,
            explanation=f"sam hands it over: {HANDOVER}",
        ),
    ]


@dataclass(frozen=True)
class World:
    """Dana, who is reached on all media, and what each of them has got."""

    harness: ServiceHarness
    workflows: TeamsWorkflows
    bots: TelegramBots
    push_service: PushService
    twilio: Twilio
    phone: Subscription
    settings: Mapping[str, Any]

    def received(self) -> dict[Medium, str]:
        """Return all that the stand-in of each medium was sent, as text."""
        written = [each.fields for each in self.twilio.messages]
        return {
            "slack": _dump([post.body for post in self.harness.slack.requests]),
            "email": "\n".join(map(_mail_text, self.harness.mail.messages)),
            "teams": _dump(self.workflows.shown["dana"]),
            "apprise": _dump(self.bots.messages),
            "web_push": _dump([self.phone.read(each.content) for each in self.push_service.pushes]),
            "sms": _dump([each for each in written if "Body" in each]),
            "voice": _dump([each.fields for each in self.twilio.calls]),
            "whatsapp": _dump([each for each in written if "ContentVariables" in each]),
        }

    async def send(
        self, events: list[PageRequested], levels: Mapping[str, str] | None, **changes: Any
    ) -> None:
        settings = {**self.settings, **({"message_content": levels} if levels else {}), **changes}
        async with self.harness.delivering(**settings):
            for event in events:
                await self.harness.handle(event)
            await self.settle()
            await self.harness.handle(reopened(events[0]))
            await self.settle()

    async def settle(self) -> None:
        await until(
            self.harness.states,
            lambda states: _UNFINISHED.isdisjoint(state for *_, state in states),
        )


def reopened(page: PageRequested) -> EscalationReopened:
    return EscalationReopened(
        contact_id=page.contact_id,
        occurred_at=TimeSource().utc_now(),
        escalation_id=EscalationId(page.escalation_id or ""),
        by=PersonId("omar"),
        reason=REOPENING,
        severity="high",
        level=0,
        level_name="supervisor",
    )


def _dump(value: Any) -> str:
    return orjson.dumps(value).decode()


def _mail_text(raw: SupportsBytes) -> str:
    mail = message_from_bytes(bytes(raw), policy=default)
    assert isinstance(mail, EmailMessage)
    bodies = (mail.get_body((kind,)) for kind in ("plain", "html"))
    return "\n".join((mail["Subject"], *(body.get_content() for body in bodies if body)))


@pytest.fixture
async def world(
    harness: ServiceHarness, twilio: Twilio, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    async with (
        TeamsWorkflows() as workflows,
        TelegramBots() as bots,
        PushService() as push_service,
    ):
        monkeypatch.setattr(NotifyTelegram, "notify_url", bots.url)
        settings: dict[str, Any] = {
            **twilio.settings,
            "teams_services": (workflows.url,),
            "encryption_keys": ENCRYPTION_KEY,
            "web_push_key": VapidKey.generate().private,
            "web_push_services": (push_service.url,),
        }
        phone = push_service.subscribe()
        async with open_api(harness, **settings) as api:
            await _add_dana(api, workflows.make_workflow("dana"), phone)
        yield World(harness, workflows, bots, push_service, twilio, phone, settings)


async def _add_dana(api: httpx.AsyncClient, workflow: str, phone: Subscription) -> None:
    media = [
        {"medium": "slack", "channel": "D-dana", "user_id": "U-dana"},
        {"medium": "email", "address": "dana@example.com"},
        {"medium": "teams", "url": workflow, "conversation": "personal"},
        {"medium": "apprise", "url": CHAT_URL},
        *({"medium": each, "number": DANA} for each in PHONES),
    ]
    body = {"name": "Dana", "media": media}
    put = await api.put("/v1/recipients/dana", json=body, headers=key("root"))
    assert put.is_success, put.text
    device = {"name": "Phone", **phone.fields}
    added = await api.post("/v1/recipients/dana/devices", json=device, headers=key("dana"))
    assert added.is_success, added.text


async def set_templates_with_all_variables(world: World) -> None:
    body = " ".join(f"{{{{ {name} }}}}" for name in TEXTS)
    body += " ".join(f"{{{{ {name} | join(' ') }}}}" for name in LISTS)
    async with world.harness.database.transaction() as uow:
        for medium in TEMPLATE_MEDIA:
            await uow.message_templates.add(
                MessageTemplate(
                    medium, "any", "en", 1, "By template: {{ headline }}", body, uow.now, "omar"
                )
            )


def words_in(received: Mapping[Medium, str], words: tuple[str, ...]) -> dict[Medium, list[str]]:
    """Return which of these words each medium has got."""
    return {
        medium: hits
        for medium, text in received.items()
        if (hits := [word for word in words if word in text])
    }


@pytest.mark.parametrize("has_templates", [False, True])
@pytest.mark.parametrize("level", LEVELS)
async def test_no_medium_gets_more_words_than_its_level_lets_it_have(
    world: World, level: ContentLevel, has_templates: bool
) -> None:
    if has_templates:
        await set_templates_with_all_variables(world)
    await world.send(pages(TimeSource()), dict.fromkeys(MEDIA, level))
    received = world.received()
    assert [medium for medium in MEDIA if "from" not in received[medium]] == []
    if has_templates:
        assert [each for each in TEMPLATE_MEDIA if "By template" not in received[each]] == []
    named, quoting = words_in(received, (NAME,)), words_in(received, WORDS)
    match level:
        case "headline":
            assert (named, quoting) == ({}, {})
        case "without_names":
            assert named == {}
            assert set(LONG_MEDIA) <= quoting.keys()
        case "quotations":
            assert named.keys() == set(MEDIA)
            quoted_by_updates = {REOPENING}
            assert {*quoting["email"]} == {*WORDS} - quoted_by_updates
            assert {*quoting["slack"]} == {*WORDS} == {*quoting["teams"]}


async def test_telephones_devices_and_apprise_name_no_customer_by_default(world: World) -> None:
    await world.send(pages(TimeSource())[:1], None)
    assert words_in(world.received(), (NAME,)).keys() == set(LONG_MEDIA)


@pytest.mark.parametrize("level", LEVELS)
async def test_summary_has_no_more_words_than_its_pages(world: World, level: ContentLevel) -> None:
    budget = {"recipient_budget": 1, "summary_interval_seconds": 1}
    await world.send(
        [*pages(TimeSource()), *pages(TimeSource())], dict.fromkeys(MEDIA, level), **budget
    )
    received = world.received()
    assert [medium for medium in MEDIA if "held back" not in received[medium]] == []
    assert set(words_in(received, (NAME,))) == (set(MEDIA) if level == "quotations" else set())
    if level == "headline":
        assert words_in(received, WORDS) == {}


def home_tabs(world: World) -> str:
    return _dump([call.body for call in world.harness.posted("views.publish")])


@pytest.mark.parametrize(("level", "is_quoting"), [("quotations", True), ("headline", False)])
async def test_home_tab_in_slack_shows_what_slack_may_show(
    world: World, level: ContentLevel, is_quoting: bool
) -> None:
    settings = {**world.settings, "message_content": {"slack": level}}
    async with open_api(world.harness, **settings) as api, world.harness.delivering(**settings):
        await world.harness.handle(pages(TimeSource())[0])
        await world.settle()
        await open_home(api)
        await until(lambda: "from" in home_tabs(world))
    text = home_tabs(world)
    assert [NAME in text, COMPLAINT in text] == [is_quoting, False]


@pytest.mark.parametrize(
    ("level", "headline"),
    [("quotations", f'from "{NAME}"'), ("headline", "from a customer")],
)
async def test_answer_to_a_reply_repeats_what_the_message_said(
    world: World, level: ContentLevel, headline: str
) -> None:
    await world.send(pages(TimeSource())[:1], {"sms": level})
    async with open_api(
        world.harness, **world.settings, message_content={"sms": level}
    ) as phone_api:
        assert headline in said(await reply(phone_api, "1"))


@pytest.mark.parametrize(
    ("level", "expected"),
    [("quotations", (NAME, SUBJECT)), ("without_names", (NAME, SUBJECT)), ("headline", ())],
)
async def test_page_behind_a_link_quotes_only_what_the_message_may(
    world: World, level: ContentLevel, expected: tuple[str, ...]
) -> None:
    await world.send(pages(TimeSource())[:1], {"email": level})
    levels = {"message_content": {"email": level}}
    links = [
        word.removeprefix("http://notifier")
        for word in _mail_text(world.harness.mail.messages[0]).split()
        if word.startswith("http://notifier/v1/acknowledgements/")
    ]
    async with open_api(world.harness, **world.settings, **levels) as api:
        for headers in (BROWSER, {"Accept": "application/json"}):
            text = (await api.get(links[0], headers=headers)).text
            assert tuple(each for each in (NAME, SUBJECT) if each in text) == expected


async def test_sample_of_a_template_has_what_its_medium_may_show(harness: ServiceHarness) -> None:
    sent = {
        "medium": "slack",
        "kind": "raised",
        "language": "en",
        "title": "{{ headline }}",
        "body": "Customer: {{ customer }}. {{ subject }} {{ details | join(' ') }}",
    }
    async with open_api(harness, message_content={"slack": "headline"}) as api:
        shown = await api.post("/v1/templates/preview", json=sent, headers=key("omar"))
        bare = await api.put(
            "/v1/templates/slack/raised/en",
            json={"title": "x", "body": "{{ customer }}"},
            headers=key("omar"),
        )
    sample = shown.json()["samples"][0]
    assert "from a customer" in sample["title"]
    assert sample["body"].startswith("Customer: .")
    assert "hung up" not in sample["body"]
    assert bare.status_code == 422
    assert "It writes nothing. (data of raised, usual)" in bare.text
