"""Part of invariant 5: every event that a service handles without its inbox is in its table."""

from common.contracts.assignments import AssignmentReleased, ContactAssigned
from stage.invariants.snapshot import Record, ServiceTables


def is_kept(record: Record, tables: ServiceTables) -> bool:
    """Tell whether the table has this event, or a newer one about the same person."""
    match record.event:
        case ContactAssigned() | AssignmentReleased() as event:
            place = (event.contact_id, event.representative_id)
        case _:
            return False
    known = tables.representatives_by_place.get(place)
    if isinstance(event, ContactAssigned):
        return known is not None and known.sequence >= record.sequence
    # An offer that was withdrawn leaves no row.
    return known is None or known.is_released or known.sequence > record.sequence
