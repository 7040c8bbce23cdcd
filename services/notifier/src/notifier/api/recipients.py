"""Who can be notified, and where: for the person, the managers above, and admins."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import Path, Query, Response
from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    StringConstraints,
    TypeAdapter,
)

from common.contracts.escalations import Severity
from common.contracts.event import PersonId
from common.contracts.notifications import Medium
from common.http.access import StaffUser
from common.http.app import PersonPath, Slug
from common.http.contact_methods import require_each_medium_once
from common.http.examples import (
    ACTED_AT,
    EVENT_ID,
    MANAGER,
    PEOPLE,
    SUPERVISOR,
    contact_method,
    with_examples,
)
from common.http.if_match import WritePrecondition, etag
from common.http.pagination import Cursor, Limit, Page, decode_cursor
from common.http.routes import ApiRouter
from notifier.api.deps import (
    UUID,
    NotifierDatabase,
    Sealer,
    caller_of,
    refusals,
    transaction,
)
from notifier.api.rule_schemas import LateStepOut, RecipientFields
from notifier.channels.base import Channel, ChannelAddress, address_type
from notifier.domain import errors
from notifier.domain.delivery_rules import LateStep, QuietHours, Steps
from notifier.domain.recipients import (
    Address,
    ContactMethods,
    Recipient,
    RecipientChange,
)
from notifier.domain.verification import verified_at
from notifier.use_cases import recipients

_KEY = TypeAdapter(Slug)
ReachableQuery = Annotated[
    bool | None,
    Query(description="Only who has an address, or only who has none and has not left."),
]
_CHANGE_KEY = TypeAdapter(Annotated[str, StringConstraints(pattern=UUID)])
_EXAMPLE: dict[str, Any] = {
    "name": PEOPLE[SUPERVISOR]["name"],
    "media": [contact_method(SUPERVISOR, "slack"), contact_method(SUPERVISOR, "email")],
    "time_zone": "Europe/Madrid",
    "steps": {
        "critical": [
            {"after_minutes": 0, "media": ["slack"]},
            {"after_minutes": 2, "media": ["email"]},
        ]
    },
    "quiet_hours": {
        "periods": [
            {"days": ["mon", "tue", "wed", "thu", "fri"], "begins": "22:00", "ends": "07:00"}
        ],
        "unless_severity": "critical",
    },
    "language": "en",
}
RecipientPath = Annotated[PersonPath, Path(examples=[SUPERVISOR])]


def _shown(
    media: Sequence[Address], types: Mapping[Medium, type[ChannelAddress]]
) -> tuple[ChannelAddress, ...]:
    """Return the addresses of the channels that this version has."""
    return tuple(types[stored.medium].shown(stored) for stored in media if stored.medium in types)


def _require_allowed(media: Sequence[Address], channels: Sequence[Channel]) -> None:
    by_medium = {channel.medium: channel for channel in channels}
    for address in media:
        if not by_medium[address.medium].allows(address):
            raise errors.ContactMethodNotAllowedError


def _fields(
    methods: ContactMethods, types: Mapping[Medium, type[ChannelAddress]]
) -> dict[str, Any]:
    return {
        "name": methods.name,
        "media": _shown(methods.media, types),
        "time_zone": methods.time_zone,
        "steps": dict(methods.rules.steps),
        "quiet_hours": methods.rules.quiet_hours,
        "language": methods.language,
    }


def make_router(channels: Sequence[Channel]) -> ApiRouter:
    """Make the routes for recipients that have addresses of these channels."""
    put = [channel for channel in channels if not channel.has_devices]
    address: Any = address_type(put)
    types = {channel.medium: channel.address for channel in put}

    class RecipientIn(RecipientFields):
        model_config = with_examples(_EXAMPLE)

        media: Annotated[tuple[address, ...], AfterValidator(require_each_medium_once)] = Field(
            description="The addresses, each medium at most once; none: the person is not notified."
        )

    class ContactMethodsOut(BaseModel):
        name: str = Field(description="The name that messages call the person by.")
        media: tuple[address, ...] = Field(description="The addresses, each medium at most once.")
        time_zone: str = Field(description="The zone of times in messages.")
        steps: dict[Severity, Steps] = Field(
            description="By severity, by which media after how long; none: all at once."
        )
        quiet_hours: QuietHours | None = Field(description="When what is not urgent waits.")
        language: str | None = Field(description="The language of messages; null: English.")

    class RecipientOut(ContactMethodsOut):
        model_config = with_examples(
            {"person_id": SUPERVISOR, **_EXAMPLE, "verified": {"slack": ACTED_AT}, "late_steps": []}
        )

        person_id: PersonId = Field(description="The person's id, the same in all services.")
        verified: dict[Medium, datetime] = Field(
            description="Since when addresses are verified: messages are known to arrive there."
        )
        late_steps: tuple[LateStepOut, ...] = Field(
            default=(),
            description="A warning: steps that come when the last pages had to be answered"
            " already. Only of a single recipient.",
        )

    class RecipientChangeOut(BaseModel):
        model_config = with_examples(
            {
                "change_id": EVENT_ID,
                "changed_at": ACTED_AT,
                "changed_by": MANAGER,
                "before": {**_EXAMPLE, "media": _EXAMPLE["media"][:1]},
                "after": _EXAMPLE,
                "refused_media": [],
            }
        )

        change_id: str = Field(description="Newer changes have greater ids.")
        changed_at: datetime = Field(description="When it was changed.")
        changed_by: str = Field(description="Who did it: a person, or a system as `admin:ops`.")
        before: ContactMethodsOut | None = Field(description="Null for a new recipient.")
        after: ContactMethodsOut = Field(description="What it was changed to.")
        refused_media: tuple[Medium, ...] = Field(
            description="Media whose new address, put in router, was not taken: another recipient"
            " has its user. The address before stays."
        )

    def out(recipient: Recipient, late: Sequence[LateStep] = ()) -> RecipientOut:
        return RecipientOut(
            person_id=recipient.person_id,
            verified=dict(verified_at(recipient)),
            late_steps=tuple(map(LateStepOut.model_validate, late)),
            **_fields(recipient.methods, types),
        )

    def methods_out(methods: ContactMethods) -> ContactMethodsOut:
        return ContactMethodsOut(**_fields(methods, types))

    def change_out(change: RecipientChange) -> RecipientChangeOut:
        return RecipientChangeOut(
            change_id=change.change_id,
            changed_at=change.changed_at,
            changed_by=change.changed_by,
            before=methods_out(change.before) if change.before else None,
            after=methods_out(change.after),
            refused_media=change.refused_media,
        )

    router = ApiRouter(prefix="/v1/recipients", tags=["recipients"])

    @router.put(
        "/{person_id}",
        responses=refusals(
            errors.RecipientForbiddenError,
            errors.StaleRecipientError,
            errors.ChannelUserTakenError,
            errors.OperationsAddressError,
            errors.OperationsQuietHoursError,
            errors.TooManyChangesError,
            errors.SecretAddressesOffError,
            errors.AddressIncompleteError,
            errors.ContactMethodNotAllowedError,
        ),
    )
    async def save(
        person_id: RecipientPath,
        body: RecipientIn,
        database: NotifierDatabase,
        principal: StaffUser,
        sealer: Sealer,
        precondition: WritePrecondition,
        response: Response,
    ) -> RecipientOut:
        """Set how a person is notified; it replaces what was set before.

        A person sets the own contact methods, managers those of the people below, an admin all and
        alone those of `operations`. `PUT /v1/people/{id}` in router sets them too; the last one
        counts. Steps, quiet hours and the language stay as they are if they are left out.
        Addresses that are no longer used get a message about it. If an address changes, links and
        buttons of earlier messages are void. The `url` of an address is a secret: it is never
        shown, and if it is left out, the one that was put before stays. With `If-Match`, the ETag
        that you have read, it is set only if nobody has changed it since.
        """
        async with transaction(database) as uow:
            _require_allowed([address.stored() for address in body.media], put)
            saved = await recipients.save_recipient(
                caller_of(principal), person_id, body.changed, sealer, uow, precondition
            )
            late = await recipients.read_late_steps(saved, uow)
        response.headers["ETag"] = etag(saved.version)
        return out(saved, late)

    @router.get(
        "/{person_id}",
        responses=refusals(errors.RecipientForbiddenError, errors.RecipientNotFoundError),
    )
    async def show(
        person_id: RecipientPath,
        database: NotifierDatabase,
        principal: StaffUser,
        response: Response,
    ) -> RecipientOut:
        """Show how a person is notified; a proof of an address does not change the ETag."""
        async with transaction(database) as uow:
            recipient = await recipients.read_recipient(caller_of(principal), person_id, uow)
            late = await recipients.read_late_steps(recipient, uow)
        response.headers["ETag"] = etag(recipient.version)
        return out(recipient, late)

    @router.get("/{person_id}/changes", responses=refusals(errors.RecipientForbiddenError))
    async def show_changes(
        person_id: RecipientPath,
        database: NotifierDatabase,
        principal: StaffUser,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Page[RecipientChangeOut]:
        """List who changed how a person is notified, and when, the latest first."""
        filters = {"person_id": person_id}
        before = decode_cursor(cursor, _CHANGE_KEY, filters)
        async with transaction(database) as uow:
            changes = await recipients.read_changes(
                caller_of(principal), person_id, before, limit + 1, uow
            )
        return Page.of(
            changes, limit, key=lambda change: change.change_id, show=change_out, filters=filters
        )

    @router.get("")
    async def show_all(
        database: NotifierDatabase,
        principal: StaffUser,
        reachable: ReachableQuery = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Page[RecipientOut]:
        """List recipients by person id: your own and those of the people below you.

        With `reachable=false` it tells whom no message can reach.
        """
        filters = {"reachable": reachable}
        last = decode_cursor(cursor, _KEY, filters)
        after = PersonId(last) if last else None
        async with transaction(database) as uow:
            page = await recipients.read_recipients(
                caller_of(principal), after, limit + 1, uow, reachable=reachable
            )
        return Page.of(
            page, limit, key=lambda recipient: recipient.person_id, show=out, filters=filters
        )

    return router
