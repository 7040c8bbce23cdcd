"""The screen Duty: who is there, and what people change about it."""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import RedirectResponse, Response

from common.contracts.event import ID_PATTERN, UUID_PATTERN
from console.clients.services import ServiceProblemError
from console.dependencies import CurrentServices, require_role
from console.pages.forms import read_form
from console.parts import PageParts, Parts
from console.readers import PageReader
from console.rendering import render_page
from console.texts import mark
from console.views.duty import SHOWN_PERIOD, DutyData, ScheduleData, duty_view
from console.views.duty_forms import FIELDS, DutyFormName, duty_form_view, parse_duty_form
from console.views.reader import Reader
from console.views.service_problems import FormProblems, form_problems
from console.viewer import Viewer

router = APIRouter()

Leader = Annotated[Viewer, Depends(require_role("supervisor", "manager"))]
SchedulePath = Annotated[str, Path(pattern=f"^{ID_PATTERN}$")]
RequestPath = Annotated[str, Path(pattern=f"^{UUID_PATTERN}$")]
_SEE_OTHER: Final = 303
_SCHEDULES: Final = "/v1/duty-schedules"
_PATHS: Final[Mapping[DutyFormName, str]] = {"override": "overrides", "swap": "swaps"}
_DONE: Final = {
    "changed": mark("Duty is changed."),
    "asked": mark("The colleague is asked. Nothing changes before the answer."),
    "accept": mark("You have agreed. Duty is changed."),
    "refuse": mark("You have refused. Duty stays as it is."),
}


@router.get("/duty")
async def show_duty(
    request: Request, reader: PageReader, parts: PageParts, viewer: Leader
) -> Response:
    """Show who is there now at each level, the week, its gaps, and changes to answer."""
    return await _duty_page(request, reader, parts, viewer)


async def _duty_page(
    request: Request,
    reader: Reader,
    parts: Parts,
    viewer: Viewer,
    *,
    problem: str | None = None,
    status: int = 200,
) -> Response:
    ladders, schedules, link = await asyncio.gather(
        _read_ladders(parts), _read_schedules(reader, parts), _calendar_url(viewer, parts)
    )
    view = duty_view(DutyData(ladders, schedules, link), parts.missing, reader)
    done = _DONE.get(request.query_params.get("done", ""))
    return render_page(
        request,
        "duty.html",
        status,
        reader=reader,
        view=view,
        done=None if done is None else reader.texts.gettext(done),
        problem=problem,
    )


async def _read_ladders(parts: Parts) -> list[Any]:
    """Read who would be asked now at each level of each ladder."""
    listed = await parts.items("escalation", "/v1/ladders") or ()
    previews = await asyncio.gather(
        *(parts.get("escalation", f"/v1/ladders/{ladder['id']}/who") for ladder in listed)
    )
    return [preview for preview in previews if preview is not None]


async def _read_schedules(reader: Reader, parts: Parts) -> list[ScheduleData]:
    listed = await parts.items("escalation", _SCHEDULES) or ()
    schedules = await asyncio.gather(
        *(_read_schedule(schedule["id"], reader, parts) for schedule in listed)
    )
    return [schedule for schedule in schedules if schedule is not None]


async def _read_schedule(schedule_id: str, reader: Reader, parts: Parts) -> ScheduleData | None:
    path = f"{_SCHEDULES}/{schedule_id}"
    until = (reader.now + SHOWN_PERIOD).isoformat()
    on_duty, shifts, gaps, requests = await asyncio.gather(
        parts.get("escalation", f"{path}/on-duty"),
        parts.items("escalation", f"{path}/shifts", until=until),
        parts.items("escalation", f"{path}/gaps", until=until),
        parts.items("escalation", f"{path}/change-requests"),
    )
    if on_duty is None:
        return None
    return ScheduleData(
        schedule_id, on_duty["person_ids"], shifts or (), gaps or (), requests or ()
    )


async def _calendar_url(viewer: Viewer, parts: Parts) -> str | None:
    """Return the link of the person's feed; None if the service makes no links."""
    try:
        link = await parts.get("escalation", f"/v1/people/{viewer.person}/duty-link")
    except ServiceProblemError as error:
        if error.status != HTTPStatus.CONFLICT:
            raise
        return None
    return None if link is None else str(link["url"])


@router.get("/duty/{schedule_id}/{form_name}")
async def show_form(
    schedule_id: SchedulePath,
    form_name: DutyFormName,
    request: Request,
    reader: PageReader,
    parts: PageParts,
    _viewer: Leader,
) -> Response:
    """Show an empty form, with the times that the address gives."""
    values = {name: request.query_params.get(name, "") for name in ("from", "until")}
    given = {name: value for name, value in values.items() if value}
    return await _form_page(request, form_name, schedule_id, reader, parts, given)


@router.post("/duty/{schedule_id}/{form_name}")
async def send_form(
    schedule_id: SchedulePath,
    form_name: DutyFormName,
    request: Request,
    reader: PageReader,
    services: CurrentServices,
    parts: PageParts,
    viewer: Leader,
) -> Response:
    """Change duty, or ask the colleague whose consent it takes."""
    values = await read_form(request)
    submission = parse_duty_form(form_name, values, reader)
    status, problems = int(HTTPStatus.UNPROCESSABLE_ENTITY), submission.problems
    if not problems:
        path = f"{_SCHEDULES}/{schedule_id}/{_PATHS[form_name]}"
        try:
            answer = await services.send("escalation", "POST", path, viewer, body=submission.body)
        except ServiceProblemError as error:
            names = {field.name for field in FIELDS[form_name]}
            status, problems = error.status, form_problems(error.document, names)
        else:
            done = "asked" if answer.status == HTTPStatus.ACCEPTED else "changed"
            return RedirectResponse(f"/duty?done={done}", _SEE_OTHER)
    return await _form_page(
        request, form_name, schedule_id, reader, parts, values, problems, status
    )


async def _form_page(
    request: Request,
    form_name: DutyFormName,
    schedule_id: str,
    reader: Reader,
    parts: Parts,
    values: Mapping[str, str],
    problems: FormProblems = FormProblems(),  # noqa: B008 - it is frozen
    status: int = 200,
) -> Response:
    schedule = await _read_schedule(schedule_id, reader, parts)
    people = {shift["person_id"] for shift in schedule.shifts} if schedule else set()
    form = duty_form_view(form_name, schedule_id, reader, people, values, problems)
    return render_page(request, "duty_form.html", status, reader=reader, form=form)


@router.post("/duty/{schedule_id}/requests/{request_id}/{answer}")
async def answer_request(
    schedule_id: SchedulePath,
    request_id: RequestPath,
    answer: Literal["accept", "refuse"],
    request: Request,
    reader: PageReader,
    services: CurrentServices,
    parts: PageParts,
    viewer: Leader,
) -> Response:
    """Agree to a change of the own shifts, or refuse it."""
    path = f"{_SCHEDULES}/{schedule_id}/change-requests/{request_id}/{answer}"
    try:
        await services.post("escalation", path, viewer)
    except ServiceProblemError as error:
        return await _duty_page(
            request, reader, parts, viewer, problem=error.detail, status=error.status
        )
    return RedirectResponse(f"/duty?done={answer}", _SEE_OTHER)
