"""What the screens of outside systems share: their forms, and actions that ask first."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

from starlette.responses import Response

from console.clients.services import ServiceProblemError
from console.errors import PageError
from console.pages.context import PageContext
from console.pages.setting_editor import SettingEditor, read_form
from console.pages.settings import client_of, find_or_404
from console.setting_client import etag_of_setting
from console.views.etags import etag_of, read_etag
from console.views.problem_texts import problem_text
from console.views.settings.entries import entries_of, initial_entries
from console.views.settings.form import ID, FormState
from console.views.settings.kinds import Kind
from console.views.systems.forms import Action, NewSecretView, action_view

# How many of the latest deliveries a page shows.
LATEST: Final = 20
# With so many a list is read in few calls.
PAGE: Final = 200


async def read_item(kind: Kind, setting_id: str, page: PageContext) -> Mapping[str, Any]:
    """Return what the service shows of a system; raises PageError if there is none."""
    try:
        item: Mapping[str, Any] = await page.get(kind.service, kind.path_of(setting_id))
    except ServiceProblemError as error:
        if error.status == HTTPStatus.NOT_FOUND:
            raise PageError(HTTPStatus.NOT_FOUND, "not-found") from error
        raise
    return item


async def show_form(kind: Kind, setting_id: str, page: PageContext) -> Response:
    setting = await find_or_404(kind, setting_id, page)
    entries = entries_of(kind.nodes, kind.form_body(setting.body), page.reader.texts)
    state = FormState(entries, setting_id, etag_of_setting(setting))
    return await SettingEditor(kind, page, is_new=False).show_form(state)


async def send_form(kind: Kind, setting_id: str, page: PageContext) -> Response:
    return await SettingEditor(kind, page, is_new=False).answer(await read_form(page), setting_id)


async def show_new_form(kind: Kind, page: PageContext) -> Response:
    editor = SettingEditor(kind, page, is_new=True)
    return await editor.show_form(FormState(initial_entries(kind.nodes)))


async def send_new_form(
    kind: Kind, page: PageContext, show_secret: Callable[[str, str], Response] | None = None
) -> Response:
    values = await read_form(page)
    editor = SettingEditor(kind, page, is_new=True, show_secret=show_secret)
    return await editor.answer(values, values.get(ID, "").strip())


def show_new_secret(kind: Kind, page: PageContext) -> Callable[[str, str], Response]:
    """Return what makes the page of a secret that was just made: it is shown once."""

    def show(setting_id: str, secret: str) -> Response:
        title = page.reader.texts.gettext("Secret of %(name)s", name=setting_id)
        response = page.render(
            "system_new_secret.html", view=NewSecretView(title, secret, kind.url_of(setting_id))
        )
        response.headers["Cache-Control"] = "no-store"
        return response

    return show


async def ask_first(
    kind: Kind, setting_id: str, name: str, action: Action, page: PageContext
) -> Response:
    """Say what an action does, and ask."""
    item = await read_item(kind, setting_id, page)
    view = action_view(kind, setting_id, name, action, etag_of(item["version"]), page.reader)
    return page.render("system_action.html", view=view)


async def act(
    kind: Kind,
    setting_id: str,
    name: str,
    action: Action,
    page: PageContext,
    send: Callable[[Mapping[str, Any], str], Awaitable[object]],
) -> Response:
    """Do what was asked, if nobody was faster; `send` gets the item and the ETag of the form."""
    values = await page.read_form()
    item = await read_item(kind, setting_id, page)
    try:
        await send(item, read_etag(values.get("etag")))
    except ServiceProblemError as error:
        problem, etag = await refusal_text(kind, setting_id, error, page), etag_of(item["version"])
        view = replace(
            action_view(kind, setting_id, name, action, etag, page.reader), problem=problem
        )
        return page.render("system_action.html", error.status, view=view)
    is_gone = name == "remove"
    return page.lead_to(
        f"{kind.list_url if is_gone else kind.url_of(setting_id)}?done={action.done}"
    )


async def change_state(
    kind: Kind,
    setting_id: str,
    name: str,
    action: Action,
    page: PageContext,
    body_of: Callable[[Mapping[str, Any]], Mapping[str, Any]],
) -> Response:
    """Pause or resume a system, or else remove it, if nobody was faster.

    `body_of` makes of what the service shows what is put so that all stays.
    """
    states = {"pause": "paused", "resume": "active"}

    async def send(item: Mapping[str, Any], etag: str) -> None:
        if name in states:
            await put(kind, setting_id, {**body_of(item), "state": states[name]}, etag, page)
        else:
            await remove(kind, setting_id, etag, page)

    return await act(kind, setting_id, name, action, page, send)


async def refusal_text(
    kind: Kind, setting_id: str, error: ServiceProblemError, page: PageContext
) -> str:
    """Say why a service refused; who was faster, if somebody was."""
    if error.status != HTTPStatus.PRECONDITION_FAILED:
        return problem_text(error.document, page.reader)
    item = await read_item(kind, setting_id, page)
    return page.reader.texts.gettext(
        "%(person)s changed it %(age)s ago. Look at it again before you go on.",
        person=page.reader.name(item["changed_by"]),
        age=page.reader.duration_since(datetime.fromisoformat(item["changed_at"])),
    )


async def put(
    kind: Kind, setting_id: str, body: Mapping[str, Any], etag: str, page: PageContext
) -> Any:
    """Put a system if it is still at the version of the ETag; without one nothing is."""
    answer = await page.services.send(
        kind.service,
        "PUT",
        kind.path_of(setting_id),
        page.viewer,
        body=body,
        headers={"If-Match": etag or NO_VERSION},
    )
    return answer.body


async def remove(kind: Kind, setting_id: str, etag: str, page: PageContext) -> None:
    await client_of(page).archive(kind, setting_id, etag or NO_VERSION, None)


# No version has it.
NO_VERSION: Final = '"0"'
