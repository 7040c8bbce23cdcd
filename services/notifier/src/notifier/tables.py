"""The tables of the notifier, as its migration creates them."""

from sqlalchemy import Boolean, Column, DateTime, Integer, MetaData, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()

recipients = Table(
    "recipients",
    metadata,
    Column("person_id", Text, primary_key=True),
    Column("name", Text),
    Column("media", JSONB),
)
channel_users = Table(
    "channel_users",
    metadata,
    Column("medium", Text, primary_key=True),
    Column("user_id", Text, primary_key=True),
    Column("person_id", Text),
)
escalations = Table(
    "escalations",
    metadata,
    Column("escalation_id", Uuid(as_uuid=False), primary_key=True),
    Column("contact_id", Uuid(as_uuid=False)),
    Column("state", Text),
    Column("by", Text),
    Column("at", DateTime(timezone=True)),
    Column("approval_asked", Boolean),
)
notifications = Table(
    "notifications",
    metadata,
    Column("notification_id", Uuid(as_uuid=False), primary_key=True),
    Column("idempotency_key", Text),
    Column("kind", Text),
    Column("state", Text),
    Column("page_id", Uuid(as_uuid=False)),
    Column("contact_id", Uuid(as_uuid=False)),
    Column("escalation_id", Uuid(as_uuid=False)),
    Column("person_id", Text),
    Column("medium", Text),
    Column("address", JSONB),
    Column("content", JSONB),
    Column("requested_at", DateTime(timezone=True)),
    Column("due_at", DateTime(timezone=True)),
    Column("attempts", Integer),
    Column("began_at", DateTime(timezone=True)),
    Column("ambiguous", Boolean),
    Column("receipt", JSONB),
    Column("editable", Boolean),
    Column("reason", Text),
    Column("sent_at", DateTime(timezone=True)),
    Column("seen_at", DateTime(timezone=True)),
    Column("acted_at", DateTime(timezone=True)),
    Column("action", Text),
    Column("traceparent", Text),
)
delivery_attempts = Table(
    "delivery_attempts",
    metadata,
    Column("notification_id", Uuid(as_uuid=False), primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("started_at", DateTime(timezone=True)),
    Column("ended_at", DateTime(timezone=True)),
    Column("outcome", Text),
    Column("detail", Text),
)
