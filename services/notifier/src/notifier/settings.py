"""What notifier reads from the environment, beside what every service reads."""

from pydantic import Field, SecretStr

from common.service.settings import ServiceSettings
from notifier.channels.email import Security


class Settings(ServiceSettings):
    public_url: str = Field(
        default="http://127.0.0.1:8000",
        description="where people reach this service; links begin with it",
    )
    link_secret: SecretStr = Field(
        default=SecretStr(""), description="signs the links; the same for all replicas"
    )
    link_max_age_hours: float = Field(default=24, gt=0)
    slack_api_url: str = "https://slack.com/api"
    slack_token: SecretStr = Field(default=SecretStr(""), description="the app's bot token")
    slack_signing_secret: SecretStr = Field(
        default=SecretStr(""), description="without it every press of a button is refused"
    )
    smtp_host: str = "localhost"
    smtp_port: int = 25
    smtp_tls: Security = "starttls"
    smtp_user: str = Field(default="", description="empty: no authentication")
    smtp_password: SecretStr = SecretStr("")
    mail_from: str = "Upstairs <upstairs@localhost>"
    delivery_slots: int = Field(default=16, ge=1, description="calls at a time on each medium")
    delivery_attempts: int = Field(default=8, ge=1, description="tries of one notification")
    delivery_timeout_seconds: float = Field(
        default=5, gt=0, description="of one call; twice that and the attempt counts as lost"
    )
