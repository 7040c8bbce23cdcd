"""What a token server is asked, and what it answers (OAuth 2.0, RFC 6749)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final

# What servers answer to wrong credentials (section 5.2).
REFUSALS: Final = frozenset((HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED))
# Some servers do not say how long a token is valid; an old one is replaced when it is refused.
_DEFAULT_LIFE_S: Final = 900.0
_LONGEST_LIFE_S: Final = 86_400.0
# A token is replaced before it expires on its way.
_MARGIN: Final = timedelta(seconds=60)
# What may stand in a header (RFC 6750, section 2.1) and in a line of other protocols.
_TOKEN: Final = re.compile(r"[\x21-\x7e]{1,16384}")


@dataclass(frozen=True, slots=True)
class AccessToken:
    """`valid_until` is before it expires."""

    value: str = field(repr=False)
    valid_until: datetime


def client_credentials(client_id: str, client_secret: str, scope: str) -> Mapping[str, str]:
    """Return the form by which an app signs in as itself."""
    return {
        "grant_type": "client_credentials",
        "client_id": client_id,
        "client_secret": client_secret,
        "scope": scope,
    }


def refresh_token(client_id: str, client_secret: str, token: str) -> Mapping[str, str]:
    """Return the form by which an app goes on in the name of a person who agreed to it."""
    return {
        "grant_type": "refresh_token",
        "client_id": client_id,
        "client_secret": client_secret,
        "refresh_token": token,
    }


def entra_token_url(login_url: str, tenant_id: str) -> str:
    """Return where Microsoft Entra gives the tokens of a tenant."""
    return f"{login_url}/{tenant_id}/oauth2/v2.0/token"


def read_access_token(answer: Any, now: datetime) -> AccessToken | None:
    """Return the token of a server's answer; None if there is none that can be sent."""
    token = answer.get("access_token") if isinstance(answer, dict) else None
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        return None
    life = timedelta(seconds=_life_s(answer.get("expires_in")))
    return AccessToken(token, now + max(life - _MARGIN, timedelta(0)))


def _life_s(value: Any) -> float:
    try:
        # `nan` is less than nothing and more than nothing.
        return min(max(0.0, float(value)), _LONGEST_LIFE_S)
    except (TypeError, ValueError, OverflowError):
        return _DEFAULT_LIFE_S
