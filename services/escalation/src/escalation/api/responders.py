"""Who would be asked at each level of a ladder: for a contact as it is, or for any."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

from fastapi import Path, Query
from pydantic import Field

from common.contracts.contract import Instant
from common.contracts.event import ContactId, EscalationId, PersonId, TeamId
from common.contracts.notifications import Medium
from common.http.access import SupervisorUser
from common.http.app import ContactPath, RequestModel, Slug
from common.http.examples import with_examples
from common.http.problems import invalid
from common.http.routes import ApiRouter
from escalation.api.deps import EscalationDatabase, StaffViewer, refusals, transaction
from escalation.api.examples import CONTACT_RESPONDERS, LADDER_ID, LADDER_PREVIEW
from escalation.api.schemas import Out, SettingRefOut, VacancyOut
from escalation.api.settings import get_or_404
from escalation.domain import wording
from escalation.domain.errors import ContactNotFoundError, SettingNotFoundError
from escalation.domain.escalations.climbing import select_ladder
from escalation.domain.ladder_preview import LevelPreview, RuleKind, preview, preview_for
from escalation.domain.settings.ladders import Ladder, Level
from escalation.domain.situation import Situation
from escalation.domain.types import SettingId, StaffId
from escalation.store.unit_of_work import UnitOfWork

LadderPath = Annotated[Slug, Path(examples=[LADDER_ID])]

router = ApiRouter(prefix="/v1", tags=["responders"])


class PreviewQuery(RequestModel):
    at: Instant | None = Field(None, description="now if not given; not in the past")
    representative_id: StaffId | None = Field(
        None, description="whose reporting line counts; without it such a rule finds nobody"
    )
    team_id: SettingId | None = Field(None, description="the contact's team")


class PersonAskedOut(Out):
    person_id: PersonId = Field(description="Who would be asked.")
    reason: str = Field(description="The rule of the level that finds the person, in words.")
    rule: RuleKind = Field(description="The kind of that rule.")
    setting_id: str | None = Field(
        description="The duty schedule or the team of that rule; null for the others."
    )
    stands_in: bool = Field(
        description="Whether it is somebody else's turn, which an override or a swap gave away, or"
        " whom the person stands in for."
    )
    on_duty_until: datetime | None = Field(
        description="When the person's duty at this level ends; null if nothing ends it."
    )
    media: tuple[Medium, ...] = Field(
        description="On what media the person would be paged; without any no message reaches them."
    )


class LevelPreviewOut(Out):
    level: int = Field(description="The number of the level, from 0.")
    name: str = Field(description="Its name.")
    ask: str = Field(description="`all` at once, or `in_turn`, one after another.")
    acknowledge_within_s: float = Field(description="Seconds that they have to answer.")
    people: list[PersonAskedOut] = Field(
        description="Who would be asked, in this order; the level is passed at once if nobody is."
    )
    skipped: list[str] = Field(description="Who would not be asked, and why, in words.")
    vacancies: list[VacancyOut] = Field(
        description="The same as data, in the same order, to be said in another language."
    )


class LadderPreviewOut(Out):
    model_config = with_examples(LADDER_PREVIEW)

    ladder: SettingRefOut = Field(description="The ladder.")
    at: datetime = Field(description="The instant of the answer.")
    levels: list[LevelPreviewOut] = Field(description="Its levels, lowest first.")


@router.get("/ladders/{setting_id}/who", responses=refusals(SettingNotFoundError))
async def show_people_asked(
    setting_id: LadderPath,
    query: Annotated[PreviewQuery, Query()],
    database: EscalationDatabase,
    _caller: SupervisorUser,
) -> LadderPreviewOut:
    """Show who would be asked at each level, now or at a later instant, and who is skipped and why.

    By the settings as they are now. People whom a complaint is about are left out only for the
    contact it concerns.
    """
    async with transaction(database) as uow:
        ladder = await get_or_404(Ladder, setting_id, uow)
        configuration, now = await uow.settings.in_force(), uow.now
        if query.at is not None and query.at < now:
            detail = "It is past: GET /v1/duty-schedules/{id}/on-duty tells who was on duty then."
            raise invalid(("query/at", detail))
        at = query.at or now
        team_id = None if query.team_id is None else TeamId(query.team_id)
        levels = preview(configuration, ladder.body, at, query.representative_id, team_id)
        shown = await _show(levels, ladder.body, uow)
    return LadderPreviewOut(ladder=SettingRefOut.model_validate(ladder.ref), at=at, levels=shown)


class ContactRespondersOut(Out):
    model_config = with_examples(CONTACT_RESPONDERS)

    contact_id: ContactId = Field(description="The contact.")
    escalation_id: EscalationId | None = Field(
        description="Its open escalation; null if there is none yet."
    )
    level: int | None = Field(description="The level at which that is; null without one.")
    ladder: SettingRefOut | None = Field(
        description="The ladder of that escalation, or the one that it would get now; null if there"
        " is none: operations are paged."
    )
    at: datetime = Field(description="The time of this answer.")
    levels: list[LevelPreviewOut] = Field(description="The ladder's levels, lowest first.")


@router.get("/contacts/{contact_id}/responders", responses=refusals(ContactNotFoundError))
async def show_responders(
    contact_id: ContactPath,
    database: EscalationDatabase,
    _caller: SupervisorUser,
    viewer: StaffViewer,
) -> ContactRespondersOut:
    """Show who would be asked about this contact now, at each level, and who not and why.

    It asks nobody. Whom a complaint in its open escalation is about is left out.
    """
    async with transaction(database) as uow:
        contact = await uow.visible_contact(contact_id, viewer)
        escalation = None
        if contact.escalation_id is not None:
            escalation = await uow.escalations.get(contact.escalation_id)
        situation = Situation(contact, escalation, await uow.settings.in_force(), uow.now)
        severity = escalation.severity if escalation else contact.severity
        ladder = escalation.ladder if escalation else select_ladder(situation, severity)
        levels = await _show(preview_for(situation, ladder.body), ladder.body, uow)
    return ContactRespondersOut(
        contact_id=contact_id,
        escalation_id=contact.escalation_id,
        level=None if escalation is None else escalation.level,
        ladder=SettingRefOut.model_validate(ladder.ref) if ladder.body.levels else None,
        at=situation.at,
        levels=levels,
    )


async def _show(
    previews: Sequence[LevelPreview], ladder: Ladder, uow: UnitOfWork
) -> list[LevelPreviewOut]:
    people = {person.person_id for each in previews for person in each.people}
    media = await uow.staff.media_of(people)
    return [
        LevelPreviewOut(
            level=each.level,
            name=level.name,
            ask=level.ask,
            acknowledge_within_s=level.acknowledge_within_s,
            people=[
                PersonAskedOut.model_validate(
                    {**asdict(person), "media": _media(level, media.get(person.person_id, ()))}
                )
                for person in each.people
            ],
            skipped=[wording.vacancy(vacancy) for vacancy in each.vacancies],
            vacancies=[VacancyOut.model_validate(vacancy) for vacancy in each.vacancies],
        )
        for each, level in zip(previews, ladder.levels, strict=True)
    ]


def _media(level: Level, own: tuple[Medium, ...]) -> tuple[Medium, ...]:
    """Return those of the level that the person has; without any of them all the person's."""
    wanted = tuple(medium for medium in own if level.media and medium in level.media)
    return wanted or own
