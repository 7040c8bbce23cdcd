"""The environment variables of escalation, in addition to those of every service."""

from pydantic import Field

from common.service.settings import ServiceSettings, SigningSecrets


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
    max_streams: int = Field(
        default=500, ge=1, description="streams of events that one process keeps open"
    )
    max_streams_per_caller: int = Field(
        default=10, ge=1, description="streams that one caller may have open at one process"
    )
