"""The environment variables of escalation, in addition to those of every service."""

from pydantic import Field

from common.service.settings import ServiceSettings, SigningSecrets
from escalation.domain.visibility import Visibility


class Settings(ServiceSettings):
    complaints_per_day: int = Field(
        default=5,
        ge=1,
        le=1000,
        description="how many complaints about people one colleague may raise within 24 hours",
    )
    feed_secret: SigningSecrets = Field(
        default=SigningSecrets(""),
        description="signs links of calendar feeds; the same for all replicas; no links if empty; "
        "several, separated by commas: the first signs, all verify",
    )
    public_url: str = Field(
        default="",
        pattern=r"^(https?://.+)?$",
        description="where calendar programs reach this service, for the links of feeds; where the "
        "link was asked for if empty",
    )
    visibility: Visibility = Field(
        default="team",
        description="whose escalations supervisors see and act on: `team`: of their teams, of the "
        "people who report to them, of contacts without a team, and what they were ever asked to "
        "do; or `all`",
    )
    max_streams: int = Field(
        default=500, ge=1, description="streams of events that one process keeps open"
    )
    max_streams_per_caller: int = Field(
        default=10, ge=1, description="streams that one caller may have open at one process"
    )
