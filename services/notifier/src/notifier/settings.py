"""The settings of the notifier, in addition to those of every service."""

from datetime import timedelta
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, StringConstraints

from common.contracts.escalations import Severity
from common.contracts.notifications import Medium
from common.core.sealed_secrets import EncryptionKeys
from common.service.settings import ServiceSettings, SigningSecrets
from notifier.allowed_origins import AllowedOrigins
from notifier.domain.brake import BrakePolicy
from notifier.domain.circuits import CircuitPolicy
from notifier.domain.content_levels import ContentLevel
from notifier.domain.delivery import RetryPolicy
from notifier.domain.delivery_rules import Steps
from notifier.domain.status_webhooks import StatusPolicy
from notifier.domain.write_backs.writes import WritePolicy
from notifier.web_push.vapid import VapidKey

_RETRIES = RetryPolicy()
_CIRCUITS = CircuitPolicy()
_BUDGETS = BrakePolicy()
_STATUS_CALLS = StatusPolicy()
_WRITES = WritePolicy()
# Zendesk, Salesforce's My Domain, Dynamics 365.
_CASE_SYSTEMS = (
    "https://*.zendesk.com",
    "https://*.my.salesforce.com",
    "https://*.dynamics.com",
)
# Workflows of Power Automate, by their addresses of today and those until 2025, and the connectors
# that came before.
_TEAMS_SERVICES = (
    "https://*.api.powerplatform.com",
    "https://*.logic.azure.com",
    "https://*.webhook.office.com",
)
# Telegram, Pushover, Pushbullet, Discord, Google Chat, LINE, Prowl, Simplepush and Threema: apprise
# knows their hosts, nobody names one.
_APPRISE_SCHEMES = (
    "tgram",
    "pover",
    "pbul",
    "discord",
    "gchat",
    "line",
    "prowl",
    "spush",
    "threema",
)
# Those of Chrome, Firefox, Safari and Edge.
_PUSH_SERVICES = (
    "https://fcm.googleapis.com",
    "https://updates.push.services.mozilla.com",
    "https://*.push.apple.com",
    "https://*.notify.windows.com",
)


def _check_origin(url: str) -> str:
    parts = urlsplit(url)
    if url and (parts.scheme not in ("http", "https") or not parts.netloc or parts.path.strip("/")):
        raise ValueError("must be like https://console.example.com, without a path")
    return url.rstrip("/")


def _check_push_key(key: SecretStr | None) -> SecretStr | None:
    if key is not None and (secret := key.get_secret_value()):
        VapidKey.read(secret)
    return key


def _check_login_url(url: str) -> str:
    AllowedOrigins.read((url,))
    return url.rstrip("/")


def _check_encryption_keys(keys: EncryptionKeys) -> EncryptionKeys:
    if keys.all:
        keys.secret_box()
    return keys


CheckedKeys = Annotated[EncryptionKeys, AfterValidator(_check_encryption_keys)]


def _check_origins(entries: tuple[str, ...]) -> tuple[str, ...]:
    AllowedOrigins.read(entries)
    return entries


class Settings(ServiceSettings):
    public_url: str = Field(
        default="http://127.0.0.1:8000",
        description="where people's browsers reach this service; links begin with it",
    )
    console_url: Annotated[str, AfterValidator(_check_origin)] = Field(
        default="",
        description="where people's browsers reach the console: messages lead there; empty: they "
        "lead to a page of this service, which shows what the message says",
    )
    link_secret: SigningSecrets = Field(
        default=SigningSecrets(""),
        description="signs the links, the same for all replicas; required to start; several, "
        "separated by commas: the first signs, all verify",
    )
    link_max_age_hours: float = Field(default=24, gt=0, description="how long a link is valid")
    delivery_slots: int = Field(default=16, ge=1, description="calls at a time on each medium")
    delivery_attempts: int = Field(
        default=_RETRIES.attempts, ge=1, description="attempts for one notification"
    )
    delivery_timeout_seconds: float = Field(
        default=_RETRIES.timeout.total_seconds(),
        gt=0,
        description="of one call; after twice that the attempt counts as lost",
    )
    receipt_seconds: float = Field(
        default=60,
        gt=0,
        description="how long a receipt is waited for, on media that have them, besides the 145 s "
        "that a call may take; then the person's next contact method stands in",
    )
    circuit_failures: int = Field(
        default=_CIRCUITS.failures,
        ge=0,
        description="calls that fail in a row until an outside system is not called for a while "
        "(circuit open); 0: never",
    )
    provider_wait_seconds: float = Field(
        default=_CIRCUITS.longest_wait.total_seconds(),
        gt=0,
        description="how long a page waits for an outside system that is down; then it has failed",
    )
    delivery_steps: dict[Severity, Steps] = Field(
        default={},
        description="by which media people are notified after how long, by severity, unless they "
        'have chosen it, as JSON: `{"critical": [{"after_minutes": 0, "media": ["slack"]}, '
        '{"after_minutes": 5, "media": ["email"]}]}`; a severity without an entry: all at once',
    )
    message_content: dict[Medium, ContentLevel] = Field(
        default={},
        description="how much of what customers and colleagues have written leaves by each medium, "
        'as JSON: `{"slack": "headline", "sms": "quotations"}`; `quotations`: all of it; '
        "`without_names`: no name of a customer; `headline`: none of it, nor the subject; a medium "
        "without an entry: `without_names` on telephones, devices and by apprise, else "
        "`quotations`",
    )

    # Budgets: what is over them is held back and carried by a summary
    recipient_budget: int = Field(
        default=_BUDGETS.recipient,
        ge=0,
        le=1000,
        description="messages to one recipient on one medium in the window; 0: no limit",
    )
    customer_budget: int = Field(
        default=_BUDGETS.customer,
        ge=0,
        le=1000,
        description="messages about one customer on one medium in the window; 0: no limit",
    )
    channel_budget: int = Field(
        default=_BUDGETS.channel,
        ge=0,
        le=1000,
        description="messages about contacts of one channel on one medium in the window;"
        " 0: no limit",
    )
    burst_budget: int = Field(
        default=_BUDGETS.burst,
        ge=0,
        le=1000,
        description="messages to one recipient on one medium at once, in the window of a burst; "
        "one that is critical goes beyond it; 0: no limit",
    )
    burst_window_seconds: float = Field(
        default=_BUDGETS.burst_window.total_seconds(), gt=0, description="of `burst_budget`"
    )
    budget_window_seconds: float = Field(
        default=_BUDGETS.window.total_seconds(), gt=0, description="of all budgets"
    )
    summary_interval_seconds: float = Field(
        default=_BUDGETS.interval.total_seconds(),
        gt=0,
        description="the shortest time between two summaries to one recipient",
    )
    summary_update_seconds: float = Field(
        default=_BUDGETS.update_window.total_seconds(),
        ge=0,
        description="how long after a summary was sent the next may change it instead of being "
        "sent, in Slack; 0: never",
    )

    # Slack
    slack_api_url: str = Field(
        default="https://slack.com/api", description="base of Slack's Web API"
    )
    slack_token: SecretStr = Field(default=SecretStr(""), description="the app's bot token")
    slack_signing_secret: SigningSecrets = Field(
        default=SigningSecrets(""),
        description="verifies presses of buttons; several, separated by commas: all verify; empty "
        "refuses them all",
    )

    # E-mail
    smtp_host: str = Field(default="localhost", description="the mail server")
    smtp_port: int = Field(default=25, description="its port")
    smtp_tls: Literal["none", "starttls", "tls"] = Field(
        default="starttls", description="how the connection is encrypted"
    )
    smtp_user: str = Field(default="", description="empty: no authentication")
    smtp_password: SecretStr = Field(default=SecretStr(""), description="of `smtp_user`")
    mail_from: str = Field(
        default="Upstairs <upstairs@localhost>", description="the sender of mails"
    )

    # Notifications on devices (Web Push)
    web_push_key: Annotated[SecretStr | None, AfterValidator(_check_push_key)] = Field(
        default=None,
        description="signs the requests to push services (VAPID), of `python -m notifier "
        "make-push-key`; empty: nobody is notified on a device; a new key ends all subscriptions",
    )
    web_push_contact: str = Field(
        default="mailto:upstairs@localhost",
        pattern="^(mailto:|https://)",
        description="where the operators of a push service can reach you",
    )
    web_push_services: Annotated[tuple[str, ...], AfterValidator(_check_origins)] = Field(
        default=_PUSH_SERVICES,
        description="the push services of browsers that may be called, as a JSON list; `*.` stands "
        "for all hosts of a domain",
    )

    # Telephones, by Twilio
    twilio_api_url: str = Field(
        default="https://api.twilio.com", description="base of Twilio's REST API"
    )
    twilio_account_sid: str = Field(
        default="",
        description="the account of Twilio; empty: nobody is reached by text message, call or "
        "WhatsApp",
    )
    twilio_auth_token: SigningSecrets = Field(
        default=SigningSecrets(""),
        description="of the account; verifies what Twilio reports, too; several, separated by "
        "commas: the first is for our calls, all verify",
    )
    twilio_sms_from: str = Field(
        default="",
        description="the number that text messages come from, or the id of a messaging service; "
        "empty: none are sent",
    )
    twilio_voice_from: str = Field(
        default="", description="the number that calls come from; empty: nobody is called"
    )
    twilio_whatsapp_from: str = Field(
        default="", description="the sender in WhatsApp; empty: nothing is sent there"
    )
    twilio_whatsapp_content_sid: str = Field(
        default="",
        description="the template of WhatsApp, with the variables headline, deadline and link; "
        "empty: nothing is sent there",
    )

    # Microsoft Teams
    teams_services: Annotated[tuple[str, ...], AfterValidator(_check_origins)] = Field(
        default=_TEAMS_SERVICES,
        description="where workflows that post to Teams may be, as a JSON list; `*.` stands for "
        "all hosts of a domain",
    )
    # Other services, by the library apprise
    apprise_schemes: tuple[Annotated[str, StringConstraints(pattern="^[a-z]+$")], ...] = Field(
        default=_APPRISE_SCHEMES,
        description="the services that may be called by apprise, by the schemes of their addresses,"
        " as a JSON list; with one whose address names a host, people can call any host of your "
        "network",
    )

    encryption_keys: CheckedKeys = Field(
        default=EncryptionKeys(""),
        description="encrypts the secrets of outside systems in the database, of `python -m common "
        "encryption-key`; several, separated by commas: the first encrypts, all decrypt; empty: "
        "nobody sets a status webhook, a write-back or an address that is a secret",
    )
    # Status webhooks
    status_webhook_slots: int = Field(
        default=_STATUS_CALLS.slots,
        ge=1,
        # A quarter of the calls of a process.
        le=16,
        description="calls at a time to one receiver of statuses, in all replicas together",
    )
    status_webhook_timeout_seconds: float = Field(
        default=_STATUS_CALLS.timeout.total_seconds(),
        gt=0,
        le=30,
        description="of one call to a receiver of statuses",
    )
    status_webhook_trusted_hosts: tuple[str, ...] = Field(
        default=(),
        description="hosts that may receive statuses though their address is private, also without "
        "TLS, as a JSON list",
    )
    # Write-backs to helpdesks and CRMs
    write_back_systems: Annotated[tuple[str, ...], AfterValidator(_check_origins)] = Field(
        default=_CASE_SYSTEMS,
        description="helpdesks and CRMs that may be written to, as a JSON list; `*.` stands for "
        "all hosts of a domain; add your own domain of Zendesk, if you have one",
    )
    write_back_login_url: Annotated[str, AfterValidator(_check_login_url)] = Field(
        default="https://login.microsoftonline.com",
        description="where access tokens for Dynamics come from",
    )
    write_back_slots: int = Field(
        default=4, ge=1, le=100, description="writes at a time to each helpdesk or CRM"
    )
    write_back_timeout_seconds: float = Field(
        default=_WRITES.timeout.total_seconds(),
        gt=0,
        description="of one attempt with all its calls; after twice that it counts as lost",
    )

    @property
    def retry_policy(self) -> RetryPolicy:
        timeout = timedelta(seconds=self.delivery_timeout_seconds)
        return RetryPolicy(attempts=self.delivery_attempts, timeout=timeout)
