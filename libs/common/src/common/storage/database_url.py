"""A database URL says how its connection is encrypted, with libpq's parameters."""

from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from sqlalchemy import URL, make_url

_MODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_FILES: Final = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
_TLS_PREFIX: Final = "ssl"


class DatabaseUrlError(ValueError):
    """The TLS parameters of a database URL cannot be used."""


def split_tls(url: str | URL) -> tuple[URL, dict[str, Any]]:
    """Return the URL for SQLAlchemy, and what asyncpg needs besides to connect.

    SQLAlchemy knows one of libpq's TLS parameters; asyncpg knows all in a DSN.
    """
    plain, tls = _split(make_url(url))
    # What SQLAlchemy passes besides takes precedence: host, role, password, database.
    return plain, {"dsn": f"postgresql:///?{urlencode(tls)}"} if tls else {}


def check_tls(url: str) -> None:
    """Raise DatabaseUrlError for an unknown mode, or a file that cannot be read."""
    _, tls = _split(make_url(url))
    mode = tls.get("sslmode", "prefer")
    if mode not in _MODES:
        raise DatabaseUrlError(f"sslmode {mode} is not one of {', '.join(_MODES)}.")
    for name in _FILES:
        if name in tls and not Path(tls[name]).is_file():
            raise DatabaseUrlError(f"The file {tls[name]} of {name} cannot be read.")
    if mode == "verify-full" and "sslrootcert" not in tls:
        raise DatabaseUrlError("sslmode verify-full needs sslrootcert, a PEM file.")


def _split(url: URL) -> tuple[URL, dict[str, str]]:
    """Return the URL without its TLS parameters, and these under the names of libpq."""
    tls = {name: str(value) for name, value in url.query.items() if name.startswith(_TLS_PREFIX)}
    plain = url.difference_update_query(tls)
    if _TLS_PREFIX in tls:
        tls["sslmode"] = tls.pop(_TLS_PREFIX)
    return plain, tls
