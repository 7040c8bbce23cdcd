"""Who may do what: every operation of every service, each kind of caller, as owner and stranger.

The table in matrix.py is complete: an operation without a row fails the test.
"""

from collections.abc import Mapping

import httpx
import pytest

from integration.access.matrix import MATRIX, OPEN
from integration.access.person_tokens import issue_tokens
from integration.access.requests import BODIES, QUERIES
from integration.access.scenario import CALLERS, KEYS, Scenario
from support.access_matrix import Row
from support.databases import rows

_WRITTEN = "SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM published_events) AS n"


def rows_of(scenario: Scenario) -> list[Row]:
    return MATRIX[scenario.service]


async def answer_of(scenario: Scenario, row: Row, bearer: str) -> str:
    answer = await scenario.call(
        row.operation, bearer, BODIES.get(row.name), QUERIES.get(row.operation, "")
    )
    return symbol_of(answer, is_malformed=row.operation in QUERIES)


def symbol_of(answer: httpx.Response, *, is_malformed: bool) -> str:
    """Return the symbol of the table; the status, if there is none for it."""
    if answer.status_code in (401, 403):
        return "-"
    if answer.status_code == 404:
        return "0"
    # Admitted, though perhaps not in this state.
    if answer.is_success or answer.status_code in (409, 412) or is_malformed:
        return "+"
    return f"{answer.status_code} {answer.text}"


def test_every_operation_has_a_row_or_is_open(scenario: Scenario) -> None:
    listed = {row.operation for row in rows_of(scenario)} | OPEN[scenario.service].keys()
    assert listed == scenario.operations.keys()
    with_key = {name for name, each in scenario.operations.items() if each.get("security")}
    assert with_key == {row.operation for row in rows_of(scenario)}


@pytest.fixture(params=["keys", "tokens"])
async def bearers(request: pytest.FixtureRequest, scenario: Scenario) -> Mapping[str, str]:
    """What each caller sends: a key, or for people a token too, to whom the same rows apply."""
    return KEYS if request.param == "keys" else await issue_tokens(scenario)


async def test_refused_callers_change_nothing(
    scenario: Scenario, bearers: Mapping[str, str]
) -> None:
    before = await rows(scenario.database, _WRITTEN)
    different = [
        f"{row.name} by {caller}: {symbol} is {symbol_now}"
        for row in rows_of(scenario)
        for caller, symbol in row.cells.items()
        if caller in bearers
        and symbol != "+"
        and (symbol_now := await answer_of(scenario, row, bearers[caller])) != symbol
    ]
    assert not different
    assert await rows(scenario.database, _WRITTEN) == before


async def test_admitted_callers_are_not_refused(
    scenario: Scenario, bearers: Mapping[str, str]
) -> None:
    different = [
        f"{row.name} by {caller}: {symbol_now}"
        for row in rows_of(scenario)
        for caller, symbol in row.cells.items()
        if caller in bearers
        and symbol == "+"
        and (symbol_now := await answer_of(scenario, row, bearers[caller])) != "+"
    ]
    assert not different


async def test_callers_without_a_valid_key_are_refused(scenario: Scenario) -> None:
    invalid = {
        "no": None,
        "unknown": KEYS["ops"][:-1] + "~",
        "another's id": KEYS["ops"].rpartition("_")[0],
        "empty": " ",
        "revoked": await scenario.add_key("admin", by="admin:ops"),
        "expired": await scenario.add_key("admin", days=1),
        "unlisted": await scenario.add_key("admin", by="settings"),
    }
    scenario.expire_keys()
    different = [
        f"{row.name} with {kind} key: {answer.status_code}"
        for row in rows_of(scenario)
        for kind, key in invalid.items()
        if (answer := await scenario.call(row.operation, key, BODIES.get(row.name))).status_code
        != 401
    ]
    assert not different


async def test_read_only_key_reads_what_its_role_reads_and_changes_nothing(
    scenario: Scenario,
) -> None:
    key = await scenario.add_key("admin", scopes=("read",))
    before = await rows(scenario.database, _WRITTEN)
    for row in rows_of(scenario):
        answer = await scenario.call(
            row.operation, key, BODIES.get(row.name), QUERIES.get(row.operation, "")
        )
        if row.operation.startswith(("GET ", "HEAD ")):
            symbol = symbol_of(answer, is_malformed=row.operation in QUERIES)
            assert symbol == row.cells["ops"], row.name
        else:
            assert (answer.status_code, "read-only-key" in answer.text) == (403, True), row.name
    assert await rows(scenario.database, _WRITTEN) == before


async def test_open_operations_need_a_signature(scenario: Scenario) -> None:
    for operation in OPEN[scenario.service]:
        for key in (None, KEYS["ops"]):
            answer = await scenario.call(operation, key)
            assert answer.status_code == 401, (operation, answer.text)


def test_row_has_a_cell_for_each_caller() -> None:
    for table in MATRIX.values():
        assert len({row.name for row in table}) == len(table)
        for row in table:
            assert row.cells.keys() == CALLERS.keys(), row.name
            assert set(row.cells.values()) <= set("+-0"), row.name
