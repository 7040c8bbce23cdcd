"""The environment variables of escalation, in addition to those of every service."""

from pydantic import Field, SecretStr

from common.service.settings import ServiceSettings


class Settings(ServiceSettings):
    feed_secret: SecretStr = Field(
        default=SecretStr(""),
        description="signs links of calendar feeds; the same for all replicas; no links if empty",
    )
