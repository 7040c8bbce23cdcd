"""The tables of escalation; the migrations make them."""

from sqlalchemy import BigInteger, Column, DateTime, Integer, MetaData, Numeric, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from escalation.domain.model import OPEN_STATES

metadata = MetaData()

# In the words of the indexes: of values that are bound the planner can't tell.
IS_OPEN = f"state IN ({', '.join(map(repr, OPEN_STATES))})"

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
    Column("customer_id", Text),
    Column("representative_id", Text),
    Column("team_id", Text),
    Column("assigned_at", DateTime(timezone=True)),
    Column("replied_at", DateTime(timezone=True)),
    Column("waiting_since", DateTime(timezone=True)),
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
    Column("version", Integer),
    Column("lease_end", Text),
    Column("warn_at", DateTime(timezone=True)),
    Column("snoozes", Integer),
    Column("snoozed_until", DateTime(timezone=True)),
    Column("approval", JSONB),
    Column("amount", Numeric),
    Column("currency", Text),
    Column("approved_by", Text),
    Column("alarm_since", DateTime(timezone=True)),
    Column("repeats", Integer),
    Column("trail_length", Integer),
    Column("trail_hash", Text),
)
announced_gaps = Table(
    "announced_gaps",
    metadata,
    Column("schedule_id", Text, primary_key=True),
    Column("starts_at", DateTime(timezone=True), primary_key=True),
    Column("ends_at", DateTime(timezone=True), primary_key=True),
    Column("ahead", Text, primary_key=True),
    Column("announced_at", DateTime(timezone=True)),
)
