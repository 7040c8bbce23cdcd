"""All SQL of intake, and its unit of work."""

from intake.store.unit_of_work import UnitOfWork

__all__ = ["UnitOfWork"]
