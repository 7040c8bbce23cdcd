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
    kept = tables.representatives_by_place.get(place)
    if isinstance(event, ContactAssigned):
        return kept is not None and kept.sequence >= record.sequence
    # An offer that was withdrawn leaves no row.
    return kept is None or kept.is_released or kept.sequence > record.sequence
