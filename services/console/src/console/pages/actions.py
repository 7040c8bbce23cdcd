"""What people press on an escalation: each action's form, and what becomes of it."""

from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.responses import Response

from common.core.ids import new_id
from console.action_sender import ActionSender, Outcome
from console.dependencies import ConsoleDatabase, CurrentServices, CurrentViewer
from console.errors import PageError
from console.pages.context import read_fields
from console.pages.escalation import EscalationPath
from console.readers import PageReader
from console.rendering import is_fragment, render_macro, render_page
from console.views.actions import PATHS, ActionName
from console.views.buttons import action_url, escalation_url
from console.views.forms import FormState, form_view
from console.views.reader import Reader
from console.views.rows import make_row, sort_keys

router = APIRouter()

_SEE_OTHER: Final = 303


def _name_of(action: str) -> ActionName:
    if action not in PATHS:
        raise PageError(404, "not-found")
    return PATHS[action]


@router.get("/e/{escalation_id}/{action}")
async def show_form(
    escalation_id: EscalationPath,
    action: str,
    request: Request,
    viewer: CurrentViewer,
    reader: PageReader,
    services: CurrentServices,
) -> Response:
    """Show the form of an action, for the escalation as it is now."""
    name = _name_of(action)
    answer = await services.fetch("escalation", f"/v1/escalations/{escalation_id}", viewer, limit=1)
    state = FormState(version=answer.etag or "", submission=new_id())
    form = form_view(name, action_url(escalation_id, name), state, reader)
    row = make_row(answer.body, reader)
    return render_page(request, "action.html", reader=reader, form=form, row=row, problem=None)


@router.post("/e/{escalation_id}/{action}")
async def act(
    escalation_id: EscalationPath,
    action: str,
    request: Request,
    viewer: CurrentViewer,
    reader: PageReader,
    services: CurrentServices,
    database: ConsoleDatabase,
) -> Response:
    """Do it. A script gets the changed row, others are led to the escalation."""
    name = _name_of(action)
    sender = ActionSender(services, database, viewer, reader)
    outcome = await sender.send(escalation_id, name, await read_fields(request))
    if outcome.form is not None:
        form = form_view(name, action_url(escalation_id, name), outcome.form, reader)
        row = None if outcome.escalation is None else make_row(outcome.escalation, reader)
        return render_page(
            request, "action.html", outcome.status, reader=reader, form=form, row=row, problem=None
        )
    if is_fragment(request):
        return JSONResponse(_for_script(outcome, reader), outcome.status)
    if outcome.is_done:
        return RedirectResponse(f"{escalation_url(escalation_id)}?done={name}", _SEE_OTHER)
    row = None if outcome.escalation is None else make_row(outcome.escalation, reader)
    return render_page(
        request,
        "action.html",
        outcome.status,
        reader=reader,
        form=None,
        row=row,
        problem=outcome.text,
    )


def _for_script(outcome: Outcome, reader: Reader) -> dict[str, object]:
    """Return what board.js shows at once; the event of the action confirms it later."""
    escalation, row = outcome.escalation, None
    if escalation is not None:
        html = render_macro(
            "macros.html", "row", reader.texts.language, make_row(escalation, reader)
        )
        row = {
            "id": escalation["escalation_id"],
            "version": escalation["version"],
            "html": html,
            "keys": sort_keys(escalation, reader),
        }
    return {"is_done": outcome.is_done, "text": outcome.text, "row": row}
