"""The screen Duty: who is there, and what people change about it."""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path
from starlette.responses import Response

from common.contracts.event import ID_PATTERN, UUID_PATTERN
from console.clients.services import ServiceProblemError
from console.errors import PageError
from console.pages.context import Page, PageContext, require_leader
from console.texts import mark
from console.views.duty import SHOWN_PERIOD, DutyData, ScheduleData, duty_view
from console.views.duty_forms import (
    FIELDS,
    DutyFormName,
    duty_form_view,
    parse_duty_form,
)
from console.views.problem_texts import problem_text
from console.views.service_problems import FilledForm, FormProblems, form_problems

router = APIRouter(dependencies=[require_leader])

SchedulePath = Annotated[str, Path(pattern=f"^{ID_PATTERN}$")]
RequestPath = Annotated[str, Path(pattern=f"^{UUID_PATTERN}$")]
_SCHEDULES: Final = "/v1/duty-schedules"
_PATHS: Final[Mapping[DutyFormName, str]] = {"override": "overrides", "swap": "swaps"}
_DONE: Final[Mapping[str, str]] = {
    "changed": mark("Duty is changed."),
    "withdrawn": mark("The change is taken back. What is past of it stays."),
    "asked": mark("The colleague is asked. Nothing changes before the answer."),
    "accept": mark("You have agreed. Duty is changed."),
    "refuse": mark("You have refused. Duty stays as it is."),
    "withdraw": mark("Your request is withdrawn. Duty stays as it is."),
}


@router.get("/duty")
async def show_duty(page: Page) -> Response:
    """Show who is there now at each level, the week, its gaps, and changes to answer."""
    return await _show_duty(page)


async def _show_duty(page: PageContext, error: ServiceProblemError | None = None) -> Response:
    ladders, schedules, calendar_url = await asyncio.gather(
        _read_ladders(page), _read_schedules(page), _read_calendar_url(page)
    )
    data = DutyData(ladders, schedules, calendar_url)
    return page.render(
        "duty.html",
        error.status if error else 200,
        view=duty_view(data, page.parts.missing, page.reader),
        done=page.done_text(_DONE),
        problem=problem_text(error.document, page.reader) if error else None,
    )


async def _read_ladders(page: PageContext) -> list[Any]:
    """Read who would be asked now at each level of each ladder."""
    ladders = await page.parts.items("escalation", "/v1/ladders") or ()
    previews = await asyncio.gather(
        *(page.parts.get("escalation", f"/v1/ladders/{ladder['id']}/who") for ladder in ladders)
    )
    return [preview for preview in previews if preview is not None]


async def _read_schedules(page: PageContext) -> list[ScheduleData]:
    listed = await page.parts.items("escalation", _SCHEDULES) or ()
    schedules = await asyncio.gather(*(_read_schedule(schedule["id"], page) for schedule in listed))
    return [schedule for schedule in schedules if schedule is not None]


async def _read_schedule(schedule_id: str, page: PageContext) -> ScheduleData | None:
    path, parts = f"{_SCHEDULES}/{schedule_id}", page.parts
    on_duty, shifts, gaps, requests, overrides, swaps = await asyncio.gather(
        parts.get("escalation", f"{path}/on-duty"),
        _read_week(schedule_id, "shifts", page),
        _read_week(schedule_id, "gaps", page),
        parts.items("escalation", f"{path}/change-requests"),
        parts.items("escalation", f"{path}/overrides"),
        parts.items("escalation", f"{path}/swaps"),
    )
    if on_duty is None:
        return None
    return ScheduleData(
        schedule_id,
        on_duty["person_ids"],
        shifts or (),
        gaps or (),
        requests or (),
        changes=(*(overrides or ()), *(swaps or ())),
    )


async def _read_week(
    schedule_id: str, part: Literal["shifts", "gaps"], page: PageContext
) -> list[Mapping[str, Any]] | None:
    until = (page.reader.now + SHOWN_PERIOD).isoformat()
    return await page.parts.items("escalation", f"{_SCHEDULES}/{schedule_id}/{part}", until=until)


async def _read_calendar_url(page: PageContext) -> str | None:
    """Return the link of the person's feed; None if the service makes no links."""
    try:
        link = await page.parts.get("escalation", f"/v1/people/{page.viewer.person}/duty-link")
    except ServiceProblemError as error:
        if error.status != HTTPStatus.CONFLICT:
            raise
        return None
    return None if link is None else str(link["url"])


@router.get("/duty/{schedule_id}/{form_name}")
async def show_form(schedule_id: SchedulePath, form_name: DutyFormName, page: Page) -> Response:
    """Show an empty form, with the times that the address gives."""
    times = {name: page.request.query_params.get(name, "") for name in ("from", "until")}
    state = FilledForm({name: time for name, time in times.items() if time})
    return await _show_form(schedule_id, form_name, page, state)


@router.post("/duty/{schedule_id}/{form_name}")
async def send_form(schedule_id: SchedulePath, form_name: DutyFormName, page: Page) -> Response:
    """Change duty, or ask the colleague whose consent it takes."""
    values = await page.read_form()
    submission = parse_duty_form(form_name, values, page.reader)
    if submission.problems:
        problems = FormProblems(submission.problems)
        state = FilledForm(values, problems, HTTPStatus.UNPROCESSABLE_ENTITY)
        return await _show_form(schedule_id, form_name, page, state)
    path = f"{_SCHEDULES}/{schedule_id}/{_PATHS[form_name]}"
    try:
        answer = await page.post("escalation", path, submission.body)
    except ServiceProblemError as error:
        names = {field.name for field in FIELDS[form_name]}
        problems = form_problems(error.document, names, page.reader)
        state = FilledForm(values, problems, error.status)
        return await _show_form(schedule_id, form_name, page, state)
    is_asked = answer.status == HTTPStatus.ACCEPTED
    return page.lead_to(f"/duty?done={'asked' if is_asked else 'changed'}")


async def _show_form(
    schedule_id: str, form_name: DutyFormName, page: PageContext, state: FilledForm
) -> Response:
    shifts = await _read_week(schedule_id, "shifts", page)
    if shifts is None and not page.parts.missing:
        raise PageError(HTTPStatus.NOT_FOUND, "not-found")
    people = {shift["person_id"] for shift in shifts or ()}
    form = duty_form_view(form_name, schedule_id, people, state, page.reader)
    return page.render("duty_form.html", state.status, form=form)


@router.post("/duty/{schedule_id}/changes/{kind}/{change_id}/withdraw")
async def withdraw(
    schedule_id: SchedulePath,
    kind: Literal["overrides", "swaps"],
    change_id: RequestPath,
    page: Page,
) -> Response:
    """Take a change back from now on, or ask the colleague whose consent it takes."""
    path = f"{_SCHEDULES}/{schedule_id}/{kind}/{change_id}"
    try:
        answer = await page.services.send("escalation", "DELETE", path, page.viewer)
    except ServiceProblemError as error:
        return await _show_duty(page, error)
    is_asked = answer.status == HTTPStatus.ACCEPTED
    return page.lead_to(f"/duty?done={'asked' if is_asked else 'withdrawn'}")


@router.post("/duty/{schedule_id}/requests/{request_id}/{answer}")
async def answer_request(
    schedule_id: SchedulePath,
    request_id: RequestPath,
    answer: Literal["accept", "refuse", "withdraw"],
    page: Page,
) -> Response:
    """Agree to a change of the own shifts, or refuse it; who asked may withdraw the request."""
    path = f"{_SCHEDULES}/{schedule_id}/change-requests/{request_id}/{answer}"
    try:
        await page.post("escalation", path)
    except ServiceProblemError as error:
        return await _show_duty(page, error)
    return page.lead_to(f"/duty?done={answer}")
