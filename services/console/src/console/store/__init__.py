"""The SQL of the console, and its unit of work."""

from console.store.unit_of_work import UnitOfWork

__all__ = ["UnitOfWork"]
