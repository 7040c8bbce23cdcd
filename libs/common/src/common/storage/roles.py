"""The two PostgreSQL roles of a service."""


def serving_role(schema: str) -> str:
    """Return the role of the running service: it reads and writes rows."""
    return f"upstairs_{schema}"


def owner_role(schema: str) -> str:
    """Return the role that owns the tables: migrations run as it, and nothing else does."""
    return f"upstairs_{schema}_owner"
