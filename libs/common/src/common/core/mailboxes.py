"""Mail addresses, also with letters of any script."""

from functools import lru_cache
from typing import Annotated

from email_validator import SPECIAL_USE_DOMAIN_NAMES, ValidatedEmail, validate_email
from pydantic import AfterValidator, StringConstraints

# Companies have mail servers of their own there.
SPECIAL_USE_DOMAIN_NAMES.remove("local")


# The same few people are paged again and again.
@lru_cache(maxsize=1024)
def _validated(address: str) -> ValidatedEmail:
    # The domain may be one inside a company, which the world's DNS does not know.
    return validate_email(
        address, check_deliverability=False, globally_deliverable=False, strict=True
    )


def normalize_mailbox(address: str) -> str:
    """Raises EmailNotValidError, a ValueError that says in a sentence what is wrong."""
    return _validated(address).normalized


def ascii_mailbox(address: str) -> str:
    """Return it with its domain in ASCII, as every mail server takes it.

    What is before the `@` may still need SMTPUTF8.
    """
    mailbox = _validated(address)
    return mailbox.ascii_email or f"{mailbox.local_part}@{mailbox.ascii_domain}"


def mailbox_key(address: str) -> str:
    """Return what is the same however the address is written; of what is none, the text."""
    try:
        return ascii_mailbox(address).casefold()
    except ValueError:
        return address.casefold()


Mailbox = Annotated[str, StringConstraints(max_length=254), AfterValidator(normalize_mailbox)]
