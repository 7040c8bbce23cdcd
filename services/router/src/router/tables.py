"""The tables of router, as the migrations create them."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Integer,
    MetaData,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()

representatives = Table(
    "representatives",
    metadata,
    Column("representative_id", Text, primary_key=True),
    Column("name", Text),
    Column("team_id", Text),
    Column("skills", ARRAY(Text)),
    Column("languages", ARRAY(Text)),
    Column("capacity", Integer),
    Column("auto_accept", Boolean),
    Column("offer_s", Integer),
    Column("active", Boolean),
    Column("presence", Text),
    Column("presence_reason", Text),
    Column("presence_since", DateTime(timezone=True)),
    Column("load", Integer),
    Column("load_limit", Integer),
    Column("idle_since", DateTime(timezone=True)),
)
assignments = Table(
    "assignments",
    metadata,
    Column("contact_id", Uuid(as_uuid=False), primary_key=True),
    Column("state", Text),
    Column("since", DateTime(timezone=True)),
    Column("skill", Text),
    Column("language", Text),
    Column("priority_rank", Integer),
    Column("waiting_since", DateTime(timezone=True)),
    Column("representative_id", Text),
    Column("reason", Text),
    Column("offer", Integer),
    Column("declined_by", ARRAY(Text)),
    Column("preferred_id", Text),
    Column("referral", Text),
    Column("supervisor_id", Text),
    Column("taken_over_at", DateTime(timezone=True)),
    Column("ended_at", DateTime(timezone=True)),
    Column("reopened_at", DateTime(timezone=True)),
)
# Written by the outbox; read here for the history of an assignment.
published_events = Table(
    "published_events",
    metadata,
    Column("key", Text, primary_key=True),
    Column("id", BigInteger, primary_key=True),
    Column("topic", Text),
    Column("type", Text),
    Column("data", JSONB),
)
