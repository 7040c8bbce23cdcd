"""Trying a change of a policy on past contacts: the form, how far it is, and the result."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path
from starlette.responses import Response

from common.contracts.event import ID_PATTERN, UUID_PATTERN
from common.core.ids import new_id
from console.clients.services import ServiceProblemError
from console.dependencies import require_role
from console.errors import PageError
from console.pages.context import Page, PageContext
from console.views.service_problems import FilledForm, FormProblems
from console.views.simulation import simulation_view
from console.views.simulation_form import (
    parse_try_form,
    state_of,
    try_form_view,
    try_problems,
    try_url,
)

router = APIRouter(
    prefix="/settings/policies/{policy_id}/try", dependencies=[Depends(require_role("manager"))]
)

PolicyPath = Annotated[str, Path(pattern=f"^{ID_PATTERN}$")]
SimulationPath = Annotated[str, Path(pattern=f"^{UUID_PATTERN}$")]
_SIMULATIONS: Final = "/v1/simulations"


@router.get("")
async def show_form(policy_id: PolicyPath, page: Page) -> Response:
    """Show the form with the values of the policy in force, or of a simulation to go on from."""
    policy, earlier = await _read_policy(policy_id, page), page.request.query_params.get("from")
    if earlier is None or not re.fullmatch(UUID_PATTERN, earlier):
        return await _show_form(policy_id, policy, page, FilledForm())
    job = await _read_job(policy_id, earlier, page)
    return await _show_form(
        policy_id, policy, page, state_of(job["drafts"][0]["body"], page.reader)
    )


@router.post("")
async def start(policy_id: PolicyPath, page: Page) -> Response:
    """Let escalation try it; a form that is sent twice makes one simulation."""
    policy, values = await _read_policy(policy_id, page), await page.read_form()
    sent = parse_try_form(policy_id, policy, values, page.reader)
    if sent.problems:
        state = FilledForm(values, FormProblems(sent.problems), HTTPStatus.UNPROCESSABLE_ENTITY)
        return await _show_form(policy_id, policy, page, state)
    try:
        answer = await page.services.send(
            "escalation",
            "POST",
            _SIMULATIONS,
            page.viewer,
            body=sent.body,
            headers={"Idempotency-Key": values.get("submission") or new_id()},
        )
    except ServiceProblemError as error:
        problems = try_problems(error.document, policy, page.reader)
        state = FilledForm(values, problems, error.status)
        return await _show_form(policy_id, policy, page, state)
    return page.lead_to(f"{try_url(policy_id)}/{answer.body['simulation_id']}")


@router.get("/{simulation_id}")
async def show_simulation(
    policy_id: PolicyPath, simulation_id: SimulationPath, page: Page
) -> Response:
    """Show how far it is; while it runs, a script loads the page again and again."""
    job = await _read_job(policy_id, simulation_id, page)
    policy = await _read_policy(policy_id, page)
    view = simulation_view(policy_id, policy, job, page.reader)
    return page.render("simulation.html", view=view)


@router.post("/{simulation_id}/cancel")
async def cancel(policy_id: PolicyPath, simulation_id: SimulationPath, page: Page) -> Response:
    """Cancel it; what has ended stays."""
    path = f"{_SIMULATIONS}/{simulation_id}"
    await page.services.send("escalation", "DELETE", path, page.viewer)
    return page.lead_to(f"{try_url(policy_id)}/{simulation_id}")


async def _read_job(policy_id: str, simulation_id: str, page: PageContext) -> Mapping[str, Any]:
    """Raise PageError if it tries something else: the API also takes ladders and calendars."""
    job: Mapping[str, Any] = await page.get("escalation", f"{_SIMULATIONS}/{simulation_id}")
    tried = job["drafts"][0]
    if (tried["kind"], tried["id"]) != ("sla-policies", policy_id):
        raise PageError(HTTPStatus.NOT_FOUND, "not-found")
    return job


async def _read_policy(policy_id: str, page: PageContext) -> Mapping[str, Any]:
    policy: Mapping[str, Any] = await page.get("escalation", f"/v1/sla-policies/{policy_id}")
    body: Mapping[str, Any] = policy["body"]
    return body


async def _show_form(
    policy_id: str, policy: Mapping[str, Any], page: PageContext, state: FilledForm
) -> Response:
    """A new submission each time: the same key with another body would be refused."""
    ladders = await page.parts.items("escalation", "/v1/ladders") or ()
    ids = [str(ladder["id"]) for ladder in ladders]
    form = try_form_view(policy_id, policy, ids, state, new_id(), page.reader)
    return page.render("try_policy.html", state.status, form=form)
