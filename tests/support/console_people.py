"""The console's people: they can sign in once the services have heard of them."""

from stage.console import wait_until_admitted

__all__ = ["wait_until_admitted"]
