"""All SQL of router, and its unit of work."""

from router.store.pool_cache import PoolCache
from router.store.unit_of_work import UnitOfWork

__all__ = ["PoolCache", "UnitOfWork"]
