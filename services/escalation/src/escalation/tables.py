"""The tables of escalation; the migrations make them."""

from sqlalchemy import BigInteger, Column, DateTime, Integer, MetaData, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()

configuration = Table(
    "configuration",
    metadata,
    Column("serial", BigInteger),
    Column("revision", Uuid(as_uuid=False)),
    Column("kind", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("body", JSONB),
    Column("at", DateTime(timezone=True)),
    Column("by", Text),
)
watches = Table(
    "watches",
    metadata,
    Column("contact_id", Uuid(as_uuid=False), primary_key=True),
    Column("contact", JSONB),
    Column("opened_at", DateTime(timezone=True)),
    Column("resolved_at", DateTime(timezone=True)),
    Column("representative_id", Text),
    Column("assigned_at", DateTime(timezone=True)),
    Column("referral", JSONB),
    Column("ladder_id", Text),
    Column("severity", Text),
    Column("clocks", JSONB),
    Column("escalation_id", Uuid(as_uuid=False)),
    Column("escalations", Integer),
)
escalations = Table(
    "escalations",
    metadata,
    Column("escalation_id", Uuid(as_uuid=False), primary_key=True),
    Column("contact_id", Uuid(as_uuid=False)),
    Column("state", Text),
    Column("severity", Text),
    Column("ladder", JSONB),
    Column("level", Integer),
    Column("round", Integer),
    Column("reasons", JSONB),
    Column("awaited", JSONB),
    Column("holder", Text),
    Column("lease_no", Integer),
    Column("deadline", DateTime(timezone=True)),
    Column("raised_at", DateTime(timezone=True)),
    Column("closed_at", DateTime(timezone=True)),
    Column("outcome", Text),
    Column("note", Text),
)
