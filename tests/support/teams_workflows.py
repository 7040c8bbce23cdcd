"""Workflows of the tests that post to Teams, with the limits and errors of the real ones."""

from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from aiohttp import web

from common.core.ids import new_id
from support.loopback_server import LoopbackServer

_LIMIT_BYTES: Final = 28 * 1024
_CARD: Final = "application/vnd.microsoft.card.adaptive"
_ELEMENTS: Final = frozenset(("RichTextBlock", "FactSet", "Container", "ActionSet"))
_PATH: Final = "/workflows/{name}/triggers/manual/paths/invoke"


@dataclass(frozen=True)
class WorkflowAnswer:
    status: int
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)


ACCEPTED: Final = WorkflowAnswer(202)


class TeamsWorkflows(LoopbackServer):
    """`shown` are the cards that Teams shows, by the name of the workflow.

    A workflow answers 202, or `answers` has for its name; it refuses an address without its
    signature. A card that Teams would not show is missing in `shown`, though it was accepted.
    """

    def __init__(self) -> None:
        self.shown: dict[str, list[dict[str, Any]]] = {}
        self.not_shown: list[str] = []
        self.answers: dict[str, WorkflowAnswer] = {}
        self._signatures: dict[str, str] = {}
        app = web.Application()
        app.router.add_post(_PATH, self._take)
        super().__init__(app)

    def make_workflow(self, name: str) -> str:
        """Return its address, as Power Automate shows it."""
        self.shown[name] = []
        self._signatures[name] = f"signature-{new_id()}"
        query = f"api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig={self._signatures[name]}"
        return f"{self.url}{_PATH.format(name=name)}?{query}"

    async def _take(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in self.shown:
            return _error(404, "WorkflowNotFound")
        if request.query.get("sig") != self._signatures[name]:
            return _error(401, "DirectApiAuthorizationRequired")
        if request.content_type != "application/json":
            return _error(415, "UnsupportedMediaType")
        answer = self.answers.get(name, ACCEPTED)
        if answer == ACCEPTED:
            self._show(name, await request.read())
        return web.Response(status=answer.status, text=answer.body, headers=answer.headers)

    def _show(self, name: str, body: bytes) -> None:
        """Show the card; the steps of a workflow after its trigger fail without an answer."""
        if len(body) > _LIMIT_BYTES:
            self.not_shown.append("RequestEntityTooLarge")
            return
        message = orjson.loads(body)
        assert message["type"] == "message"
        for attachment in message["attachments"]:
            assert attachment["contentType"] == _CARD
            card = attachment["content"]
            require_card(card)
            self.shown[name].append(card)


def require_card(card: dict[str, Any]) -> None:
    """Raise AssertionError unless it is an Adaptive Card of what a workflow can post."""
    assert card["type"] == "AdaptiveCard"
    assert tuple(map(int, card["version"].split("."))) >= (1, 4)
    assert card["body"]
    for action in card["actions"]:
        _require_link(action)
    for element in card["body"]:
        _require_element(element)


def _require_element(element: dict[str, Any]) -> None:
    assert element["type"] in _ELEMENTS, element
    for run in element.get("inlines", ()):
        assert run["type"] == "TextRun"
        assert run["text"]
    for fact in element.get("facts", ()):
        assert fact["title"]
        assert fact["value"]
    for action in element.get("actions", ()):
        _require_link(action)
    for item in element.get("items", ()):
        _require_element(item)


def _require_link(action: dict[str, Any]) -> None:
    # Action.Submit and Action.Execute need a bot: a workflow's card gets no answers.
    assert action["type"] == "Action.OpenUrl"
    assert action["title"]
    assert action["url"].startswith("http")


def _error(status: int, code: str) -> web.Response:
    return web.json_response({"error": {"code": code, "message": "Not shown."}}, status=status)


def texts(card: dict[str, Any]) -> list[str]:
    """Return each block of text of a card, and its facts as `title: value`."""
    return [text for element in card["body"] for text in _texts(element)]


def _texts(element: dict[str, Any]) -> list[str]:
    if element["type"] == "RichTextBlock":
        return ["".join(run["text"] for run in element["inlines"])]
    facts = [f"{fact['title']}: {fact['value']}" for fact in element.get("facts", ())]
    return facts + [text for item in element.get("items", ()) for text in _texts(item)]


def urls(card: dict[str, Any]) -> dict[str, str]:
    """Return the links of a card by their labels."""
    return {action["title"]: action["url"] for action in card["actions"]}
