"""Changes of settings: the form, the difference before it is saved, and the saving."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Final, get_args

from fastapi import APIRouter, Query
from starlette.responses import Response

from common.contracts.event import ID_PATTERN, UUID_PATTERN
from console.clients.services import ServiceProblemError, ServiceUnavailableError
from console.errors import PageError
from console.pages.context import Page, PageContext, is_unicode
from console.pages.settings import (
    KindPath,
    SettingPath,
    VersionNumber,
    client_of,
    find_or_404,
    require_manager,
)
from console.setting_client import etag_of_setting
from console.views.etags import read_etag
from console.views.service_problems import FormProblems
from console.views.settings.differences import Comparison
from console.views.settings.entries import (
    BodyReader,
    entries_of,
    entries_of_form,
    fields_of,
    initial_entries,
    without_empty_rows,
)
from console.views.settings.form import ID, OPEN, FormState, form_view, review_view
from console.views.settings.kinds import Kind, OpenContacts, Setting
from console.views.settings.presses import press_button
from console.views.settings.problem_places import setting_problems
from console.views.words import SERVICES

# Before the screens of settings: `new` is no kind.
router = APIRouter(prefix="/settings", dependencies=[require_manager])

# A simulation that tried the setting as the person would like to have it.
SimulationId = Annotated[str | None, Query(pattern=f"^{UUID_PATTERN}$")]
_SETTING_ID: Final = re.compile(ID_PATTERN)
_MAX_FIELDS: Final = 5000


@router.get("/new/{kind}")
async def show_new_form(kind: KindPath, page: Page) -> Response:
    editor = _Editor(kind, page, is_new=True)
    return await editor.show_form(FormState(initial_entries(kind.nodes)))


@router.post("/new/{kind}")
async def send_new_form(kind: KindPath, page: Page) -> Response:
    """Change the rows of the form, show what will be saved, or save it."""
    values = await _read_form(page)
    editor = _Editor(kind, page, is_new=True)
    return await editor.answer(values, values.get(ID, "").strip())


@router.get("/{kind}/{setting_id}/edit")
async def show_form(
    kind: KindPath,
    setting_id: SettingPath,
    page: Page,
    version: VersionNumber = None,
    simulation: SimulationId = None,
) -> Response:
    """Show the form of a setting, with what it is now, was at a version, or was tried as."""
    setting = await find_or_404(kind, setting_id, page)
    body = setting.body
    if version is not None:
        versions = await client_of(page).versions(kind, setting_id)
        bodies = {each["version"]: each["body"] for each in versions}
        body = bodies.get(version, body)
    if simulation is not None:
        body = await _read_tried_body(kind, setting_id, simulation, page) or body
    entries = entries_of(kind.nodes, kind.form_body(body), page.reader.texts)
    state = FormState(entries, setting_id, etag_of_setting(setting))
    return await _Editor(kind, page, is_new=False).show_form(state)


async def _read_tried_body(
    kind: Kind, setting_id: str, simulation_id: str, page: PageContext
) -> dict[str, Any] | None:
    """Return the setting as a simulation tried it; None if it tried another one."""
    job = await page.parts.get("escalation", f"/v1/simulations/{simulation_id}")
    tried = () if job is None else job["drafts"]
    place = kind.path, setting_id
    return next((each["body"] for each in tried if (each["kind"], each["id"]) == place), None)


@router.post("/{kind}/{setting_id}/edit")
async def send_form(kind: KindPath, setting_id: SettingPath, page: Page) -> Response:
    """Change the rows of the form, show what will be saved, or save it."""
    return await _Editor(kind, page, is_new=False).answer(await _read_form(page), setting_id)


async def _read_form(page: PageContext) -> dict[str, str]:
    """Return the fields; what was ticked several times under one name has spaces between."""
    values: dict[str, str] = {}
    for name, value in (await page.request.form(max_fields=_MAX_FIELDS)).multi_items():
        if not isinstance(value, str) or not is_unicode(name + value):
            raise PageError(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid")
        values[name] = f"{values[name]} {value}" if name in values else value
    return values


@dataclass(frozen=True, slots=True)
class _Editor:
    """Answers the form of one setting."""

    kind: Kind
    page: PageContext
    is_new: bool

    async def answer(self, values: Mapping[str, str], setting_id: str) -> Response:
        state = FormState(
            entries_of_form(self.kind.nodes, values),
            setting_id,
            read_etag(values.get("etag")),
            _open_contacts(values),
        )
        button = values.get("press", "review")
        press = press_button(self.kind.nodes, state.entries, button)
        if press is not None:
            return await self.show_form(replace(state, entries=press.entries, focus=press.focus))
        if button == "edit":
            return await self.show_form(state)
        return await self._check(state, is_save=button == "save")

    async def show_form(self, state: FormState) -> Response:
        choices = await client_of(self.page).choices(self.kind, self.page.reader)
        view = form_view(self.kind, state, choices, is_new=self.is_new)
        return self.page.render("setting_form.html", state.status, view=view)

    async def _check(self, state: FormState, *, is_save: bool) -> Response:
        """Show the form again if something in it can't be read."""
        state = replace(state, entries=without_empty_rows(self.kind.nodes, state.entries))
        body_reader = BodyReader(self.page.reader.texts)
        body = body_reader.read(self.kind.nodes, state.entries)
        current, id_problem = await self._find_current(state.setting_id)
        problems = {**body_reader.problems, **({ID: id_problem} if id_problem else {})}
        if problems:
            status = HTTPStatus.UNPROCESSABLE_ENTITY
            return await self.show_form(
                replace(state, problems=FormProblems(problems), status=status)
            )
        if not is_save or (current is not None and etag_of_setting(current) != state.version):
            return await self._show_review(state, current)
        try:
            await client_of(self.page).put(
                self.kind, state.setting_id, body, state.version, state.open_contacts
            )
        except ServiceProblemError as error:
            return await self._refuse(state, error)
        except ServiceUnavailableError as error:
            return await self._tell_outage(state, error)
        return self.page.lead_to(f"{self.kind.url_of(state.setting_id)}?done=saved")

    async def _find_current(self, setting_id: str) -> tuple[Setting | None, str | None]:
        """Return the setting as it is now, and what is wrong with the id of a new one."""
        _ = self.page.reader.texts.gettext
        if not _SETTING_ID.fullmatch(setting_id):
            return None, _("Please write letters, digits and hyphens only.")
        current = await client_of(self.page).find(self.kind, setting_id)
        if not self.is_new:
            if current is None:
                raise PageError(HTTPStatus.NOT_FOUND, "not-found")
            return current, None
        if current is None:
            return None, None
        if current.is_archived:
            return None, _("There is an archived one of this name: bring that back.")
        return None, _("There is one of this name already.")

    async def _show_review(self, state: FormState, current: Setting | None) -> Response:
        """Show what differs from the setting as it is now; it may have changed meanwhile."""
        reader, nodes = self.page.reader, self.kind.nodes
        body = self.kind.form_body(current.body) if current else {}
        before = entries_of(nodes, body, reader.texts)
        choices = await client_of(self.page).choices(self.kind, reader)
        changes = list(Comparison(choices).compare(nodes, before, state.entries))
        conflict = None
        if current is not None and etag_of_setting(current) != state.version:
            conflict = await self._conflict_text(state.setting_id)
            state = replace(state, version=etag_of_setting(current))
        view = review_view(
            self.kind,
            state,
            changes,
            list(fields_of(nodes, state.entries)),
            choices,
            is_new=self.is_new,
        )
        may_save = bool(changes) or current is None or current.is_archived
        status = HTTPStatus.PRECONDITION_FAILED if conflict else HTTPStatus.OK
        return self.page.render(
            "setting_review.html", status, view=view, may_save=may_save, conflict=conflict
        )

    async def _conflict_text(self, setting_id: str) -> str:
        """Say who was faster, and how long ago."""
        reader = self.page.reader
        newest = await self._find_newest(setting_id)
        if newest is None:
            return reader.texts.gettext(
                "Somebody has changed it meanwhile. Look at the difference again."
            )
        words = self._who_and_when(newest)
        if newest.get("archived"):
            return reader.texts.gettext(
                "%(person)s archived it %(age)s ago, while you wrote. Saving brings it back.",
                **words,
            )
        return reader.texts.gettext(
            "%(person)s changed it %(age)s ago, while you wrote. Look at the difference again.",
            **words,
        )

    async def _taken_text(self, setting_id: str) -> str:
        """Say who has made one of the name of a new setting, and how long ago."""
        newest = await self._find_newest(setting_id)
        if newest is None:
            return self.page.reader.texts.gettext(
                "Somebody made one of this name while you wrote: choose another name."
            )
        return self.page.reader.texts.gettext(
            "%(person)s made one of this name %(age)s ago, while you wrote: choose another name.",
            **self._who_and_when(newest),
        )

    async def _find_newest(self, setting_id: str) -> Mapping[str, Any] | None:
        """Return the newest version, if there is one."""
        return next(iter(await client_of(self.page).versions(self.kind, setting_id)), None)

    def _who_and_when(self, version: Mapping[str, Any]) -> dict[str, str]:
        reader = self.page.reader
        return {
            "person": reader.name(version["put_by"]),
            "age": reader.duration_since(datetime.fromisoformat(version["put_at"])),
        }

    async def _refuse(self, state: FormState, error: ServiceProblemError) -> Response:
        if error.status == HTTPStatus.PRECONDITION_FAILED and self.is_new:
            problems = FormProblems({ID: await self._taken_text(state.setting_id)})
            return await self.show_form(replace(state, problems=problems, status=error.status))
        if error.status == HTTPStatus.PRECONDITION_FAILED:
            current = await client_of(self.page).find(self.kind, state.setting_id)
            return await self._show_review(state, current)
        problems = setting_problems(
            error.document, self.kind.nodes, state.entries, self.page.reader
        )
        return await self.show_form(replace(state, problems=problems, status=error.status))

    async def _tell_outage(self, state: FormState, error: ServiceUnavailableError) -> Response:
        _ = self.page.reader.texts.gettext
        text = _(
            "%(part)s: no answer. Check whether it was done before you send it again.",
            part=_(SERVICES[error.service]),
        )
        status = HTTPStatus.SERVICE_UNAVAILABLE
        return await self.show_form(
            replace(state, problems=FormProblems(whole=text), status=status)
        )


def _open_contacts(values: Mapping[str, str]) -> OpenContacts:
    choice = values.get(OPEN)
    return next((name for name in get_args(OpenContacts) if name == choice), "keep")
