"""Templates of messages that are set in place of the shipped ones: for managers and admins."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import Depends, Path, Response
from pydantic import BaseModel, Field, StringConstraints, TypeAdapter

from common.contracts.notifications import Medium
from common.core.preconditions import Precondition
from common.http.access import ManagerUser
from common.http.app import RequestModel
from common.http.examples import ACTED_AT, MANAGER, with_examples
from common.http.if_match import IfMatch, WritePrecondition, etag
from common.http.pagination import Cursor, Limit, Page, decode_cursor
from common.http.problems import invalid
from common.http.routes import ApiRouter
from notifier.api.deps import NotifierDatabase, get_content_levels, refusals, transaction
from notifier.domain import errors
from notifier.domain.content_levels import ContentLevels
from notifier.domain.message_templates import (
    MAX_BODY_SOURCE,
    MAX_TITLE_SOURCE,
    TEMPLATE_KINDS,
    TEMPLATE_MEDIA,
    MessageTemplate,
    TemplateKey,
    TemplateKind,
)
from notifier.domain.recipients import Language
from notifier.message_templates import shipped
from notifier.message_templates.checking import try_template
from notifier.message_templates.limits import limits_of
from notifier.message_templates.variables import LISTS, TEXTS
from notifier.store.unit_of_work import UnitOfWork
from notifier.use_cases import message_templates

router = ApiRouter(prefix="/v1/templates", tags=["templates"])

_VERSION: Final = TypeAdapter(Annotated[int, Field(ge=1)])
_KEY: Final = TypeAdapter(Annotated[str, StringConstraints(max_length=100)])
Levels = Annotated[ContentLevels, Depends(get_content_levels)]
_EXAMPLE: dict[str, Any] = {
    "title": "{{ headline }}",
    "body": "{{ headline }}\n{{ deadline }}\n{% for line in details %}\n- {{ line }}\n{% endfor %}",
}

_SET: dict[str, Any] = {
    "medium": "email",
    "kind": "raised",
    "language": "de",
    "version": 3,
    "is_shipped": False,
    **_EXAMPLE,
    "changed_at": ACTED_AT,
    "changed_by": MANAGER,
}


async def _key(
    medium: Annotated[Medium, Path(description="The medium.", examples=["email"])],
    reason: Annotated[
        TemplateKind,
        Path(
            description="The reason of the message; `any`: all reasons without their own.",
            examples=["raised"],
        ),
    ],
    language: Annotated[Language, Path(description="The language of the reader.", examples=["de"])],
) -> TemplateKey:
    if medium not in TEMPLATE_MEDIA:
        used = ", ".join(TEMPLATE_MEDIA)
        detail = f"A template for {medium} would never be used. There are templates for {used}."
        raise invalid(("path/medium", detail))
    if reason not in TEMPLATE_KINDS:
        raise invalid(("path/reason", f"There are no templates of {reason}."))
    return TemplateKey(medium, reason, language)


Key = Annotated[TemplateKey, Depends(_key)]
TitleSource = Annotated[str, StringConstraints(min_length=1, max_length=MAX_TITLE_SOURCE)]
BodySource = Annotated[str, StringConstraints(min_length=1, max_length=MAX_BODY_SOURCE)]


class TemplateIn(RequestModel):
    model_config = with_examples(_EXAMPLE)

    title: TitleSource = Field(
        description="Jinja2: the subject of a mail, what a phone shows of a message in Slack."
    )
    body: BodySource = Field(
        description="Jinja2: the text, in the markup of the medium. Links and buttons are added."
    )


class TemplateOut(BaseModel):
    model_config = with_examples(_SET)

    medium: Medium = Field(description="The medium.")
    kind: str = Field(description="The reason of the message, or `any`.")
    language: str = Field(description="The language of the reader.")
    version: int | None = Field(description="Null if it was never set.")
    is_shipped: bool = Field(description="Whether the shipped template is used.")
    title: str = Field(description="Its source. Of the shipped one: one that writes about as much.")
    body: str = Field(description="Its source, as the title.")
    changed_at: datetime | None = Field(description="When this version was set.")
    changed_by: str | None = Field(description="Who set it.")


class TemplateDetailOut(TemplateOut):
    model_config = with_examples(
        {
            **_SET,
            "variables": {"headline": TEXTS["headline"]},
            "lists": {"details": LISTS["details"]},
            "longest_title": 200,
            "longest_body": 20000,
        }
    )

    variables: dict[str, str] = Field(description="What a template may write.")
    lists: dict[str, str] = Field(description="What it may loop over: `for line in details`.")
    longest_title: int = Field(description="How many characters the rendered title may have.")
    longest_body: int = Field(description="How many characters the rendered body may have.")


class PreviewIn(TemplateIn):
    model_config = with_examples(
        {"medium": "email", "kind": "raised", "language": "de", **_EXAMPLE}
    )

    medium: Medium = Field(description="The medium.")
    kind: TemplateKind = Field(description="The reason of the message, or `any`.")
    language: Language = Field(description="The language of the reader.")


class SampleOut(BaseModel):
    model_config = with_examples(
        {"reason": "raised", "data": "usual", "title": "Email from Ada", "body": "Answer soon."}
    )

    reason: str = Field(description="The reason of the message.")
    data: str = Field(description="Which made-up data: `usual`, `shortest` or `longest`.")
    title: str = Field(description="What was rendered.")
    body: str = Field(description="What was rendered.")


class TemplateProblemOut(BaseModel):
    part: str = Field(description="`title` or `body`.")
    detail: str = Field(description="What is wrong, and in which line.")


class PreviewOut(BaseModel):
    model_config = with_examples(
        {
            "samples": [
                {"reason": "raised", "data": "usual", "title": "Email", "body": "Answer soon."}
            ],
            "problems": [],
        }
    )

    samples: list[SampleOut] = Field(description="What it writes for made-up data.")
    problems: list[TemplateProblemOut] = Field(
        description="Why it can't be saved; none: it can be."
    )


@asynccontextmanager
async def _checked(database: NotifierDatabase) -> AsyncIterator[UnitOfWork]:
    """Open a transaction; what is wrong with a template becomes a problem of its field."""
    try:
        async with transaction(database) as uow:
            yield uow
    except errors.TemplateInvalidError as error:
        raise invalid(*((f"body/{part}", text) for part, text in error.problems)) from error


@router.get("")
async def list_templates(
    _caller: ManagerUser, database: NotifierDatabase, cursor: Cursor = None, limit: Limit = 50
) -> Page[TemplateOut]:
    """List the templates that are set in place of shipped ones."""
    after = decode_cursor(cursor, _KEY, {})
    async with transaction(database) as uow:
        listed = await uow.message_templates.in_force()
    rest = [each for each in listed if after is None or str(each.key) > after]
    ordered = sorted(rest, key=lambda each: str(each.key))[: limit + 1]
    return Page.of(ordered, limit, key=lambda each: str(each.key), show=_shown, filters={})


@router.post("/preview")
async def preview_template(body: PreviewIn, _caller: ManagerUser, levels: Levels) -> PreviewOut:
    """Render a template with made-up data, and say why it could not be saved. It saves nothing."""
    key = await _key(body.medium, body.kind, body.language)
    trial = try_template(key, body.title, body.body, levels.of(key.medium))
    return PreviewOut(
        samples=[
            SampleOut(reason=each.reason, data=each.name, title=each.title, body=each.body)
            for each in trial.samples
        ],
        problems=[
            TemplateProblemOut(part=each.part, detail=each.detail) for each in trial.problems
        ],
    )


@router.get("/{medium}/{reason}/{language}")
async def show_template(
    key: Key, _caller: ManagerUser, database: NotifierDatabase, response: Response
) -> TemplateDetailOut:
    """Show the template for a medium, a reason and a language, and what it may write.

    Where none is set, `title` and `body` are a starting point.
    """
    async with transaction(database) as uow:
        template = await uow.message_templates.latest(key)
    if template is not None:
        response.headers["ETag"] = etag(template.version)
    return _detail(key, template)


@router.put("/{medium}/{reason}/{language}", responses=refusals(errors.StaleTemplateError))
async def set_template(
    key: Key,
    body: TemplateIn,
    caller: ManagerUser,
    precondition: WritePrecondition,
    levels: Levels,
    database: NotifierDatabase,
    response: Response,
) -> TemplateOut:
    """Set the template. It is tried with made-up data first: one that fails is not saved."""
    async with _checked(database) as uow:
        saved = await message_templates.save_template(
            key, body.title, body.body, caller.actor, precondition, levels, uow
        )
    response.headers["ETag"] = etag(saved.version)
    return _shown(saved)


@router.delete(
    "/{medium}/{reason}/{language}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=refusals(errors.StaleTemplateError),
)
async def remove_template(
    key: Key, caller: ManagerUser, if_match: IfMatch, database: NotifierDatabase
) -> Response:
    """Use the shipped template again. What was set stays in the history."""
    async with transaction(database) as uow:
        await message_templates.restore_shipped(key, caller.actor, Precondition(if_match), uow)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.get("/{medium}/{reason}/{language}/versions")
async def list_template_versions(
    key: Key,
    _caller: ManagerUser,
    database: NotifierDatabase,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[TemplateOut]:
    """List what the template was, the latest first."""
    filters = {"key": str(key)}
    before = decode_cursor(cursor, _VERSION, filters)
    async with transaction(database) as uow:
        listed = await uow.message_templates.versions(key, before, limit + 1)
    return Page.of(listed, limit, key=lambda each: each.version, show=_shown, filters=filters)


@router.post(
    "/{medium}/{reason}/{language}/versions/{version}/restore",
    responses=refusals(errors.StaleTemplateError, errors.TemplateVersionNotFoundError),
)
async def restore_template(
    key: Key,
    version: Annotated[int, Path(ge=1, lt=2**31, description="The version.", examples=[2])],
    caller: ManagerUser,
    if_match: IfMatch,
    levels: Levels,
    database: NotifierDatabase,
    response: Response,
) -> TemplateOut:
    """Go back to an earlier version, which becomes the latest one."""
    async with _checked(database) as uow:
        saved = await message_templates.restore_version(
            key, version, caller.actor, Precondition(if_match), levels, uow
        )
    response.headers["ETag"] = etag(saved.version)
    return _shown(saved)


def _shown(template: MessageTemplate) -> TemplateOut:
    return TemplateOut(**_fields(template.key, template))


def _detail(key: TemplateKey, template: MessageTemplate | None) -> TemplateDetailOut:
    limits = limits_of(key.medium)
    return TemplateDetailOut(
        **_fields(key, template),
        variables=dict(TEXTS),
        lists=dict(LISTS),
        longest_title=limits.title,
        longest_body=limits.body,
    )


def _fields(key: TemplateKey, template: MessageTemplate | None) -> dict[str, Any]:
    is_shipped = template is None or template.body is None
    return {
        "medium": key.medium,
        "kind": key.kind,
        "language": key.language,
        "version": template.version if template else None,
        "is_shipped": is_shipped,
        "title": (template and template.title) or shipped.TITLE,
        "body": (template and template.body) or shipped.body_of(key.medium),
        "changed_at": template.changed_at if template else None,
        "changed_by": template.changed_by if template else None,
    }
