"""On which devices a person is notified: each is added in the browser that shows it."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import Depends, Path, Response
from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from common.core.ids import derived_id
from common.http.access import StaffUser, require_role
from common.http.app import RequestModel, ShortText
from common.http.examples import ACTED_AT, with_examples
from common.http.pagination import Page
from common.http.routes import ApiRouter
from notifier.api.deps import UUID, NotifierDatabase, caller_of, refusals, transaction
from notifier.api.recipients import RecipientPath
from notifier.channels.web_push import WebPush
from notifier.domain import errors
from notifier.domain.recipients import Device
from notifier.use_cases import devices
from notifier.web_push.vapid import decode

_POINT_BYTES: Final = 65
_SECRET_BYTES: Final = 16
_EXAMPLE: Final = {
    "device_id": "5b0e4c1a-3d52-5c1f-9d6a-2f4b8e7a1c30",
    "name": "Firefox on Android",
    "added_at": ACTED_AT,
}


def _of_bytes(length: int) -> AfterValidator:
    def check(text: str) -> str:
        try:
            count = len(decode(text))
        except ValueError:
            count = 0
        if count != length:
            raise ValueError(f"must be {length} bytes in base64url")
        return text

    return AfterValidator(check)


DevicePath = Annotated[
    str,
    Path(pattern=UUID, description="The device's id.", examples=[str(_EXAMPLE["device_id"])]),
]


class DeviceIn(RequestModel):
    """What the browser answers to `PushManager.subscribe`."""

    model_config = with_examples(
        {
            "name": "Firefox on Android",
            "endpoint": "https://updates.push.services.mozilla.com/wpush/v2/gAAAA",
            # Of RFC 8291, appendix A.
            "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcx"
            "aOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
            "auth": "BTBZMqHH6r4Tts7J_aSIgg",
        }
    )

    name: ShortText = Field(description="By which the person recognizes it.")
    endpoint: Annotated[str, StringConstraints(max_length=1000, pattern=r"^https?://[!-~]+$")] = (
        Field(description="Where the browser's push service takes messages for it.")
    )
    p256dh: Annotated[str, StringConstraints(max_length=100), _of_bytes(_POINT_BYTES)] = Field(
        description="The browser's public key."
    )
    auth: Annotated[str, StringConstraints(max_length=100), _of_bytes(_SECRET_BYTES)] = Field(
        description="The browser's secret."
    )


class DeviceOut(BaseModel):
    model_config = with_examples(_EXAMPLE)

    device_id: str = Field(description="The device's id.")
    name: str = Field(description="By which the person recognizes it.")
    added_at: datetime = Field(description="When it was added.")


class WebPushOut(BaseModel):
    model_config = with_examples({"public_key": "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27ml"})

    public_key: str | None = Field(
        description="With which browsers subscribe; null if nobody is notified on devices."
    )


def make_router(channel: WebPush) -> ApiRouter:
    router = ApiRouter(prefix="/v1", tags=["devices"])

    @router.get(
        "/web-push",
        dependencies=[Depends(require_role("representative", "supervisor", "manager"))],
    )
    async def show_web_push() -> WebPushOut:
        """Show what a browser needs to subscribe to notifications."""
        return WebPushOut(public_key=channel.key.public if channel.key else None)

    @router.post(
        "/recipients/{person_id}/devices",
        status_code=HTTPStatus.CREATED,
        responses=refusals(
            errors.RecipientForbiddenError,
            errors.DeviceForbiddenError,
            errors.WebPushOffError,
            errors.PushServiceError,
        ),
    )
    async def add_device(
        person_id: RecipientPath, body: DeviceIn, database: NotifierDatabase, principal: StaffUser
    ) -> DeviceOut:
        """Notify the person on one more device: only they can add it.

        The same browser again replaces its device, also that of another person who used it before.
        Of more than ten the oldest is removed.
        """
        async with transaction(database) as uow:
            device = Device(
                device_id=derived_id("device", body.endpoint),
                name=body.name,
                endpoint=body.endpoint,
                p256dh=body.p256dh,
                auth=body.auth,
                added_at=uow.now,
            )
            if channel.key is None:
                raise errors.WebPushOffError
            if not channel.services.admits(body.endpoint):
                raise errors.PushServiceError
            await devices.add_device(caller_of(principal), person_id, device, uow)
        return _out(device)

    @router.get(
        "/recipients/{person_id}/devices", responses=refusals(errors.RecipientForbiddenError)
    )
    async def list_devices(
        person_id: RecipientPath, database: NotifierDatabase, principal: StaffUser
    ) -> Page[DeviceOut]:
        """List the devices on which the person is notified: at most ten, so there is one page."""
        async with transaction(database) as uow:
            listed = await devices.list_devices(caller_of(principal), person_id, uow)
        return Page(items=[*map(_out, listed)], next_cursor=None)

    @router.delete(
        "/recipients/{person_id}/devices/{device_id}",
        status_code=HTTPStatus.NO_CONTENT,
        responses=refusals(errors.RecipientForbiddenError, errors.DeviceNotFoundError),
    )
    async def remove_device(
        person_id: RecipientPath,
        device_id: DevicePath,
        database: NotifierDatabase,
        principal: StaffUser,
    ) -> Response:
        """Notify the person no longer on this device."""
        async with transaction(database) as uow:
            await devices.remove_device(caller_of(principal), person_id, device_id, uow)
        return Response(status_code=HTTPStatus.NO_CONTENT)

    return router


def _out(device: Device) -> DeviceOut:
    return DeviceOut(device_id=device.device_id, name=device.name, added_at=device.added_at)
