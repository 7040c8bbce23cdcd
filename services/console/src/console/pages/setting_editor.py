"""Changes of a setting: the form, the difference before it is saved, and the saving."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final, get_args

from starlette.responses import Response

from console.clients.services import ServiceProblemError, ServiceUnavailableError
from console.errors import PageError
from console.pages.context import PageContext, is_unicode
from console.pages.settings import client_of
from console.setting_client import etag_of_setting
from console.views.etags import read_etag
from console.views.service_problems import FormProblems
from console.views.settings.differences import Comparison
from console.views.settings.entries import (
    BodyReader,
    entries_of,
    entries_of_form,
    fields_of,
    without_empty_rows,
)
from console.views.settings.form import ID, OPEN, FormState, form_view, review_view
from console.views.settings.kinds import Kind, OpenContacts, Setting
from console.views.settings.nodes import Leaf
from console.views.settings.presses import press_button
from console.views.settings.problem_places import setting_problems
from console.views.settings.secret_fields import SECRETS, secret_problems
from console.views.words import SERVICES

_MAX_FIELDS: Final = 5000


async def read_form(page: PageContext) -> dict[str, str]:
    """Return the fields; what was ticked several times under one name has spaces between."""
    values: dict[str, str] = {}
    for name, value in (await page.request.form(max_fields=_MAX_FIELDS)).multi_items():
        if not isinstance(value, str) or not is_unicode(name + value):
            raise PageError(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid")
        values[name] = f"{values[name]} {value}" if name in values else value
    return values


@dataclass(frozen=True, slots=True)
class SettingEditor:
    """Answers the form of one setting.

    `show_secret` makes the page of a new secret, which is shown once, for a service that makes
    secrets.
    """

    kind: Kind
    page: PageContext
    is_new: bool
    show_secret: Callable[[str, str], Response] | None = None

    async def answer(self, values: Mapping[str, str], setting_id: str) -> Response:
        state = FormState(
            entries_of_form(self.kind.nodes, values),
            setting_id,
            read_etag(values.get("etag")),
            _open_contacts(values),
            secrets=entries_of_form(self._secret_leaves, values, SECRETS),
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
        secret_reader = BodyReader(self.page.reader.texts)
        body |= self._read_secrets(state, current, body, secret_reader)
        if secret_reader.problems:
            missing = FormProblems(secret_reader.problems)
            status = HTTPStatus.UNPROCESSABLE_ENTITY
            return await self._show_review(replace(state, problems=missing, status=status), current)
        return await self._save(state, current, body)

    async def _save(
        self, state: FormState, current: Setting | None, body: dict[str, Any]
    ) -> Response:
        try:
            saved = await client_of(self.page).put(
                self.kind, state.setting_id, body, state.version, state.open_contacts
            )
        except ServiceProblemError as error:
            return await self._refuse(state, current, error)
        except ServiceUnavailableError as error:
            return await self._show_outage(state, error)
        if self.show_secret is not None and not any(state.secrets.values()):
            return self.show_secret(state.setting_id, saved["secret"])
        return self.page.lead_to(f"{self.kind.url_of(state.setting_id)}?done=saved")

    @property
    def _secret_leaves(self) -> tuple[Leaf, ...]:
        return self.kind.secrets.leaves if self.kind.secrets else ()

    def _asks_for_secrets(self, current: Setting | None, body: Mapping[str, Any]) -> bool:
        in_force = None if current is None or current.is_archived else current.body
        return self.kind.secrets is not None and self.kind.secrets.is_asked(in_force, body)

    def _read_secrets(
        self,
        state: FormState,
        current: Setting | None,
        body: Mapping[str, Any],
        body_reader: BodyReader,
    ) -> Mapping[str, Any]:
        if self.kind.secrets is None or not self._asks_for_secrets(current, body):
            return {}
        fields = body_reader.read(self.kind.secrets.leaves, state.secrets, SECRETS)
        return self.kind.secrets.members(fields)

    async def _find_current(self, setting_id: str) -> tuple[Setting | None, str | None]:
        """Return the setting as it is now, and what is wrong with the id of a new one."""
        _ = self.page.reader.texts.gettext
        if not re.fullmatch(self.kind.id_pattern, setting_id):
            return None, _(self.kind.id_problem)
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
        body_to_save = BodyReader(reader.texts).read(nodes, state.entries)
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
            secrets=self.kind.secrets if self._asks_for_secrets(current, body_to_save) else None,
        )
        may_save = bool(changes) or current is None or current.is_archived
        status = HTTPStatus.PRECONDITION_FAILED if conflict else state.status
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

    async def _name_conflict_text(self, setting_id: str) -> str:
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
        """Return the newest version; None where nobody says who put it."""
        if not self.kind.has_versions:
            current = await client_of(self.page).find(self.kind, setting_id)
            if current is None or current.changed_by is None:
                return None
            return {
                "put_by": current.changed_by,
                "put_at": current.changed_at,
                "archived": current.is_archived,
            }
        return next(iter(await client_of(self.page).versions(self.kind, setting_id)), None)

    def _who_and_when(self, version: Mapping[str, Any]) -> dict[str, str]:
        reader = self.page.reader
        return {
            "person": reader.name(version["put_by"]),
            "age": reader.duration_since(_moment(version["put_at"])),
        }

    async def _refuse(
        self, state: FormState, current: Setting | None, error: ServiceProblemError
    ) -> Response:
        if error.status == HTTPStatus.PRECONDITION_FAILED and self.is_new:
            problems = FormProblems({ID: await self._name_conflict_text(state.setting_id)})
            return await self.show_form(replace(state, problems=problems, status=error.status))
        if error.status == HTTPStatus.PRECONDITION_FAILED:
            current = await client_of(self.page).find(self.kind, state.setting_id)
            return await self._show_review(state, current)
        if self.kind.secrets is not None and (
            problems := secret_problems(error.document, self.kind.secrets, self.page.reader)
        ):
            state = replace(state, problems=problems, status=error.status)
            return await self._show_review(state, current)
        problems = setting_problems(
            error.document, self.kind.nodes, state.entries, self.page.reader
        )
        if error.code in self.kind.problem_fields and problems.whole:
            problems = FormProblems({self.kind.problem_fields[error.code]: problems.whole})
        return await self.show_form(replace(state, problems=problems, status=error.status))

    async def _show_outage(self, state: FormState, error: ServiceUnavailableError) -> Response:
        _ = self.page.reader.texts.gettext
        text = _(
            "%(part)s: no answer. Check whether it was done before you send it again.",
            part=_(SERVICES[error.service]),
        )
        status = HTTPStatus.SERVICE_UNAVAILABLE
        return await self.show_form(
            replace(state, problems=FormProblems(whole=text), status=status)
        )


def _moment(value: datetime | str) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)


def _open_contacts(values: Mapping[str, str]) -> OpenContacts:
    choice = values.get(OPEN)
    return next((name for name in get_args(OpenContacts) if name == choice), "keep")
