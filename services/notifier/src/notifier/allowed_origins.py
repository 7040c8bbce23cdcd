"""Which outside addresses may be called, where others than operators name the address."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import SplitResult, urlsplit

_ANY_HOST_OF: Final = "*."
# Others make the HTTP client raise errors of its own, or can be read in two ways.
_HOST: Final = re.compile(r"(?=.{1,253}\Z)[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})*")


class WrongOriginError(ValueError):
    """An entry is like `https://acme.example.com` or `https://*.example.com`, without a path."""


@dataclass(frozen=True, slots=True)
class AllowedOrigins:
    """Origins; a host that begins with `*.` stands for all hosts of a domain."""

    origins: tuple[tuple[str, str, int | None], ...]

    @classmethod
    def read(cls, entries: Sequence[str]) -> Self:
        """Raises WrongOriginError."""
        return cls(tuple(map(_read, entries)))

    def admits(self, endpoint: str) -> bool:
        try:
            scheme, host, port = _origin(urlsplit(endpoint))
        except ValueError:
            return False
        return _HOST.fullmatch(host) is not None and any(
            (scheme, port) == (own_scheme, own_port) and _is_host_of(host, own_host)
            for own_scheme, own_host, own_port in self.origins
        )


def _read(entry: str) -> tuple[str, str, int | None]:
    parts = urlsplit(entry)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
        raise WrongOriginError(WrongOriginError.__doc__)
    return _origin(parts)


def _origin(parts: SplitResult) -> tuple[str, str, int | None]:
    """Return scheme, host and port; raises ValueError if there is more before the path."""
    if parts.username is not None or parts.password is not None:
        raise ValueError("an origin has no user")
    default = {"https": 443, "http": 80}.get(parts.scheme)
    return parts.scheme, parts.hostname or "", parts.port or default


def _is_host_of(host: str, own: str) -> bool:
    if own.startswith(_ANY_HOST_OF):
        return host.endswith(own.removeprefix("*")) and len(host) > len(own) - 1
    return host == own
