"""The settings of the console."""

import ipaddress
from collections.abc import Mapping
from typing import Annotated, Final, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from common.contracts.event import PersonId, PersonRole
from common.contracts.services import EventService
from common.service.settings import ProcessSettings, SigningSecrets

_LOOPBACK_NAMES: Final = ("localhost",)


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in _LOOPBACK_NAMES


def _split(url: str) -> SplitResult:
    """Split the URL; raises ValueError also for a wrong port."""
    parts = urlsplit(url)
    # To read it checks it: it may be a word, or too large.
    if parts.port == 0:
        raise ValueError("Port must be above 0")
    return parts


def _check_origin(url: str) -> str:
    parts = _split(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
        raise ValueError("must be like https://console.example.com, without a path")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("must begin with https://, except on this machine: cookies sign people in")
    return f"{parts.scheme}://{parts.netloc}"


def _check_service(url: str) -> str:
    parts = _split(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be the address of a service, like http://escalation:8000")
    return url.rstrip("/")


def _check_page(url: str) -> str:
    return _check_service(url) if url else url


def _check_issuer(url: str) -> str:
    if not url:
        return url
    parts = _split(url)
    if parts.scheme != "https" and not (
        parts.scheme == "http" and is_loopback(str(parts.hostname))
    ):
        raise ValueError("must begin with https://: who changes the answers signs in as anybody")
    return url


ServiceUrl = Annotated[str, AfterValidator(_check_service)]


class Settings(ProcessSettings):
    public_url: Annotated[str, AfterValidator(_check_origin)] = Field(
        default="http://127.0.0.1:8000",
        description="where people's browsers reach the console; also the issuer of its tokens",
    )
    intake_url: ServiceUrl = Field(
        default="http://127.0.0.1:8001", description="where the console reaches intake"
    )
    router_url: ServiceUrl = Field(
        default="http://127.0.0.1:8002", description="where the console reaches router"
    )
    escalation_url: ServiceUrl = Field(
        default="http://127.0.0.1:8003", description="where the console reaches escalation"
    )
    notifier_url: ServiceUrl = Field(
        default="http://127.0.0.1:8004", description="where the console reaches notifier"
    )
    intake_public_url: Annotated[str, AfterValidator(_check_page)] = Field(
        default="",
        description="where outside systems reach intake, like https://intake.example.com; shown "
        "with each connection, whose address is without it a path",
    )
    guides_url: Annotated[str, AfterValidator(_check_page)] = Field(
        default="",
        description="where the files of docs/channels are published; without it the console names "
        "them",
    )

    # What the services believe
    token_keys: SigningSecrets = Field(
        default=SigningSecrets(""),
        description="Ed25519 keys of `python -m console make-key`, several separated by commas or "
        "lines: the first signs the tokens for the services, all are published; required to start",
    )
    token_audience: str = Field(
        default="upstairs",
        min_length=1,
        description="the claim `aud` of the tokens for the services",
    )

    # Sign-in at the provider
    oidc_issuer: Annotated[str, AfterValidator(_check_issuer)] = Field(
        default="", description="the OpenID Connect provider where people sign in"
    )
    oidc_client_id: str = Field(default="", description="of the console at the provider")
    oidc_client_secret: SecretStr = Field(
        default=SecretStr(""), description="of the console at the provider"
    )
    oidc_scope: str = Field(
        default="openid profile",
        description="what is asked of the provider; add the scope that gives groups, if any",
    )
    oidc_person_claim: str = Field(
        default="sub", description="the claim that is the person's id in router"
    )
    oidc_role_claim: str = Field(
        default="groups", description="the claim with the person's groups: a text or a list"
    )
    oidc_roles: Mapping[str, PersonRole] = Field(
        default={},
        description="the role of each group, as a JSON object; of several the highest counts, "
        "other groups have none",
    )
    cookie_secret: SigningSecrets = Field(
        default=SigningSecrets(""),
        description="sign the cookie of a sign-in that is under way, the same for all replicas, "
        "several separated by commas or lines: the first signs, all are believed; required with "
        "`UPSTAIRS_OIDC_ISSUER`",
    )
    help_contact: str = Field(
        default="",
        description="to whom people turn who can't sign in, for example `it@example.com`",
    )

    # Sign-in for development
    console_dev_login: bool = Field(
        default=False,
        description="sign in without a provider, as anybody in `UPSTAIRS_CONSOLE_DEV_PEOPLE`; "
        "refuses to start unless `UPSTAIRS_HTTP_HOST` and `UPSTAIRS_PUBLIC_URL` are of this "
        "machine: never in production",
    )
    console_dev_people: Mapping[PersonId, PersonRole] = Field(
        default={},
        description="whom the development sign-in offers, with their roles, as a JSON object",
    )
    console_dev_simulated: frozenset[PersonId] = Field(
        default=frozenset(),
        description="for whom of them a program acts, as a JSON list; the sign-in shows them apart",
    )

    @property
    def service_urls(self) -> Mapping[EventService, str]:
        return {
            "intake": self.intake_url,
            "router": self.router_url,
            "escalation": self.escalation_url,
            "notifier": self.notifier_url,
        }

    @property
    def is_https(self) -> bool:
        return self.public_url.startswith("https:")

    @model_validator(mode="after")
    def _check_sign_in(self) -> Self:
        if self.console_dev_login and not self._is_local:
            raise ValueError(
                "UPSTAIRS_CONSOLE_DEV_LOGIN signs in anybody: it works only if UPSTAIRS_HTTP_HOST "
                "and UPSTAIRS_PUBLIC_URL are loopback addresses, like 127.0.0.1"
            )
        self._check_provider()
        return self

    def _check_provider(self) -> None:
        """Half of it would let nobody in, and say so only at the first sign-in.

        Roles alone are no half: compose.yaml has them before there is a provider.
        """
        needed: dict[str, object] = {
            "UPSTAIRS_OIDC_ISSUER": self.oidc_issuer,
            "UPSTAIRS_OIDC_CLIENT_ID": self.oidc_client_id,
            "UPSTAIRS_OIDC_CLIENT_SECRET": self.oidc_client_secret.get_secret_value(),
        }
        if not any(needed.values()):
            return
        needed["UPSTAIRS_OIDC_ROLES"] = self.oidc_roles
        needed["UPSTAIRS_COOKIE_SECRET"] = self.cookie_secret.all
        missing = [name for name, value in needed.items() if not value]
        if missing:
            raise ValueError(f"Sign-in at a provider also needs {', '.join(missing)}")

    @property
    def _is_local(self) -> bool:
        return is_loopback(self.http_host) and is_loopback(str(urlsplit(self.public_url).hostname))
