"""A page in German has no sentence in English: neither of a template nor of a service.

Services send English words beside their codes; here these are `SERVICE_WORDS`. What is the same
on the page of an English reader and is not data was not translated.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, get_args

import pytest

from common.contracts.change_reasons import ChangeReasonCode
from console.views.filters import parse_filters
from console.views.now import NowData, now_view
from console.views.reader import Reader
from console.views.service_problems import FormProblems
from console.views.settings.problem_words import warning_text
from console.views.simulation import simulation_view
from console.views.systems.trials import sample_values, trial_view
from escalation.domain.clocks.timeline import ChangeCode
from escalation.domain.duty.coverage import MismatchCode
from escalation.domain.simulation_job import SimulationFailureCode
from intake.channels.base import MalformedCode
from notifier.domain.delivery_reasons import DeliveryReasonCode
from unit.console.answers import (
    ahead,
    cause,
    clock,
    clocks,
    contact_of_escalation,
    conversation,
    escalation,
    event,
    message,
    notification,
    page,
    reader,
)
from unit.console.simulation_answers import POLICY, job
from unit.console.test_rendering import Page, now_values, render, render_escalation

SERVICE_WORDS = "The service says so in English"
WORDS = re.compile(r"[A-Za-z]{2,}(?: [A-Za-z]{2,})+")
# They are the same in both languages.
SAME: set[str] = {"Gold, version"}
READERS = (reader(), reader(language="de"))


class VisibleText(Page):
    """Collects what people read, also by their screen readers, without the quotations of others."""

    def __init__(self, html: str) -> None:
        self.texts: list[str] = []
        super().__init__(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        super().handle_starttag(tag, attrs)
        self.texts += [
            text for name, text in attrs if text and name in ("aria-label", "title", "placeholder")
        ]

    def handle_data(self, data: str) -> None:
        super().handle_data(data)
        if not {"script", "style"} & {*self.unclosed}:
            self.texts.append(data)


def sentences(html: str, data: set[str]) -> set[str]:
    """Return the rows of two or more words that are not data."""
    data_texts = re.compile(
        "|".join(re.escape(text) for text in sorted(data, key=len, reverse=True))
    )
    texts = (data_texts.sub("·", text) for text in VisibleText(html).texts)
    return {words for text in texts for words in WORDS.findall(text)} - SAME


def strings_of(answer: Any) -> Iterator[str]:
    """Yield the texts of an answer: names, subjects, and what people wrote."""
    if isinstance(answer, str):
        yield answer
        yield answer.replace("-", " ").replace("_", " ").capitalize()
    elif isinstance(answer, dict):
        for value in answer.values():
            yield from strings_of(value)
    elif isinstance(answer, list | tuple):
        for value in answer:
            yield from strings_of(value)


REASON = {
    "person_id": "sam",
    "setting_id": "gold",
    "version": 3,
    "waited_s": 3600.0,
    "state": "resolved",
    "discarded_as": "spam",
    "before": "low",
    "after": "urgent",
}
CHANGE = {
    "policy_id": "gold",
    "policy_version": 3,
    "calendar_id": "berlin",
    "before_s": 600.0,
    "target_s": 900.0,
    "elapsed_s": 60.0,
    "left_s": 60.0,
    "lateness_s": 0.1,
    "late_s": 30.0,
    "percent": 80,
    "action": "warn_supervisor",
    "due_at": ahead(minutes=4),
}
DELIVERY = {
    "media": ["sms"],
    "medium": "email",
    "attempts": 8,
    "most": 10,
    "window_s": 600.0,
    "budget": "share",
    "in_summary": True,
    "until": ahead(hours=8),
    "others": ["email"],
    "step": 2,
    "person": "Omar",
}
# What pydantic says of a body that is JSON of another shape.
TYPES_OF_JSON = ("model-type", "string-type")
WEEKS = {"weeks": 3, "start": ahead(days=1), "end": ahead(days=2), "other_rotation": 0}


def entry(code: str, reason: str | None = None) -> dict[str, Any]:
    return {
        "at": ahead(minutes=-6),
        "run": 1,
        "text": SERVICE_WORDS,
        "code": code,
        "parameters": CHANGE,
        "reason": None if reason is None else {"code": reason, **REASON},
    }


def clock_answers() -> dict[str, Any]:
    states = (
        {"met_at": ahead(minutes=-1)},
        {"met_at": ahead(minutes=6)},
        {"cancelled_at": ahead(minutes=-1)},
        {"paused_at": ahead(minutes=-1), "due_at": None, "left_s": None, "state": "paused"},
        {"calendar": {"id": "berlin", "version": 1}},
    )
    timeline = [
        *(
            entry(code, None if code in ("passed", "breached", "met") else "we-replied")
            for code in get_args(ChangeCode)
        ),
        *(entry("cancelled", code) for code in get_args(ChangeReasonCode)),
    ]
    answers = (clock(summary=SERVICE_WORDS, **state) for state in states)
    return clocks(clock(summary=SERVICE_WORDS, timeline=timeline), *answers)


def notification_answers() -> list[dict[str, Any]]:
    return [
        notification(
            page_id=code,
            state="failed",
            reason=SERVICE_WORDS,
            reason_code=code,
            reason_parameters=DELIVERY,
        )
        for code in get_args(DeliveryReasonCode)
    ]


def event_answers() -> list[dict[str, Any]]:
    place = {"level_name": "managers", "reason": f"{SERVICE_WORDS} too"}
    finding = {"cause": "vip", "severity": "high", "reason": SERVICE_WORDS}
    vacancy = {
        "code": "absent",
        "level_name": "managers",
        "people": ["sam"],
        "setting_id": None,
        "also_asked": [],
    }
    return [
        event("escalation_raised", -9, **finding),
        event("escalation_page_failed", -8, person_id="sam", **place),
        event("escalation_climbed", -7, **place, waited_for="lease"),
        event("escalation_climbed", -7, **place, vacancies=[vacancy]),
        event("escalation_climbed", -7, **place, unreached=["sam"]),
        event("escalation_returned", -6, from_person="sam", **place),
        event(
            "escalation_causes_met",
            -5,
            breached_clocks=["resolution"],
            when_met="stay",
            **place,
        ),
        *(
            event("escalation_closed", reason=SERVICE_WORDS, change_reason={"code": code, **REASON})
            for code in get_args(ChangeReasonCode)
        ),
    ]


def cause_answers() -> list[dict[str, Any]]:
    rule = {"policy_id": "gold", "policy_version": 3, "contacts": None, "within_days": None}
    repeats = {**rule, "contacts": 4, "within_days": 7}
    return [
        cause("vip", reason=SERVICE_WORDS, finding={**rule, "topic": None}),
        cause("repeated_contact", reason=SERVICE_WORDS, finding={**repeats, "topic": None}),
        cause("repeated_contact", reason=SERVICE_WORDS, finding={**repeats, "topic": "billing"}),
        cause(reason=SERVICE_WORDS),
    ]


CONTACT = contact_of_escalation()
ESCALATION = escalation(contact=CONTACT, causes=cause_answers(), cause_count=4)
CONVERSATION = conversation(message("Hello?"))


def escalation_page(who: Reader) -> str:
    parts: dict[str, Any] = {
        "contact": CONVERSATION,
        "clocks": clock_answers(),
        "notifications": notification_answers(),
    }
    return render_escalation({**ESCALATION, "events": event_answers()}, who, **parts)


def now_page(who: Reader) -> str:
    chosen = parse_filters([], who)
    view = now_view(NowData(page(ESCALATION)), chosen, ["router"], who)
    return render("now.html", who, view=view, **now_values())


def simulation_page(code: str) -> Callable[[Reader], str]:
    error = {
        "pointer": "drafts/0/body",
        "detail": SERVICE_WORDS,
        "code": "unknown-name",
        "parameters": {"id": "night"},
    }
    failed = job(
        state="failed", result=None, failure=SERVICE_WORDS, failure_code=code, errors=[error]
    )

    def shown(who: Reader) -> str:
        view = simulation_view("gold", POLICY, failed, who)
        return render("simulation.html", who, view=view)

    return shown


def trial_event() -> dict[str, Any]:
    """Return an event that says as little as it may."""
    unsaid = ("event_id", "at", "subject", "topic", "language", "campaign", "team")
    customer = {"customer_id": "channel:shop:4711", "name": None, "tier": None, "region": None}
    return {
        **dict.fromkeys(unsaid),
        "event": "contact_opened",
        "event_type": "zen:event-type:ticket.created",
        "external_ref": "35436",
        "state": "open",
        "channel": "email",
        "customer": customer,
        "priority": "normal",
        "details": {},
        "messages": [],
    }


def trial_page(who: Reader) -> str:
    parts = [
        {"code": code, "parameters": {"fields": "id"}, "detail": SERVICE_WORDS, "pointer": ""}
        for code in (*get_args(MalformedCode), *TYPES_OF_JSON)
    ]
    answer = {
        "signature": "too_old",
        "signature_detail": SERVICE_WORDS,
        "problem": SERVICE_WORDS,
        "errors": parts,
        "unreadable": [
            {**part, "place": f"Event {number}", "reason": SERVICE_WORDS}
            for number, part in enumerate(parts)
        ],
        "events": [trial_event()],
    }
    view = trial_view(
        "zendesk", "shop", sample_values("zendesk"), FormProblems({}, None), answer, who
    )
    return render("connection_trial.html", who, view=view)


def warnings(who: Reader) -> str:
    return " / ".join(
        warning_text(
            {"code": code, "place": "x", "detail": SERVICE_WORDS, "parameters": WEEKS}, who
        )
        for code in get_args(MismatchCode)
    )


PAGES: dict[str, Callable[[Reader], str]] = {
    "escalation": escalation_page,
    "now": now_page,
    "trial": trial_page,
    "warnings of duty": warnings,
    **{f"simulation {code}": simulation_page(code) for code in get_args(SimulationFailureCode)},
}
DATA = {
    text
    for answer in (
        ESCALATION,
        CONVERSATION,
        dict(READERS[0].names),
        sample_values("zendesk"),
        POLICY,
    )
    for text in strings_of(answer)
    if SERVICE_WORDS not in text and len(text) > 1
}


@pytest.mark.parametrize("name", PAGES)
def test_no_words_of_a_service_are_on_the_page(name: str) -> None:
    for who in READERS:
        assert SERVICE_WORDS not in PAGES[name](who)


@pytest.mark.parametrize("name", PAGES)
def test_page_in_german_has_no_sentence_of_the_english_one(name: str) -> None:
    english, german = (sentences(PAGES[name](who), DATA) for who in READERS)
    assert english & german == set()
