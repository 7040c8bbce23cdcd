"""Create the tables of the console."""

from alembic import op

from common.storage.migrations import create_lock_keys

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

STATEMENTS = (
    # `digest` is that of the token in the cookie, which is stored nowhere. `id_token` is what the
    # provider wants back when the person signs out there.
    """
    CREATE TABLE sessions (
        session_id uuid PRIMARY KEY,
        digest bytea NOT NULL UNIQUE,
        person_id text NOT NULL,
        role text NOT NULL CHECK (role IN ('representative', 'supervisor', 'manager')),
        name text NOT NULL,
        zone text NOT NULL,
        browser text NOT NULL,
        address text NOT NULL,
        id_token text,
        created_at timestamptz NOT NULL,
        seen_at timestamptz NOT NULL,
        ends_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX sessions_of_person ON sessions (person_id)",
    "CREATE INDEX sessions_ends_at ON sessions (ends_at)",
    # For development only: who opens the link is signed in, once.
    """
    CREATE TABLE sign_in_links (
        digest bytea PRIMARY KEY,
        person_id text NOT NULL,
        role text NOT NULL CHECK (role IN ('representative', 'supervisor', 'manager')),
        expires_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX sign_in_links_expires_at ON sign_in_links (expires_at)",
    # A form that a person has sent: its second sending does nothing.
    """
    CREATE TABLE submissions (
        person_id text NOT NULL,
        submission text NOT NULL,
        sent_at timestamptz NOT NULL,
        PRIMARY KEY (person_id, submission)
    )
    """,
    "CREATE INDEX submissions_sent_at ON submissions (sent_at)",
    # Filters of Now that a person has named; `address` is the query of the page.
    """
    CREATE TABLE saved_views (
        view_id uuid PRIMARY KEY,
        person_id text NOT NULL,
        name text NOT NULL,
        address text NOT NULL,
        is_default boolean NOT NULL,
        used_at timestamptz NOT NULL,
        UNIQUE (person_id, name)
    )
    """,
    "CREATE UNIQUE INDEX saved_views_default ON saved_views (person_id) WHERE is_default",
    "CREATE INDEX saved_views_used_at ON saved_views (used_at)",
    # What a person wrote in the form of an action and did not send, or not with success.
    """
    CREATE TABLE drafts (
        person_id text NOT NULL,
        escalation_id uuid NOT NULL,
        action text NOT NULL,
        fields jsonb NOT NULL,
        saved_at timestamptz NOT NULL,
        PRIMARY KEY (person_id, escalation_id, action)
    )
    """,
    "CREATE INDEX drafts_saved_at ON drafts (saved_at)",
)


def upgrade():
    create_lock_keys()
    for statement in STATEMENTS:
        op.execute(statement)
