"""Ids tell the day in which they were made."""

from datetime import UTC, date, datetime
from uuid import NAMESPACE_OID, UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.core.ids import EventId, canonical, day_of, derived_id, new_id


def made_at(at: datetime) -> EventId:
    milliseconds = int(at.timestamp() * 1000)
    version, variant = 7 << 76, 2 << 62
    return EventId(str(UUID(int=milliseconds << 80 | version | variant)))


@given(st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31)))  # noqa: DTZ001 - made aware below
def test_day_of_an_id_is_the_utc_day(at: datetime) -> None:
    assert day_of(made_at(at.replace(tzinfo=UTC))) == at.date()


def test_day_ends_at_midnight_utc() -> None:
    assert day_of(made_at(datetime(2026, 3, 2, 23, 59, 59, 999000, UTC))) == date(2026, 3, 2)
    assert day_of(made_at(datetime(2026, 3, 3, tzinfo=UTC))) == date(2026, 3, 3)


@pytest.mark.parametrize(
    "other",
    [
        "",
        "17",
        "1c9fbf4e-2f5b-4a8c-9c3e-0a4a3b1f7d55",
        str(UUID(int=0)),
        "ffffffff-ffff-7fff-bfff-ffffffffffff",
    ],
)
def test_id_of_another_version_has_no_day(other: str) -> None:
    with pytest.raises(ValueError, match=r"UUID|year"):
        day_of(EventId(other))


def test_new_ids_are_ordered_by_time() -> None:
    ids = [new_id() for _ in range(1000)]
    assert sorted(ids) == ids
    assert len(set(ids)) == len(ids)


@given(st.uuids())
def test_canonical_form_of_an_id_is_unique(made: UUID) -> None:
    forms = (str(made), str(made).upper(), made.hex, f"{{{made}}}", made.urn)
    assert {canonical(form) for form in forms} == {str(made)}


def test_derived_id_is_the_same_for_the_same_parts() -> None:
    assert derived_id("contact", 7, "sara") == str(uuid5(NAMESPACE_OID, "contact/7/sara"))
    assert derived_id("contact", 7) != derived_id("contact", 8)
    assert canonical(derived_id("contact", 7)) == derived_id("contact", 7)
