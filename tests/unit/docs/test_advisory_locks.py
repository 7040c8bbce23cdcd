"""Keys of advisory locks can be neither guessed nor shared by chance."""

from pathlib import Path

ROOT = Path(__file__).parents[3]
SOURCES = {
    str(path.relative_to(ROOT)): path.read_text()
    for folder in ("libs/common/src", "services")
    for path in (ROOT / folder).rglob("*.py")
}
# Before there is a schema with a salt.
WITHOUT_SALT = {
    "libs/common/src/common/service/provision.py",
    "libs/common/src/common/storage/migrations.py",
}


def test_lock_keys_come_from_the_salt_of_the_schema() -> None:
    locking = {name for name, text in SOURCES.items() if "advisory" in text and "pg_" in text}
    salted = {name for name in locking if "lock_key(" in SOURCES[name]}
    assert locking - salted <= {*WITHOUT_SALT, "libs/common/src/common/storage/locks.py"}
    # A hash with the salt as its seed can't be guessed either.
    seeded = "hashtextextended(key, seed))\n    FROM lock_key("
    assert not [name for name, text in SOURCES.items() if "hashtext" in text.replace(seeded, "")]
