"""The environment variables of router, in addition to those of every service."""

from datetime import timedelta

from pydantic import Field

from common.contracts.needs import ContactTopic, LanguageTag
from common.service.settings import ServiceSettings
from router.domain.needs import Need
from router.domain.routing.strategies import ABSENCE_GRACE, FALLBACK, TEAM_WAIT, RoutingPolicy


class Settings(ServiceSettings):
    absence_grace_s: int = Field(
        default=int(ABSENCE_GRACE.total_seconds()),
        ge=0,
        le=7 * 24 * 3600,
        description="seconds after which the assigned contacts of a representative who is offline "
        "or inactive return to the queue; 0: they stay",
    )
    fallback_skill: ContactTopic = Field(
        default=FALLBACK.skill,
        description="the skill of those who get contacts with a topic that nobody serves",
    )
    fallback_language: LanguageTag = Field(
        default=FALLBACK.language,
        description="the language in which contacts are answered whose language nobody speaks",
    )

    team_wait_s: int = Field(
        default=int(TEAM_WAIT.total_seconds()),
        ge=0,
        le=24 * 3600,
        description="seconds that a contact with a team waits for people of that team only, then "
        "for everybody who fits; 0: it is never kept from others",
    )

    @property
    def routing_policy(self) -> RoutingPolicy:
        grace = timedelta(seconds=self.absence_grace_s) if self.absence_grace_s else None
        fallback = Need(self.fallback_skill, self.fallback_language)
        return RoutingPolicy(
            absence_grace=grace,
            fallback=fallback,
            team_wait=timedelta(seconds=self.team_wait_s),
        )
