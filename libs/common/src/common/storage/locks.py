"""Keys of advisory locks that are taken before a schema has tables.

All others come from the SQL function `lock_key`, which no other role can compute.
"""

import hashlib


def advisory_key(*parts: str) -> int:
    """Return a key of 64 bits that two purposes do not share."""
    digest = hashlib.sha256("/".join(("upstairs", *parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
