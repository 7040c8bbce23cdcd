"""All writes of a transaction as one statement, each with its own parameters and its count."""

import pytest

from common.core.errors import PermanentError
from common.storage.database import Database
from common.storage.writes import Write, execute_writes, write_query
from support.databases import rows
from support.probe import UnitOfWork, new_contact

INSERT = write_query(
    "insert_probes",
    """
    INSERT INTO probes (contact_id, notes, touched_at)
    SELECT id, ARRAY[CAST(:note AS text)], now() FROM unnest(CAST(:ids AS uuid[])) AS id
    """,
)
UPDATE = write_query(
    "update_probes",
    "UPDATE probes SET notes = notes || CAST(:note AS text) "
    "WHERE contact_id = ANY(CAST(:ids AS uuid[]))",
)


class WrongCountError(PermanentError):
    """Not as many rows were written as expected."""


def refuse(_count: int) -> None:
    raise WrongCountError


async def read_notes(database: Database[UnitOfWork]) -> dict[str, list[str]]:
    probes = await rows(database, "SELECT CAST(contact_id AS text) AS id, notes FROM probes")
    return {row.id: row.notes for row in probes}


async def test_write_has_its_own_parameters_and_tells_its_count(
    database: Database[UnitOfWork],
) -> None:
    old, *new = (new_contact() for _ in range(4))
    counts: list[int] = []
    async with database.transaction() as uow:
        await execute_writes(uow.connection, [Write(INSERT, {"ids": [old], "note": "old"})])
        await execute_writes(
            uow.connection,
            [
                Write(INSERT, {"ids": new, "note": "new"}, counts.append),
                # None of them exists for this write.
                Write(UPDATE, {"ids": [old, *new], "note": "seen"}, counts.append),
            ],
        )
    assert counts == [3, 1]
    assert await read_notes(database) == {old: ["old", "seen"], **{id_: ["new"] for id_ in new}}


async def test_refused_count_undoes_all_writes(database: Database[UnitOfWork]) -> None:
    with pytest.raises(WrongCountError):
        async with database.transaction() as uow:
            await execute_writes(
                uow.connection,
                [
                    Write(INSERT, {"ids": [new_contact()], "note": "a"}),
                    Write(UPDATE, {"ids": [new_contact()], "note": "b"}, refuse),
                ],
            )
    assert await read_notes(database) == {}
