"""The tables of intake, which the migrations make, and how long their rows are kept."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

from common.service.retention import Kept, Retention, Rule, published_events_rule

metadata = MetaData()

# Seven years.
_AUDIT_DAYS: Final = 2557

contacts = Table(
    "contacts",
    metadata,
    Column("contact_id", Uuid(as_uuid=False), primary_key=True),
    Column("state", Text),
    Column("channel", Text),
    Column("received_from", Text),
    Column("external_ref", Text),
    Column("customer_id", Text),
    Column("subject", Text),
    Column("topic", Text),
    Column("language", Text),
    Column("priority", Text),
    Column("received_at", DateTime(timezone=True)),
    Column("changed_at", DateTime(timezone=True)),
    Column("campaign", Text),
    Column("follows", Uuid(as_uuid=False)),
    Column("resolved_at", DateTime(timezone=True)),
    Column("resolved_by", Text),
    Column("resolution_no", Integer),
    Column("escalation", JSONB),
    Column("state_since", DateTime(timezone=True)),
    Column("latest", JSONB),
    Column("merged_into", Uuid(as_uuid=False)),
    Column("supervisor_quote", Text),
    Column("supervisor_question", JSONB),
    Column("vulnerability", JSONB),
    Column("announced", Boolean),
    Column("team", Text),
)
customers = Table(
    "customers",
    metadata,
    Column("customer_id", Text, primary_key=True),
    Column("name", Text),
    Column("tier", Text),
    Column("region", Text),
    Column("merged_into", Text),
    Column("survivor_id", Text),
    Column("version", Integer),
)
customer_addresses = Table(
    "customer_addresses",
    metadata,
    Column("customer_id", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("address", Text, primary_key=True),
    Column("verified", Boolean),
    Column("first_at", DateTime(timezone=True)),
)
customer_merges = Table(
    "customer_merges",
    metadata,
    Column("merge_id", Uuid(as_uuid=False), primary_key=True),
    Column("customer_id", Text),
    Column("into_id", Text),
    Column("action", Text),
    Column("reason", Text),
    Column("by", Text),
    Column("reported_by", Text),
    Column("at", DateTime(timezone=True)),
)
erasures = Table(
    "erasures",
    metadata,
    Column("erasure_id", Uuid(as_uuid=False), primary_key=True),
    Column("customer_id", Text),
    Column("customers", Integer),
    Column("contacts", Integer),
    Column("by", Text),
    Column("reported_by", Text),
    Column("at", DateTime(timezone=True)),
    Column("completed_at", DateTime(timezone=True)),
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
    Column("automatic", Boolean),
    Column("reported_by", Text),
    Column("internal", Boolean),
    Column("external_id", Text),
)
attachments = Table(
    "attachments",
    metadata,
    Column("contact_id", Uuid(as_uuid=False), primary_key=True),
    Column("message_ref", Text, primary_key=True),
    Column("attachment_id", Text, primary_key=True),
    Column("name", Text),
    Column("url", Text),
    Column("content_type", Text),
    Column("size_bytes", BigInteger),
)
contact_history = Table(
    "contact_history",
    metadata,
    Column("contact_id", Uuid(as_uuid=False), primary_key=True),
    Column("event_id", Text, primary_key=True),
    Column("field", Text, primary_key=True),
    Column("value", Text),
    Column("at", DateTime(timezone=True)),
    Column("applied", Boolean),
)
contact_representatives = Table(
    "contact_representatives",
    metadata,
    Column("contact_id", Uuid(as_uuid=False), primary_key=True),
    Column("person_id", Text, primary_key=True),
    # Of the event that assigned it.
    Column("sequence", BigInteger),
    Column("at", DateTime(timezone=True)),
    Column("is_released", Boolean),
)
surveys = Table(
    "surveys",
    metadata,
    Column("contact_id", Uuid(as_uuid=False), primary_key=True),
    Column("survey_id", Text, primary_key=True),
    Column("kind", Text),
    Column("person_id", Text),
    Column("team_id", Text),
    Column("resolution_no", Integer),
    Column("sent_at", DateTime(timezone=True)),
    Column("answer", JSONB(none_as_null=True)),
    Column("answered_at", DateTime(timezone=True)),
)
channel_connections = Table(
    "channel_connections",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("connection", Text, primary_key=True),
    Column("state", Text),
    Column("version", Integer),
    Column("secrets", JSONB),
    Column("app_secret", JSONB(none_as_null=True)),
    Column("options", JSONB),
    Column("expected", JSONB(none_as_null=True)),
    Column("changed_at", DateTime(timezone=True)),
    Column("changed_by", Text),
)
# Beside the connections, whose rows change with their settings only.
channel_activity = Table(
    "channel_activity",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("connection", Text, primary_key=True),
    Column("last_delivery_at", DateTime(timezone=True)),
    Column("failed_at", DateTime(timezone=True)),
    Column("failure_code", Text),
    Column("failure_detail", Text),
    Column("silent_since", DateTime(timezone=True)),
)
rate_limit_windows = Table(
    "rate_limit_windows",
    metadata,
    Column("system", Text, primary_key=True),
    Column("at", DateTime(timezone=True)),
    Column("taken", JSONB),
)
listening_periods = Table(
    "listening_periods",
    metadata,
    Column("listener", Text, primary_key=True),
    Column("since", DateTime(timezone=True)),
    Column("last_seen_at", DateTime(timezone=True)),
)
mailboxes = Table(
    "mailboxes",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("source", Text),
    Column("uid_validity", BigInteger),
    Column("last_uid", BigInteger),
    Column("read_at", DateTime(timezone=True)),
    Column("failing_uid", BigInteger),
    Column("uid_failures", Integer),
    Column("failures", Integer),
    Column("error", Text),
    Column("due_at", DateTime(timezone=True)),
    Column("holder", Text),
    Column("held_until", DateTime(timezone=True)),
)
# What a token server refuses, so that it is not asked for ever.
sign_ins = Table(
    "sign_ins",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("connection", Text, primary_key=True),
    Column("credentials", Text),
    Column("refusals", Integer),
    Column("reason", Text),
    Column("refused_at", DateTime(timezone=True)),
)
# Cases that are to be read in their system, since a delivery had not what they are about.
case_reads = Table(
    "case_reads",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("connection", Text, primary_key=True),
    Column("event_id", Text, primary_key=True),
    Column("case_ref", Text),
    Column("headers", JSONB),
    Column("body", LargeBinary),
    Column("requested_at", DateTime(timezone=True)),
    Column("attempts", Integer),
    Column("is_opened", Boolean),
    Column("reason", Text),
    Column("due_at", DateTime(timezone=True)),
    Column("holder", Text),
    Column("held_until", DateTime(timezone=True)),
)
status_sources = Table(
    "status_sources",
    metadata,
    Column("source", Text, primary_key=True),
    Column("is_active", Boolean),
    Column("changed_at", DateTime(timezone=True)),
)

RETENTION: tuple[Rule, ...] = (
    Retention(
        "contacts",
        # Only a resolved contact has a resolution.
        "coalesce(resolved_at, received_at)",
        days=400,
        condition="state IN ('resolved', 'abandoned', 'discarded', 'merged')",
        cascades=(
            "DELETE FROM messages USING deleted WHERE messages.contact_id = deleted.contact_id",
            """
            DELETE FROM attachments USING deleted
            WHERE attachments.contact_id = deleted.contact_id
            """,
            """
            DELETE FROM contact_history USING deleted
            WHERE contact_history.contact_id = deleted.contact_id
            """,
            "DELETE FROM surveys USING deleted WHERE surveys.contact_id = deleted.contact_id",
            """
            DELETE FROM contact_representatives USING deleted
            WHERE contact_representatives.contact_id = deleted.contact_id
            """,
            # Customers without any other contact, together with all that are merged with them.
            """
            DELETE FROM customers USING (
                SELECT DISTINCT coalesce(customers.survivor_id, customers.customer_id) AS id
                FROM deleted JOIN customers USING (customer_id)
            ) AS survivor
            WHERE (customers.customer_id = survivor.id OR customers.survivor_id = survivor.id)
                AND NOT EXISTS (
                    SELECT FROM customers AS member JOIN contacts USING (customer_id)
                    WHERE (member.customer_id = survivor.id OR member.survivor_id = survivor.id)
                        AND contacts.contact_id NOT IN (SELECT contact_id FROM deleted))
            """,
        ),
    ),
    Kept("messages", "a message is deleted with its contact"),
    Kept("attachments", "a reference to a file is deleted with its contact"),
    Kept("contact_history", "what a system reported of a contact is deleted with it"),
    Kept("contact_representatives", "who had a contact is deleted with it"),
    Kept("surveys", "a survey is deleted with its contact"),
    Kept("customers", "a customer is deleted with the last contact"),
    Kept("customer_addresses", "an address is deleted with its customer"),
    # As long as the audit trail of escalations.
    Retention("customer_merges", "at", days=_AUDIT_DAYS, min_days=366),
    Retention("erasures", "at", days=_AUDIT_DAYS, min_days=366),
    published_events_rule("NOT EXISTS (SELECT FROM contacts WHERE contact_id = CAST(key AS uuid))"),
    Kept("mailboxes", "how far a mailbox is read is deleted with its connection"),
    Kept("channel_connections", "settings: they are in force until they are replaced"),
    Kept("channel_activity", "one row for each connection: what came last"),
    Kept("rate_limit_windows", "one row for each system that has had a limit: what it took last"),
    Kept("listening_periods", "two rows: since when intake listens without a break"),
    Kept("sign_ins", "one row for each connection whose credentials were refused last"),
    Kept("case_reads", "a row is deleted when its case is read, or after a day"),
    Kept("status_sources", "one row for each system that had a status webhook"),
)
