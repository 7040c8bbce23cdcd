"""A key's partition is that of Kafka's own clients, so the events of one key keep their order."""

from aiokafka.partitioner import DefaultPartitioner
from hypothesis import given
from hypothesis import strategies as st

from common.core.ids import new_id
from common.messaging.partitioner import partition_of


@given(st.binary(max_size=50), st.integers(1, 60))
def test_partition_of_any_key_is_that_of_kafkas_clients(key: bytes, count: int) -> None:
    numbers = list(range(count))
    assert partition_of(key, count) == DefaultPartitioner()(key, numbers, numbers)


def test_partition_of_a_contact_is_that_of_kafkas_clients() -> None:
    for _ in range(100):
        key = new_id().encode()
        assert partition_of(key, 6) == DefaultPartitioner()(key, list(range(6)), list(range(6)))
