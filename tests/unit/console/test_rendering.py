"""Pages as HTML: strangers' words stay words, nothing is inline, everything has a name."""

from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.requests import Request

from console.domain.saved_view import SavedView
from console.rendering import render_page
from console.views.bulk import MAX_CHOSEN, bulk_result, bulk_view
from console.views.devices import devices_view
from console.views.duty_forms import duty_form_view
from console.views.escalation import EscalationData, escalation_view
from console.views.filters import IDS, SORTS, SWITCHES, parse_filters
from console.views.forms import FIELDS, FormState, form_view
from console.views.now import NowData, now_view
from console.views.reader import Reader
from console.views.rows import make_row
from console.views.saved_views import saved_views_view
from console.views.service_problems import FilledForm, FormProblems
from console.views.simulation import simulation_view
from console.views.simulation_form import try_form_view
from unit.console.answers import (
    ESCALATION_ID,
    ahead,
    approval,
    cause,
    clock,
    clocks,
    contact_of_escalation,
    conversation,
    escalation,
    event,
    held_by,
    message,
    notification,
    page,
    reader,
)
from unit.console.simulation_answers import POLICY, RESULT, VALUES, job

EVIL = "<script>alert(1)</script><b onclick=x>&amp;\"'"
VOID = {"meta", "link", "br", "input", "use", "path", "hr", "img"}


class Page(HTMLParser):
    """Collects elements with their attributes, and the text in each."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.unclosed: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.unclosed.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.unclosed.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        self.text += data

    def find_all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def render(template: str, who: Reader, cookie: str = "", **values: Any) -> str:
    headers = [(b"cookie", f"upstairs-language={who.texts.language}; {cookie}".encode())]
    scope = {"type": "http", "path": "/now", "headers": headers, "query_string": b""}
    request = Request({**scope, "server": ("console", 80), "scheme": "http", "method": "GET"})
    request.state.viewer = SimpleNamespace(
        person=who.person, name=who.name(who.person), role=who.role
    )
    return bytes(render_page(request, template, reader=who, **values).body).decode()


def now_values(address: str = "", name: str = "Urgent") -> dict[str, Any]:
    saved = saved_views_view([SavedView(ESCALATION_ID, name, address)], address)
    return {
        "sorts": SORTS,
        "ids": IDS,
        "switches": SWITCHES,
        "saved": saved,
        "done": None,
        "is_refused": False,
        "bulk_submission": "key",
        "max_chosen": MAX_CHOSEN,
    }


def render_bulk() -> str:
    result = bulk_result(ESCALATION_ID, evil_escalation(), EVIL, reader(), is_done=False)
    view = bulk_view([result], "", None, reader())
    return render("bulk.html", reader(), view=view)


def render_try() -> str:
    problems = FormProblems(dict.fromkeys(VALUES, EVIL), EVIL)
    state = FilledForm(dict.fromkeys(VALUES, EVIL), problems)
    form = try_form_view(EVIL, POLICY, [EVIL], state, "key", reader())
    return render("try_policy.html", reader(), form=form)


def render_simulation(**changes: Any) -> str:
    level = {"level": EVIL, "pages": {"before": 0, "after": 1}}
    result = {**RESULT, "levels": [level]}
    draft = {"body": {**POLICY, "ladder_id": EVIL}}
    shown = job(result=result, drafts=[draft], **changes)
    view = simulation_view("gold", POLICY, shown, reader())
    return render("simulation.html", reader(), view=view)


def render_now(*shown: dict[str, Any], who: Reader | None = None, filters: str = "") -> str:
    who = who or reader()
    pairs = [("topic", filters)] if filters else []
    chosen = parse_filters(pairs, who)
    view = now_view(NowData(page(*shown)), chosen, ["router"], who)
    return render("now.html", who, view=view, **now_values(chosen.address))


def render_escalation(shown: dict[str, Any], who: Reader | None = None, **parts: Any) -> str:
    who = who or reader()
    data = EscalationData({"events": [], "next_cursor": None, **shown}, **parts)
    view = escalation_view(data, (), who)
    return render("escalation.html", who, view=view, done=None)


def render_form(name: Any, who: Reader | None = None, **state: Any) -> str:
    who = who or reader()
    form = form_view(name, "/e/x/y", FormState('"2"', "key", **state), who)
    row = make_row(held_by("sara"), who)
    return render("action.html", who, form=form, row=row, problem=None)


def render_devices(name: str) -> str:
    who = reader()
    listed = {"items": [{"device_id": "a", "name": name, "added_at": ahead(minutes=-5)}]}
    view = devices_view({"public_key": "key"}, listed, "a", ["notifier"], who)
    return render("devices.html", who, view=view, problem=name, done=None)


def evil_escalation() -> dict[str, Any]:
    contact = contact_of_escalation(
        subject=EVIL, topic=EVIL, customer=EVIL, representative_id=EVIL, team_id=EVIL
    )
    return escalation(
        state="approval_asked",
        contact=contact,
        level_name=EVIL,
        ladder=EVIL,
        awaited=["sara", EVIL],
        approval=approval(note=EVIL, asked_by=EVIL, level_name=EVIL),
        causes=[
            cause("customer_request", reason=EVIL),
            cause(reason=EVIL),
            cause("referral", by=EVIL, reason=EVIL),
        ],
    )


EVERYTHING: dict[str, Any] = {
    "contact": conversation(
        message(EVIL, attachments=[{"name": EVIL, "url": f"https://x/{EVIL}"}]),
        message(EVIL, "representative", person_id=EVIL),
    ),
    "clocks": clocks(
        clock(summary=EVIL, timeline=[{"at": ahead(), "run": 1, "text": EVIL, "code": EVIL}]),
        clock(policy={"id": EVIL, "version": 1}, calendar={"id": EVIL, "version": 1}),
    ),
    "notifications": [notification(person_id=EVIL)],
    "customer_contacts": [
        {
            "contact_id": "other",
            "received_at": ahead(days=-1),
            "subject": EVIL,
            "topic": EVIL,
            "state": "open",
        }
    ],
}


def pages() -> dict[str, str]:
    steps = [
        event("escalation_noted", by=EVIL, text=EVIL),
        event("escalation_climbed", level_name=EVIL, reason=EVIL),
    ]
    evil_reader = Reader(
        "sara", "supervisor", reader().now, reader().texts, names={"sara": EVIL, "sam": EVIL}
    )
    return {
        "now": render_now(evil_escalation(), held_by("sam", escalation_id="other"), filters=EVIL),
        "escalation": render_escalation({**evil_escalation(), "events": steps}, **EVERYTHING),
        "bulk": render_bulk(),
        "try": render_try(),
        "simulation": render_simulation(),
        "devices": render_devices(EVIL),
        "named": render_escalation(escalation(awaited=["sam"]), evil_reader),
        **{
            f"form {name}": render_form(
                name,
                evil_reader,
                values=dict.fromkeys((field.name for field in fields), EVIL),
                problems=dict.fromkeys((field.name for field in fields), EVIL),
                problem=EVIL,
            )
            for name, fields in FIELDS.items()
        },
    }


PAGES = pages()


@pytest.mark.parametrize("name", PAGES)
def test_words_of_strangers_are_escaped(name: str) -> None:
    html = PAGES[name]
    assert "<script>alert" not in html
    assert "<b onclick" not in html
    assert name == "form acknowledge" or "&lt;script&gt;alert(1)" in html


@pytest.mark.parametrize("name", PAGES)
def test_page_runs_nothing_that_is_inline(name: str) -> None:
    content = Page(PAGES[name])
    assert not content.unclosed or content.unclosed == []
    for tag, attributes in content.elements:
        assert tag != "style"
        assert "style" not in attributes
        assert not [attribute for attribute in attributes if attribute.startswith("on")]
    for script in content.find_all("script"):
        assert (script.get("src") or "").startswith("/static/")


@pytest.mark.parametrize("name", PAGES)
def test_page_takes_nothing_from_elsewhere(name: str) -> None:
    content = Page(PAGES[name])
    for tag in ("script", "link", "use", "img"):
        for attributes in content.find_all(tag):
            address = attributes.get("src") or attributes.get("href") or ""
            assert address.startswith("/static/") or address == "data:,"


@pytest.mark.parametrize("name", PAGES)
def test_page_has_landmarks_and_one_heading(name: str) -> None:
    content = Page(PAGES[name])
    assert content.find_all("a")[0] == {"class": "skip", "href": "#main"}
    assert [main["id"] for main in content.find_all("main")] == ["main"]
    assert content.find_all("nav")
    headings = content.find_all("h1") or content.find_all("h2")
    assert headings


@pytest.mark.parametrize("name", PAGES)
def test_fields_have_labels_and_ids_are_unique(name: str) -> None:
    content = Page(PAGES[name])
    ids = [attributes["id"] for _, attributes in content.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    labels = {label.get("for") for label in content.find_all("label")}
    for tag in ("input", "select", "textarea"):
        for attributes in content.find_all(tag):
            if attributes.get("type") not in ("hidden", "checkbox"):
                assert attributes.get("id") in labels


def test_row_of_the_table_has_a_row_header_and_five_cells() -> None:
    content = Page(render_now(escalation()))
    assert [head["scope"] for head in content.find_all("th") if head.get("scope") == "row"] == [
        "row"
    ]
    assert len(content.find_all("caption")) == 1
    rows = [row for row in content.find_all("tr") if row.get("data-id")]
    assert len(rows) == 1


def test_page_names_what_is_missing_and_shows_the_rest() -> None:
    html = render_now(escalation())
    assert "Queues and people can't be shown now. The rest of the page is complete." in html
    assert "Billing chat from Ada Lovelace" in html


def test_representative_sees_no_buttons_of_actions() -> None:
    html = render_now(escalation(), who=reader("rita", "representative"))
    assert "Acknowledge" not in html


def test_page_is_written_in_german() -> None:
    html = render_now(escalation(), who=reader(language="de"))
    assert '<html lang="de">' in html
    assert "Bestätigen" in html
    assert "Acknowledge" not in Page(html).text


def test_theme_of_the_person_wins_over_that_of_the_device() -> None:
    view = now_view(NowData(page()), parse_filters([], reader()), [], reader())
    values = {"view": view, **now_values()}
    dark = render("now.html", reader(), cookie="upstairs-theme=dark", **values)
    assert '<html lang="en" data-theme="dark">' in dark
    for cookie in ("upstairs-theme=auto", "upstairs-theme=pink", ""):
        assert "data-theme=" not in render("now.html", reader(), cookie=cookie, **values)


@pytest.mark.parametrize(("people", "tag"), [(set(), "input"), ({"sam"}, "select")])
def test_swap_is_with_a_colleague_of_the_schedule_or_with_an_id(people: set[str], tag: str) -> None:
    """Nobody is known while escalation does not answer."""
    form = duty_form_view("swap", "floor", people, FilledForm({}), reader())
    elements = Page(render("duty_form.html", reader(), form=form)).elements
    assert [name for name, values in elements if values.get("id") == "field-second"] == [tag]


def test_only_rows_that_may_be_acknowledged_can_be_chosen() -> None:
    content = Page(render_now(escalation(), held_by("sam", escalation_id="other")))
    boxes = [each for each in content.find_all("input") if each.get("name") == "escalation"]
    assert [(box["value"], box["form"]) for box in boxes] == [(ESCALATION_ID, "bulk")]
    assert [form["action"] for form in content.find_all("form") if form.get("id") == "bulk"] == [
        "/now/acknowledge"
    ]
