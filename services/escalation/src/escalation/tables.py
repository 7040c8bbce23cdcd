"""The tables of escalation, which its migration creates, and how long their rows are kept."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Integer,
    MetaData,
    Numeric,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSON, JSONB

from common.service.retention import Kept, Retention, Rule, published_events_rule
from escalation.domain.model import OPEN_STATES

metadata = MetaData()

# Written out as in the partial indexes: the planner can't match bound values to them.
IS_OPEN = f"state IN ({', '.join(map(repr, OPEN_STATES))})"

setting_versions = Table(
    "setting_versions",
    metadata,
    Column("serial", BigInteger),
    Column("revision", Uuid(as_uuid=False)),
    Column("kind", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("body", JSONB),
    Column("at", DateTime(timezone=True)),
    Column("by", Text),
    Column("archived", Boolean),
)
tracked_contacts = Table(
    "tracked_contacts",
    metadata,
    Column("contact_id", Uuid(as_uuid=False), primary_key=True),
    Column("details", JSON),
    Column("opened_at", DateTime(timezone=True)),
    Column("resolved_at", DateTime(timezone=True)),
    Column("customer_id", Text),
    Column("representative_id", Text),
    Column("representatives", JSONB),
    Column("team_id", Text),
    Column("assigned_at", JSONB),
    Column("replied_at", DateTime(timezone=True)),
    Column("reply_owed_since", DateTime(timezone=True)),
    Column("waiting_since", DateTime(timezone=True)),
    Column("wait_ends_at", DateTime(timezone=True)),
    Column("referral", JSONB),
    Column("ladder_id", Text),
    Column("severity", Text),
    Column("clocks", JSON),
    Column("escalation_id", Uuid(as_uuid=False)),
    Column("escalation_count", Integer),
    Column("reopenings", Integer),
)
escalations = Table(
    "escalations",
    metadata,
    Column("escalation_id", Uuid(as_uuid=False), primary_key=True),
    Column("contact_id", Uuid(as_uuid=False)),
    Column("state", Text),
    Column("severity", Text),
    Column("ladder", JSONB),
    Column("causes", JSONB),
    Column("cause_count", Integer),
    Column("complaints", JSONB),
    Column("participants", JSONB),
    Column("responders", JSONB),
    Column("raised_at", DateTime(timezone=True)),
    Column("level", Integer),
    Column("round", Integer),
    Column("repeats", Integer),
    Column("top_repeats", Integer),
    Column("awaited", JSONB),
    Column("pages", JSONB),
    Column("deadline", DateTime(timezone=True)),
    Column("lease", JSONB),
    Column("lease_no", Integer),
    Column("snoozes", Integer),
    Column("approval", JSONB),
    Column("alarm_since", DateTime(timezone=True)),
    Column("reopened", Boolean),
    Column("closed_at", DateTime(timezone=True)),
    Column("resolution", JSONB),
    Column("version", Integer),
    Column("trail", JSONB),
)
complaints = Table(
    "complaints",
    metadata,
    Column("complaint_id", Uuid(as_uuid=False), primary_key=True),
    Column("contact_id", Uuid(as_uuid=False)),
    Column("escalation_id", Uuid(as_uuid=False)),
    Column("about", Text),
    Column("by", Text),
    Column("reason", Text),
    Column("raised_at", DateTime(timezone=True)),
    Column("state", Text),
    Column("closed_at", DateTime(timezone=True)),
    Column("judged_by", Text),
    Column("judgement", Text),
    Column("judges", JSONB),
)
grants = Table(
    "grants",
    metadata,
    Column("grant_id", Uuid(as_uuid=False), primary_key=True),
    Column("escalation_id", Uuid(as_uuid=False)),
    Column("contact_id", Uuid(as_uuid=False)),
    Column("customer_id", Text),
    Column("amount", Numeric),
    Column("currency", Text),
    Column("at", DateTime(timezone=True)),
    Column("by", Text),
    Column("approved_by", Text),
)
duty_change_requests = Table(
    "duty_change_requests",
    metadata,
    Column("request_id", Uuid(as_uuid=False), primary_key=True),
    Column("schedule_id", Text),
    Column("change", JSONB),
    Column("asked_by", Text),
    Column("person_id", Text),
    Column("asked_at", DateTime(timezone=True)),
    Column("expires_at", DateTime(timezone=True)),
    Column("answer", Text),
    Column("answered_at", DateTime(timezone=True)),
    Column("removes", Boolean),
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
audit_trail = Table(
    "audit_trail",
    metadata,
    Column("escalation_id", Uuid(as_uuid=False), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("contact_id", Uuid(as_uuid=False)),
    Column("at", DateTime(timezone=True)),
    Column("actor", Text),
    Column("action", Text),
    Column("reason", Text),
    Column("data", JSONB),
    Column("previous", Text),
    Column("hash", Text),
)
consumed_events = Table(
    "consumed_events",
    metadata,
    Column("contact_id", Uuid(as_uuid=False)),
    Column("at", DateTime(timezone=True)),
    Column("type", Text),
    Column("event_id", Uuid(as_uuid=False)),
    Column("data", JSON),
)
simulations = Table(
    "simulations",
    metadata,
    Column("simulation_id", Uuid(as_uuid=False), primary_key=True),
    Column("asked_by", Text),
    Column("asked_at", DateTime(timezone=True)),
    Column("state", Text),
    Column("request", JSONB),
    Column("attempt", Integer),
    Column("lease_ends_at", DateTime(timezone=True)),
    Column("total", Integer),
    Column("processed", Integer),
    Column("result", JSONB),
    Column("failure", Text),
    Column("failure_data", JSONB),
)
presences = Table(
    "presences",
    metadata,
    Column("person_id", Text, primary_key=True),
    Column("presence", Text),
    Column("since", DateTime(timezone=True)),
)
recipients = Table(
    "recipients",
    metadata,
    Column("person_id", Text, primary_key=True),
    Column("media", JSONB),
    Column("since", DateTime(timezone=True)),
)
representatives = Table(
    "representatives",
    metadata,
    Column("person_id", Text, primary_key=True),
    Column("skills", JSONB),
    Column("languages", JSONB),
    Column("active", Boolean),
    Column("since", DateTime(timezone=True)),
)
unserved_queues = Table(
    "unserved_queues",
    metadata,
    Column("queue", Text, primary_key=True),
    Column("announced_at", DateTime(timezone=True)),
)

RETENTION: tuple[Rule, ...] = (
    # Seven years. The database refuses to delete younger steps of the trail than a year.
    Retention(
        "escalations",
        "closed_at",
        days=2557,
        condition=f"NOT {IS_OPEN}",
        min_days=366,
    ),
    Kept("audit_trail", "the trail is deleted with its escalation"),
    # Longer than any window of an approval limit.
    Retention("grants", "at", days=2557, min_days=367),
    Retention("complaints", "closed_at", days=2557, min_days=366),
    Retention(
        "tracked_contacts",
        "resolved_at",
        days=400,
        condition="""
            NOT EXISTS (
                SELECT FROM escalations e WHERE e.contact_id = tracked_contacts.contact_id)
        """,
    ),
    # The clocks of a contact are recomputed from its events: they stay as long as the contact.
    published_events_rule(
        "NOT EXISTS (SELECT FROM tracked_contacts WHERE contact_id = CAST(key AS uuid))"
    ),
    # For `simulate`, which replays the last weeks.
    Retention(
        "consumed_events",
        "at",
        days=90,
        condition="""
            NOT EXISTS (
                SELECT FROM tracked_contacts t
                WHERE t.contact_id = consumed_events.contact_id AND t.resolved_at IS NULL)
        """,
    ),
    # Also of those that never ran.
    Retention("simulations", "asked_at", days=7),
    Kept("setting_versions", "old versions explain old decisions; one row for each change"),
    Retention("duty_change_requests", "expires_at", days=400),
    Retention("announced_gaps", "ends_at", days=30),
    Kept("presences", "one row a person"),
    Kept("recipients", "one row a person"),
    Kept("representatives", "one row a person; those who left are inactive"),
    # Longer than the quiet time.
    Retention("unserved_queues", "announced_at", days=7),
)
