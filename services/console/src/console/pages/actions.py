"""What people press on an escalation: each action's form, and what becomes of it."""

from http import HTTPStatus

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from starlette.responses import Response

from common.core.ids import new_id
from console.action_sender import ActionSender, Outcome
from console.dependencies import ConsoleDatabase
from console.errors import PageError
from console.pages.context import Page, PageContext, read_fields, require_leader
from console.pages.escalation import EscalationPath
from console.rendering import is_fragment, render_row
from console.views.actions import PATHS, ActionName
from console.views.buttons import action_url, escalation_url
from console.views.conflicts import ended_text, has_ended
from console.views.forms import FormState, draft_fields, form_view
from console.views.reader import Reader
from console.views.rows import make_row, sort_keys

router = APIRouter(dependencies=[require_leader])


def _name_of(action: str) -> ActionName:
    if action not in PATHS:
        raise PageError(404, "not-found")
    return PATHS[action]


@router.get("/e/{escalation_id}/{action}")
async def show_form(
    escalation_id: EscalationPath, action: str, page: Page, database: ConsoleDatabase
) -> Response:
    """Show the form of an action, for the escalation as it is now, with what was written before.

    If the escalation has ended, say so: then it can only be reopened.
    """
    name = _name_of(action)
    path = f"/v1/escalations/{escalation_id}"
    answer = await page.services.fetch("escalation", path, page.viewer, limit=1)
    if has_ended(answer.body) and name != "reopen":
        ended = Outcome(HTTPStatus.CONFLICT, ended_text(answer.body, page.reader), answer.body)
        return _render(page, ended, form=None, problem=ended.text)
    async with database.transaction() as uow:
        draft = await uow.drafts.find(page.viewer.person, escalation_id, name)
    state = FormState(
        version=answer.etag or "",
        submission=new_id(),
        values={} if draft is None else draft.fields,
        draft_at=None if draft is None else draft.saved_at,
    )
    form = form_view(name, action_url(escalation_id, name), state, page.reader)
    row = make_row(answer.body, page.reader)
    return page.render("action.html", form=form, row=row, problem=None)


@router.post("/e/{escalation_id}/{action}")
async def act(
    escalation_id: EscalationPath, action: str, page: Page, database: ConsoleDatabase
) -> Response:
    """Do it. A script gets the changed row, others are led to the escalation."""
    name = _name_of(action)
    sender = ActionSender(page.services, database, page.viewer, page.reader)
    outcome = await sender.send(escalation_id, name, await page.read_form())
    if outcome.form is not None:
        form = form_view(name, action_url(escalation_id, name), outcome.form, page.reader)
        return _render(page, outcome, form=form, problem=None)
    if is_fragment(page.request):
        return JSONResponse(_for_script(outcome, page.reader), outcome.status)
    if outcome.is_done:
        return page.lead_to(f"{escalation_url(escalation_id)}?done={name}")
    return _render(page, outcome, form=None, problem=outcome.text)


@router.post("/e/{escalation_id}/{action}/draft")
async def save_draft(
    escalation_id: EscalationPath, action: str, page: Page, database: ConsoleDatabase
) -> Response:
    """Keep what is written in the form so far; an empty form keeps nothing."""
    name = _name_of(action)
    fields = draft_fields(name, await read_fields(page.request))
    async with database.transaction() as uow:
        await uow.drafts.save(page.viewer.person, escalation_id, name, fields, uow.now)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.post("/e/{escalation_id}/{action}/discard-draft")
async def discard_draft(
    escalation_id: EscalationPath, action: str, page: Page, database: ConsoleDatabase
) -> Response:
    """Forget what was written, and show the form without it."""
    name = _name_of(action)
    async with database.transaction() as uow:
        await uow.drafts.delete(page.viewer.person, escalation_id, name)
    return page.lead_to(action_url(escalation_id, name))


def _render(page: PageContext, outcome: Outcome, **values: object) -> Response:
    escalation = outcome.escalation
    row = None if escalation is None else make_row(escalation, page.reader)
    return page.render("action.html", outcome.status, row=row, **values)


def _for_script(outcome: Outcome, reader: Reader) -> dict[str, object]:
    """Return what board.js shows at once; the event of the action confirms it later."""
    escalation, row = outcome.escalation, None
    if escalation is not None:
        row = {
            "id": escalation["escalation_id"],
            "version": escalation["version"],
            "html": render_row(make_row(escalation, reader), reader.texts.language),
            "keys": sort_keys(escalation, reader),
        }
    return {"is_done": outcome.is_done, "text": outcome.text, "row": row}
