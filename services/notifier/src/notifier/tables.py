"""The tables of the notifier, which its migration creates, and how long their rows are kept."""

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Integer, MetaData, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from common.service.retention import Kept, Retention, Rule, published_events_rule

metadata = MetaData()

recipients = Table(
    "recipients",
    metadata,
    Column("person_id", Text, primary_key=True),
    Column("name", Text),
    Column("media", JSONB),
    Column("link_epoch", Integer),
    Column("time_zone", Text),
    Column("devices", JSONB),
    Column("rules", JSONB),
    Column("language", Text),
    Column("verified", JSONB),
    Column("version", Integer),
)
own_requests = Table(
    "own_requests",
    metadata,
    Column("key", Text, primary_key=True),
    Column("person_id", Text),
    Column("changed_at", DateTime(timezone=True)),
    Column("reference", Text),
    Column("fingerprint", Text),
    Column("sent_at", JSONB),
    Column("tries", Integer),
)
recipient_changes = Table(
    "recipient_changes",
    metadata,
    Column("change_id", Uuid(as_uuid=False), primary_key=True),
    Column("person_id", Text),
    Column("changed_at", DateTime(timezone=True)),
    Column("changed_by", Text),
    Column("before", JSONB),
    Column("after", JSONB),
    Column("refused_media", JSONB),
)
reporting_lines = Table(
    "reporting_lines",
    metadata,
    Column("person_id", Text, primary_key=True),
    Column("version", Integer),
    Column("manager_id", Text),
    Column("active", Boolean),
)
budgets = Table(
    "budgets",
    metadata,
    Column("key", Text, primary_key=True),
    Column("sent_at", JSONB),
    Column("summary_due_at", DateTime(timezone=True)),
    Column("summaries", Integer),
    Column("changed_at", DateTime(timezone=True)),
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
    Column("system", Text),
    Column("external_ref", Text),
    Column("held_until", DateTime(timezone=True)),
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
    Column("reason_data", JSONB),
    Column("sent_at", DateTime(timezone=True)),
    Column("delivered_at", DateTime(timezone=True)),
    Column("seen_at", DateTime(timezone=True)),
    Column("acted_at", DateTime(timezone=True)),
    Column("action", Text),
    Column("traceparent", Text),
    Column("link_epoch", Integer),
    Column("summary_id", Uuid(as_uuid=False)),
    Column("page_media", JSONB),
    Column("time_zone", Text),
    Column("thread", JSONB),
    Column("receipt_due_at", DateTime(timezone=True)),
    Column("held_back_at", DateTime(timezone=True)),
    Column("ended_at", DateTime(timezone=True)),
    Column("delay_reason", Text),
    Column("failover_from", Text),
    Column("step", Integer),
    Column("language", Text),
)
# Who has opened it in a channel, which the key begins with.
home_tabs = Table(
    "home_tabs",
    metadata,
    Column("key", Text, primary_key=True),
    Column("medium", Text),
    Column("user_id", Text),
    Column("opened_at", DateTime(timezone=True)),
    Column("due_at", DateTime(timezone=True)),
    Column("claimed_at", DateTime(timezone=True)),
    Column("changed", Boolean),
    Column("published_at", DateTime(timezone=True)),
    Column("fingerprint", Text),
    Column("failures", Integer),
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
maintenance_windows = Table(
    "maintenance_windows",
    metadata,
    Column("key", Text, primary_key=True),
    Column("scope", Text),
    Column("name", Text),
    Column("starts_at", DateTime(timezone=True)),
    Column("ends_at", DateTime(timezone=True)),
    Column("reason", Text),
    Column("set_by", Text),
    Column("set_at", DateTime(timezone=True)),
    Column("begin_announced_at", DateTime(timezone=True)),
    Column("end_announced_at", DateTime(timezone=True)),
    Column("ended_by", Text),
    Column("release_at", DateTime(timezone=True)),
)
phone_replies = Table(
    "phone_replies",
    metadata,
    Column("message_id", Text, primary_key=True),
    Column("number", Text),
    Column("received_at", DateTime(timezone=True)),
    Column("hinted", Boolean),
    Column("notification_id", Uuid(as_uuid=False)),
    Column("action", Text),
)
status_webhooks = Table(
    "status_webhooks",
    metadata,
    Column("source", Text, primary_key=True),
    Column("url", Text),
    Column("statuses", JSONB),
    # Encrypted (`common.core.sealed_secrets`).
    Column("secrets", JSONB),
    Column("state", Text),
    Column("disabled_reason", Text),
    Column("version", Integer),
    Column("changed_at", DateTime(timezone=True)),
    Column("changed_by", Text),
    Column("failures", Integer),
    Column("failing_since", DateTime(timezone=True)),
    Column("retry_at", DateTime(timezone=True)),
)
status_deliveries = Table(
    "status_deliveries",
    metadata,
    Column("change_id", Uuid(as_uuid=False), primary_key=True),
    Column("source", Text),
    Column("contact_id", Uuid(as_uuid=False)),
    Column("sequence", BigInteger),
    Column("status", Text),
    Column("content", JSONB),
    Column("occurred_at", DateTime(timezone=True)),
    Column("added_at", DateTime(timezone=True)),
    Column("state", Text),
    Column("due_at", DateTime(timezone=True)),
    Column("attempts", Integer),
    Column("delivered_at", DateTime(timezone=True)),
    Column("answer", Integer),
    Column("detail", Text),
)
write_backs = Table(
    "write_backs",
    metadata,
    Column("system", Text, primary_key=True),
    Column("version", Integer),
    Column("state", Text),
    Column("base_url", Text),
    Column("credentials_type", Text),
    Column("credentials", Text),
    Column("account", Text),
    Column("steps", JSONB),
    Column("language", Text),
    Column("changed_at", DateTime(timezone=True)),
    Column("changed_by", Text),
    Column("refusals", Integer),
    Column("held_until", DateTime(timezone=True)),
    Column("halt_reason", Text),
)
mail_stops = Table(
    "mail_stops",
    metadata,
    Column("person_id", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("stopped_at", DateTime(timezone=True)),
    Column("stopped_by", Text),
)
# Every version that ever was in force.
message_templates = Table(
    "message_templates",
    metadata,
    Column("medium", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("language", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("title", Text),
    Column("body", Text),
    Column("changed_at", DateTime(timezone=True)),
    Column("changed_by", Text),
)
case_writes = Table(
    "case_writes",
    metadata,
    Column("write_id", Uuid(as_uuid=False), primary_key=True),
    Column("system", Text),
    Column("external_ref", Text),
    Column("contact_id", Uuid(as_uuid=False)),
    Column("escalation_id", Uuid(as_uuid=False)),
    Column("state", Text),
    Column("facts", JSONB),
    Column("requested_at", DateTime(timezone=True)),
    Column("due_at", DateTime(timezone=True)),
    Column("expires_at", DateTime(timezone=True)),
    Column("attempts", Integer),
    Column("ambiguous", Boolean),
    Column("reason", Text),
    Column("written_at", DateTime(timezone=True)),
    Column("traceparent", Text),
)

_ESCALATION_ENDED = "state IN ('handed_back', 'resolved', 'closed')"
RETENTION: tuple[Rule, ...] = (
    Retention(
        "notifications",
        "requested_at",
        days=400,
        condition=f"""
            state NOT IN ('pending', 'sending', 'held_back') AND NOT EXISTS (
                SELECT FROM escalations e WHERE e.escalation_id = notifications.escalation_id
                    AND NOT e.{_ESCALATION_ENDED})
        """,
        cascades=(
            """
            DELETE FROM delivery_attempts USING deleted
            WHERE delivery_attempts.notification_id = deleted.notification_id
            """,
        ),
    ),
    Kept("delivery_attempts", "an attempt is deleted with its notification"),
    Retention(
        "escalations",
        "at",
        days=400,
        condition=f"""
            {_ESCALATION_ENDED} AND NOT EXISTS (
                SELECT FROM notifications n WHERE n.escalation_id = escalations.escalation_id)
        """,
    ),
    published_events_rule(
        "NOT EXISTS (SELECT FROM notifications n WHERE n.contact_id = CAST(key AS uuid))"
    ),
    Kept("recipients", "one row a person"),
    Retention("recipient_changes", "changed_at", days=400),
    Kept("reporting_lines", "one row a person"),
    Retention("budgets", "changed_at", days=1),
    Retention("maintenance_windows", "ends_at", days=30),
    # What nobody opens is not kept up to date; opening makes the row again.
    Retention("home_tabs", "opened_at", days=30),
    Retention("own_requests", "changed_at", days=30),
    Kept("channel_users", "one row for each account of a person"),
    # A row recognizes a reply that comes again.
    Retention("phone_replies", "received_at", days=400),
    Kept("status_webhooks", "settings: they are in force until they are replaced"),
    # Longer than Kafka keeps the event: a row recognizes one that comes again.
    Retention("status_deliveries", "added_at", days=14, min_days=8),
    Kept("mail_stops", "one row for each kind of mail that a person has stopped"),
    Kept("message_templates", "settings and their history: a row for each change by a person"),
    Kept("write_backs", "one row for each connection that is written to"),
    Retention(
        "case_writes", "requested_at", days=400, condition="state NOT IN ('pending', 'writing')"
    ),
)
