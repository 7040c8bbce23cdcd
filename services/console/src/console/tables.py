"""The tables of the console, which its migration creates, and how long their rows are kept."""

from typing import Final

from sqlalchemy import Column, DateTime, LargeBinary, MetaData, Table, Text, Uuid

from common.service.retention import Retention, Rule

metadata = MetaData()

sessions = Table(
    "sessions",
    metadata,
    Column("session_id", Uuid(as_uuid=False), primary_key=True),
    Column("digest", LargeBinary),
    Column("person_id", Text),
    Column("role", Text),
    Column("name", Text),
    Column("zone", Text),
    Column("browser", Text),
    Column("address", Text),
    Column("id_token", Text),
    Column("created_at", DateTime(timezone=True)),
    Column("seen_at", DateTime(timezone=True)),
    Column("ends_at", DateTime(timezone=True)),
)
sign_in_links = Table(
    "sign_in_links",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("person_id", Text),
    Column("role", Text),
    Column("expires_at", DateTime(timezone=True)),
)
submissions = Table(
    "submissions",
    metadata,
    Column("person_id", Text, primary_key=True),
    Column("submission", Text, primary_key=True),
    Column("sent_at", DateTime(timezone=True)),
)

RETENTION: Final[tuple[Rule, ...]] = (
    Retention("sessions", "ends_at", days=1),
    Retention("sign_in_links", "expires_at", days=1),
    # A page that is older than a shift is not sent again.
    Retention("submissions", "sent_at", days=2),
)
