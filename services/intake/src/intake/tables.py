"""The tables of intake; the migrations make them."""

from sqlalchemy import Column, DateTime, MetaData, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()

contacts = Table(
    "contacts",
    metadata,
    Column("contact_id", Uuid(as_uuid=False), primary_key=True),
    Column("state", Text),
    Column("channel", Text),
    Column("connection", Text),
    Column("external_ref", Text),
    Column("customer_id", Text),
    Column("subject", Text),
    Column("topic", Text),
    Column("language", Text),
    Column("priority", Text),
    Column("received_at", DateTime(timezone=True)),
    Column("campaign", Text),
    Column("resolved_at", DateTime(timezone=True)),
    Column("escalation", JSONB),
)
customers = Table(
    "customers",
    metadata,
    Column("customer_id", Text, primary_key=True),
    Column("name", Text),
    Column("tier", Text),
    Column("region", Text),
)
messages = Table(
    "messages",
    metadata,
    Column("message_id", Uuid(as_uuid=False), primary_key=True),
    Column("contact_id", Uuid(as_uuid=False)),
    Column("author", Text),
    Column("person_id", Text),
    Column("text", Text),
    Column("at", DateTime(timezone=True)),
)
accepted = Table(
    "accepted",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("fingerprint", Text),
    Column("result", Text),
    Column("at", DateTime(timezone=True)),
)
connections = Table(
    "connections",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("kind", Text),
    Column("secret", Text),
    Column("options", JSONB),
)
