"""Makes engines; a database URL says how its connection is encrypted, with libpq's parameters."""

from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from sqlalchemy import URL, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

_MODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_FILES: Final = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
_TLS_PREFIX: Final = "ssl"


class DatabaseUrlError(ValueError):
    """The TLS parameters of a database URL cannot be used."""


def make_engine(
    url: str | URL, *, connect_args: dict[str, Any] | None = None, **options: Any
) -> AsyncEngine:
    """Make an engine for `postgresql+asyncpg://…`.

    SQLAlchemy knows one of libpq's TLS parameters; asyncpg knows all in a DSN.
    """
    plain, tls = _split(make_url(url))
    arguments = dict(connect_args or {})
    if tls:
        # What SQLAlchemy passes besides takes precedence: host, role, password, database.
        arguments["dsn"] = f"postgresql:///?{urlencode(tls)}"
    return create_async_engine(plain, connect_args=arguments, **options)


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
