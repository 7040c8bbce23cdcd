"""The tables of the console, which its migration creates, and how long their rows are kept."""

from typing import Final

from sqlalchemy import Boolean, Column, DateTime, LargeBinary, MetaData, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

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
saved_views = Table(
    "saved_views",
    metadata,
    Column("view_id", Uuid(as_uuid=False), primary_key=True),
    Column("person_id", Text),
    Column("name", Text),
    Column("address", Text),
    Column("is_default", Boolean),
    Column("used_at", DateTime(timezone=True)),
)
drafts = Table(
    "drafts",
    metadata,
    Column("person_id", Text, primary_key=True),
    Column("escalation_id", Uuid(as_uuid=False), primary_key=True),
    Column("action", Text, primary_key=True),
    Column("fields", JSONB),
    Column("saved_at", DateTime(timezone=True)),
)

RETENTION: Final[tuple[Rule, ...]] = (
    Retention("sessions", "ends_at", days=1),
    Retention("sign_in_links", "expires_at", days=1),
    # A page that is older than a shift is not sent again.
    Retention("submissions", "sent_at", days=2),
    # Each day on which the person opens Now counts as use: they end after the person has left.
    Retention("saved_views", "used_at", days=180),
    # What a person wrote about a customer and did not send. The console hears of no erasure, so
    # it keeps such words for a week only.
    Retention("drafts", "saved_at", days=7),
)
