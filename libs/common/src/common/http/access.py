"""Callers: a bearer API key stands for a role and a subject."""

import hashlib
from dataclasses import dataclass
from typing import Annotated, get_args

from fastapi import Depends, Request
from fastapi.security import HTTPBearer

from common.contracts.event import Role
from common.http.problems import ProblemError


@dataclass(frozen=True, slots=True)
class Principal:
    """`subject` is the caller's person id, or the name of a system."""

    role: Role
    subject: str

    @property
    def name(self) -> str:
        """As audit trails and idempotency keys name the caller: `supervisor:sam`."""
        return f"{self.role}:{self.subject}"


class ApiKeys:
    """The keys that may call: `role:subject:key`, separated by commas."""

    def __init__(self, listed: str) -> None:
        self._principals: dict[bytes, Principal] = {}
        for entry in filter(None, (part.strip() for part in listed.split(","))):
            role, _, rest = entry.partition(":")
            subject, _, key = rest.partition(":")
            if role not in get_args(Role) or not subject or not key:
                message = f"an API key must be role:subject:key, with a role of {get_args(Role)}"
                raise ValueError(message)
            self._principals[_digest(key)] = Principal(role=_role(role), subject=subject)

    def principal(self, key: str) -> Principal | None:
        # By its digest: how long this takes tells nothing about any key.
        return self._principals.get(_digest(key))


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def _role(name: str) -> Role:
    return next(role for role in get_args(Role) if role == name)


class require_role(HTTPBearer):  # noqa: N801 - reads as a verb where it is used
    """A dependency that admits these roles, and admin, and returns the caller.

    It is also the security scheme, since each further dependency costs time in every request.
    """

    def __init__(self, *roles: Role) -> None:
        super().__init__(scheme_name="HTTPBearer", description="An API key", auto_error=False)
        self._roles = (*roles, "admin")

    async def __call__(self, request: Request) -> Principal:  # type: ignore[override]  # more than its credentials
        credentials = await super().__call__(request)
        keys: ApiKeys = request.app.state.api_keys
        principal = keys.principal(credentials.credentials) if credentials else None
        if principal is None:
            raise ProblemError(
                401,
                "unauthenticated",
                "Send a known API key as a bearer token.",
                headers={"WWW-Authenticate": "Bearer"},
            )
        if principal.role not in self._roles:
            needed = " or ".join(self._roles[:-1]) or "admin"
            detail = f"This takes the role {needed}; the key has the role {principal.role}."
            raise ProblemError(403, "forbidden", detail)
        return principal


StaffUser = Annotated[Principal, Depends(require_role("representative", "supervisor", "manager"))]
SupervisorUser = Annotated[Principal, Depends(require_role("supervisor", "manager"))]
