"""Sends actions to escalation, each form once, and says what became of them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

import structlog

from common.core.errors import is_transient
from common.storage.database import Database
from console.clients.services import ServiceProblemError, Services, ServiceUnavailableError
from console.store import UnitOfWork
from console.viewer import Viewer
from console.views.actions import ACTIONS, ActionName
from console.views.confirmations import done_text
from console.views.conflicts import conflict_text
from console.views.etags import read_etag
from console.views.forms import FIELDS, FormState, draft_fields, parse_form
from console.views.problem_texts import problem_text
from console.views.reader import Reader
from console.views.service_problems import form_problems
from console.views.words import SERVICES

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an action: `escalation` as it is now, or `form` to be sent again."""

    status: int
    text: str
    escalation: Mapping[str, Any] | None = None
    form: FormState | None = None

    @property
    def is_done(self) -> bool:
        return self.status == HTTPStatus.OK


class ActionSender:
    """Acts in the name of one person."""

    def __init__(
        self,
        services: Services,
        database: Database[UnitOfWork],
        viewer: Viewer,
        reader: Reader,
    ) -> None:
        self._services = services
        self._database = database
        self._viewer = viewer
        self._reader = reader

    async def send(
        self, escalation_id: str, name: ActionName, fields: Mapping[str, str]
    ) -> Outcome:
        """Do it, unless the form has mistakes or was sent before.

        What was written is kept as a draft until it is done.
        """
        outcome = await self._send(escalation_id, name, fields)
        if FIELDS[name]:
            await self._keep_draft(
                escalation_id, name, {} if outcome.is_done else draft_fields(name, fields)
            )
        return outcome

    async def _keep_draft(
        self, escalation_id: str, name: ActionName, fields: Mapping[str, str]
    ) -> None:
        """What became of the action is said also if the draft can't be kept."""
        try:
            async with self._database.transaction() as uow:
                await uow.drafts.save(self._viewer.person, escalation_id, name, fields, uow.now)
        except Exception as error:
            if not is_transient(error):
                raise
            log.warning("draft_not_kept", error=repr(error))

    async def _send(
        self, escalation_id: str, name: ActionName, fields: Mapping[str, str]
    ) -> Outcome:
        form = FormState(read_etag(fields.get("version")), fields.get("submission", ""), fields)
        sent = parse_form(name, fields, self._reader)
        if sent.problems:
            return Outcome(
                HTTPStatus.UNPROCESSABLE_ENTITY, "", form=replace(form, problems=sent.problems)
            )
        if not await self._claim(form.submission):
            return Outcome(
                HTTPStatus.OK, self._reader.texts.gettext("It was sent before: once is enough.")
            )
        try:
            escalation = await self._services.post(
                "escalation",
                f"/v1/escalations/{escalation_id}/{name.replace('_', '-')}",
                self._viewer,
                sent.body or None,
                if_match=form.version if ACTIONS[name].needs_version else None,
            )
        except (ServiceProblemError, ServiceUnavailableError) as error:
            await self._release(form.submission)
            return self._failure(name, form, error)
        except Exception:
            await self._release(form.submission)
            raise
        return Outcome(HTTPStatus.OK, done_text(name, escalation, self._reader), escalation)

    def _failure(
        self,
        name: ActionName,
        form: FormState,
        error: ServiceProblemError | ServiceUnavailableError,
    ) -> Outcome:
        _ = self._reader.texts.gettext
        if isinstance(error, ServiceUnavailableError):
            text = _(
                "%(part)s: no answer. Check whether it was done before you send it again.",
                part=_(SERVICES[error.service]),
            )
            return _again(name, form, Outcome(HTTPStatus.SERVICE_UNAVAILABLE, text))
        current = error.document.get("current")
        if current is not None:
            said = problem_text(error.document, self._reader)
            text = conflict_text(current, said, self._reader)
            form = replace(form, version=error.headers.get("etag", form.version))
            return _again(name, form, Outcome(error.status, text, current))
        names = {field.name for field in FIELDS[name]}
        problems = form_problems(error.document, names, self._reader)
        form = replace(form, problems=problems.by_field)
        return _again(name, form, Outcome(error.status, problems.whole or ""))

    async def _claim(self, submission: str) -> bool:
        """Return whether this sending of a form is the first; forms without a name always are."""
        if not submission:
            return True
        async with self._database.transaction() as uow:
            return await uow.submissions.claim(self._viewer.person, submission, uow.now)

    async def _release(self, submission: str) -> None:
        """Let the form be sent again, since nothing was done."""
        if submission:
            async with self._database.transaction() as uow:
                await uow.submissions.release(self._viewer.person, submission)


def _again(name: ActionName, form: FormState, outcome: Outcome) -> Outcome:
    """Show the form again if there is one, with what was written in it."""
    if not ACTIONS[name].asks_first:
        return outcome
    return replace(outcome, form=replace(form, problem=outcome.text))
