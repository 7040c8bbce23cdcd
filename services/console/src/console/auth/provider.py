"""Signs people in at their OpenID Connect provider: code flow with PKCE, by Authlib."""

import logging
from collections.abc import Mapping
from typing import Any, Final

import httpx2
import structlog
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.base_client.errors import MismatchingStateError, OAuthError
from authlib.integrations.starlette_client import OAuth
from joserfc.errors import JoseError
from starlette.requests import Request
from starlette.responses import Response

from common.http.token_issuers import role_of
from console.auth.people import Identity
from console.errors import PageError
from console.settings import Settings

_TIMEOUT_S: Final = 10
_LEEWAY_S: Final = 30
_NEXT: Final = "next"
# Each signs with a private key.
_ALGORITHMS: Final = ("RS256", "PS256", "ES256", "EdDSA", "Ed25519")
# What Authlib and joserfc raise for answers that they can't read or don't trust.
_UNTRUSTED: Final = (
    AuthlibBaseError,
    JoseError,
    ValueError,
    KeyError,
    TypeError,
    RuntimeError,
)

log = structlog.get_logger()
# At `debug` it logs the secret that proves who began a sign-in.
logging.getLogger("authlib").setLevel(logging.INFO)


class Provider:
    """The provider of the settings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        # Exactly: it is compared with the claim `iss`.
        self._issuer = settings.oidc_issuer
        self.return_url = f"{settings.public_url}/sign-in/return"
        self._after_sign_out = f"{settings.public_url}/signed-out"
        self._client: Any = OAuth().register(
            "provider",
            client_id=settings.oidc_client_id,
            client_secret=settings.oidc_client_secret.get_secret_value() or None,
            server_metadata_url=f"{self._issuer.rstrip('/')}/.well-known/openid-configuration",
            client_kwargs={
                "scope": settings.oidc_scope,
                "code_challenge_method": "S256",
                "timeout": _TIMEOUT_S,
                "trust_env": False,
            },
        )

    async def begin(self, request: Request, next_path: str) -> Response:
        """Send the browser to the provider; it comes back to `return_url`."""
        request.session[_NEXT] = next_path
        try:
            await self._metadata()
            answer: Response = await self._client.authorize_redirect(request, self.return_url)
        except (httpx2.HTTPError, *_UNTRUSTED) as error:
            log.warning("provider_unavailable", error=repr(error))
            raise PageError(503, "provider-unavailable") from error
        return answer

    async def finish(self, request: Request) -> tuple[Identity, str]:
        """Return who has signed in, and where they were going; raises PageError."""
        # Before Authlib forgets it.
        is_begun = await self._is_begun(request)
        try:
            await self._metadata()
            token = await self._client.authorize_access_token(
                request, leeway=_LEEWAY_S, claims_options=self._claims_options
            )
            claims = await self._claims(token)
        except MismatchingStateError as error:
            raise PageError(400, "sign-in-expired") from error
        except OAuthError as error:
            log.warning("sign_in_failed", error=str(error))
            # Otherwise anybody could make a link with words for the page.
            reason = str(error.description or "") if is_begun else ""
            raise PageError(403, "sign-in-refused", reason=reason) from error
        except (httpx2.HTTPError, *_UNTRUSTED) as error:
            raise _page_error(error) from error
        next_path = str(request.session.pop(_NEXT, "/"))
        request.session.clear()
        return self._identity(claims, str(token["id_token"])), next_path

    async def _is_begun(self, request: Request) -> bool:
        """Return whether this browser has begun the sign-in that this is the answer to."""
        state = request.query_params.get("state", "")
        return bool(await self._client.framework.get_state_data(request.session, state))

    async def sign_out_url(self, id_token: str | None) -> str | None:
        """Return where the person signs out at the provider too; None if it has no such place."""
        try:
            metadata = await self._metadata()
            if "end_session_endpoint" not in metadata:
                return None
            place = await self._client.create_logout_url(
                self._after_sign_out, id_token, client_id=self._settings.oidc_client_id
            )
        except (httpx2.HTTPError, *_UNTRUSTED) as error:
            log.warning("provider_unavailable", error=repr(error))
            return None
        return str(place["url"])

    async def _metadata(self) -> Mapping[str, Any]:
        """Return what the provider says of itself, read once.

        Raises ValueError if it is another one than the settings name (OpenID Discovery, 4.3).
        """
        metadata: dict[str, Any] = await self._client.load_server_metadata()
        if metadata.get("issuer") != self._issuer:
            raise ValueError(f"the provider calls itself {metadata.get('issuer')}")
        # Authlib admits what is listed: also a token without a signature.
        listed = metadata.get("id_token_signing_alg_values_supported") or _ALGORITHMS
        metadata["id_token_signing_alg_values_supported"] = [
            algorithm for algorithm in listed if algorithm in _ALGORITHMS
        ]
        return metadata

    @property
    def _claims_options(self) -> Mapping[str, Any]:
        """What the ID token must say; Authlib would admit any audience."""
        return {
            "iss": {"essential": True, "value": self._issuer},
            "aud": {"essential": True, "value": self._settings.oidc_client_id},
        }

    async def _claims(self, token: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the claims of the ID token, with those of the userinfo if it lacks the groups."""
        claims: Mapping[str, Any] | None = token.get("userinfo")
        if claims is None:
            raise ValueError("the answer has no ID token")
        if self._settings.oidc_role_claim in claims:
            return claims
        metadata = await self._metadata()
        if "userinfo_endpoint" not in metadata:
            return claims
        more = await self._client.userinfo(token=token)
        # Otherwise somebody could exchange one person's groups for another's (OpenID Core, 5.3.4).
        if more.get("sub") != claims["sub"]:
            raise ValueError("the userinfo is of somebody else")
        return {**more, **claims}

    def _identity(self, claims: Mapping[str, Any], id_token: str) -> Identity:
        person = claims.get(self._settings.oidc_person_claim)
        if not isinstance(person, str):
            log.warning("sign_in_without_person", claim=self._settings.oidc_person_claim)
            raise PageError(403, "unknown-person", person="", reason="")
        role = role_of(claims, self._settings.oidc_role_claim, self._settings.oidc_roles)
        if role is None:
            raise PageError(403, "no-role", person=person)
        return Identity(person, role, id_token)


def _page_error(error: Exception) -> PageError:
    """Return what the person reads when the answer of the provider signs nobody in."""
    log.warning("sign_in_failed", error=repr(error))
    is_refusal = isinstance(error, httpx2.HTTPStatusError) and error.response.is_client_error
    if isinstance(error, httpx2.HTTPError) and not is_refusal:
        return PageError(503, "provider-unavailable")
    return PageError(400, "sign-in-invalid")
