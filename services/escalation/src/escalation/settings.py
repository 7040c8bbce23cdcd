"""What escalation reads from the environment, beside what every service reads."""

from pydantic import Field, SecretStr

from common.service.settings import ServiceSettings


class Settings(ServiceSettings):
    feed_secret: SecretStr = Field(
        default=SecretStr(""),
        description="signs the links of calendar feeds; the same for all replicas; empty: no links",
    )
