"""The environment variables of escalation, in addition to those of every service."""

from pydantic import Field, SecretStr

from common.service.settings import ServiceSettings


class Settings(ServiceSettings):
    complaints_per_day: int = Field(
        default=5,
        ge=1,
        le=1000,
        description="how many complaints about people one colleague may raise within 24 hours",
    )
    feed_secret: SecretStr = Field(
        default=SecretStr(""),
        description="signs links of calendar feeds; the same for all replicas; no links if empty",
    )
