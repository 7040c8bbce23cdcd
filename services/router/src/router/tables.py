"""The tables of router, which its migration creates, and how long their rows are kept."""

from sqlalchemy import (
    ARRAY,
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

from common.service.retention import Kept, Retention, Rule, published_events_rule

metadata = MetaData()

people = Table(
    "people",
    metadata,
    Column("person_id", Text, primary_key=True),
    Column("version", Integer),
    Column("name", Text),
    Column("roles", ARRAY(Text)),
    Column("team_id", Text),
    Column("reports_to", Text),
    Column("languages", ARRAY(Text)),
    Column("skills", ARRAY(Text)),
    Column("active", Boolean),
)
entry_versions = Table(
    "entry_versions",
    metadata,
    Column("person_id", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("body", JSONB),
    Column("at", DateTime(timezone=True)),
    Column("by", Text),
)
representatives = Table(
    "representatives",
    metadata,
    Column("representative_id", Text, primary_key=True),
    Column("name", Text),
    Column("team_id", Text),
    Column("skills", ARRAY(Text)),
    Column("languages", ARRAY(Text)),
    Column("usual_capacity", Integer),
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
adjustments = Table(
    "adjustments",
    metadata,
    Column("adjustment_id", Uuid(as_uuid=False), primary_key=True),
    Column("person_id", Text),
    Column("number", Integer),
    Column("reason", Text),
    Column("ends_at", DateTime(timezone=True)),
    Column("capacity", Integer),
    Column("added_skills", ARRAY(Text)),
    Column("removed_skills", ARRAY(Text)),
    Column("only_skills", ARRAY(Text)),
    Column("only_languages", ARRAY(Text)),
    Column("set_by", Text),
    Column("set_at", DateTime(timezone=True)),
    Column("ended_at", DateTime(timezone=True)),
    Column("ended_by", Text),
    Column("end_cause", Text),
)
assignments = Table(
    "assignments",
    metadata,
    Column("contact_id", Uuid(as_uuid=False), primary_key=True),
    Column("state", Text),
    Column("since", DateTime(timezone=True)),
    Column("skill", Text),
    Column("language", Text),
    Column("unserved_skill", Text),
    Column("unserved_language", Text),
    Column("team_id", Text),
    Column("waits_for_team", Boolean),
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

RETENTION: tuple[Rule, ...] = (
    Retention("assignments", "ended_at", days=400, condition="state IN ('completed', 'abandoned')"),
    Retention("adjustments", "ended_at", days=400),
    Kept("people", "one row a person; those who left are inactive"),
    Kept("entry_versions", "old versions explain old decisions; one row for each change"),
    Kept("representatives", "one row a person; those who left are inactive"),
    # The newest event of a person stays: it carries the number that the next one follows.
    published_events_rule("""
        CASE topic
            WHEN 'assignments' THEN NOT EXISTS (
                SELECT FROM assignments WHERE contact_id = CAST(key AS uuid))
            ELSE sequence < (
                SELECT max(newest.sequence) FROM published_events AS newest
                WHERE newest.key = published_events.key AND newest.topic = published_events.topic)
        END
    """),
)
