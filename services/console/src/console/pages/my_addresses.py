"""How a person is reached: they enter, change, remove and order their addresses."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path
from starlette.responses import Response

from console.clients.services import Answer, ServiceProblemError
from console.pages.context import Page, PageContext
from console.views.etags import precondition, read_etag
from console.views.my_addresses import (
    FIELDS,
    AddressForm,
    Steps,
    address_form_view,
    address_of,
    address_problems,
    earlier,
    saved_values,
    steps_on,
    with_address,
    without_address,
)
from console.views.problem_texts import problem_text
from console.views.service_problems import FormProblems

router = APIRouter()

OwnMedium = Annotated[str, Path(pattern=f"^({'|'.join(FIELDS)})$")]
# What stays as it is, beside the rules and the language: they stay if they are left out.
_KEPT: Final = ("name", "time_zone")


@router.get("/notifications/addresses/{medium}")
async def show_address_form(medium: OwnMedium, page: Page) -> Response:
    """Show the form, filled in with the address that there is."""
    answer = await read_recipient(page)
    form = AddressForm(saved_values(_body(answer), medium), _etag(answer))
    return _show(medium, form, page, recipient=_body(answer))


@router.post("/notifications/addresses/{medium}")
async def save_address(medium: OwnMedium, page: Page) -> Response:
    """Enter an address, or another one in its place."""
    values = await page.read_form()
    recipient = _body(await read_recipient(page))
    before = recipient["media"] if recipient else ()
    media = with_address(before, medium, values)
    try:
        await _put(recipient, media, values, page)
    except ServiceProblemError as error:
        place = next(n for n, each in enumerate(media) if each["medium"] == medium)
        problems = address_problems(error.document, medium, place, page.reader)
        # Who sends it again has read what is wrong: also that somebody else has changed it.
        again = await read_recipient(page)
        form = AddressForm(values, _etag(again), problems)
        return _show(medium, form, page, recipient=recipient, status=error.status)
    return page.lead_to("/notifications?done=address")


@router.post("/notifications/addresses/{medium}/remove")
async def remove_address(medium: OwnMedium, page: Page) -> Response:
    """Remove it; steps that name it go on without it."""
    values = await page.read_form()
    recipient = _body(await read_recipient(page))
    if recipient is None or address_of(recipient, medium) is None:
        return page.lead_to("/notifications?done=removed")
    media = without_address(recipient["media"], medium)
    steps = steps_on([each["medium"] for each in media], recipient["steps"])
    return await _put_or_show(medium, recipient, media, values, page, done="removed", steps=steps)


@router.post("/notifications/addresses/{medium}/earlier")
async def move_address(medium: OwnMedium, page: Page) -> Response:
    """Let it come a place earlier."""
    values = await page.read_form()
    recipient = _body(await read_recipient(page))
    if recipient is None:
        return page.lead_to("/notifications")
    media = earlier(recipient["media"], medium)
    return await _put_or_show(medium, recipient, media, values, page, done="order")


async def read_recipient(page: PageContext) -> Answer | None:
    """Return what notifier has, with its ETag; None if there is nothing yet."""
    try:
        return await page.services.fetch("notifier", recipient_path(page), page.viewer)
    except ServiceProblemError as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
        return None


def recipient_path(page: PageContext) -> str:
    return f"/v1/recipients/{page.viewer.person}"


async def _put_or_show(
    medium: str,
    recipient: Mapping[str, Any],
    media: Sequence[Mapping[str, Any]],
    values: Mapping[str, str],
    page: PageContext,
    *,
    done: str,
    steps: Steps | None = None,
) -> Response:
    """Put it; a refusal is shown above the form of the address, with what there is now."""
    try:
        await _put(recipient, media, values, page, steps=steps)
    except ServiceProblemError as error:
        again = await read_recipient(page)
        problems = FormProblems(whole=problem_text(error.document, page.reader))
        form = AddressForm(saved_values(_body(again), medium), _etag(again), problems)
        return _show(medium, form, page, recipient=_body(again), status=error.status)
    return page.lead_to(f"/notifications?done={done}")


async def _put(
    recipient: Mapping[str, Any] | None,
    media: Sequence[Mapping[str, Any]],
    values: Mapping[str, str],
    page: PageContext,
    *,
    steps: Steps | None = None,
) -> None:
    """Put it if nobody has changed what the form was made from; without `steps` they stay.

    The steps may name a medium that the person no longer has: put again they would be refused.
    """
    rest: dict[str, Any]
    if recipient is None:
        rest = {
            "name": page.reader.name(page.viewer.person),
            "time_zone": page.reader.texts.zone.key,
        }
    else:
        rest = {name: recipient[name] for name in _KEPT}
    if steps is not None:
        rest["steps"] = steps
    await page.services.send(
        "notifier",
        "PUT",
        recipient_path(page),
        page.viewer,
        body={**rest, "media": media},
        headers=precondition(read_etag(values.get("etag"))),
    )


def _show(
    medium: str,
    form: AddressForm,
    page: PageContext,
    *,
    recipient: Mapping[str, Any] | None,
    status: int = HTTPStatus.OK,
) -> Response:
    is_new = address_of(recipient, medium) is None
    view = address_form_view(medium, form, page.reader, is_new=is_new)
    return page.render("my_address.html", status, form=view)


def _body(answer: Answer | None) -> Mapping[str, Any] | None:
    return None if answer is None else answer.body


def _etag(answer: Answer | None) -> str:
    return (answer.etag or "") if answer else ""
