"""Poison can be made for each topic that a service reads."""

import pytest

from chaos.faults.records import poison_records, topics_read_by_services
from common.contracts import TOPICS


def test_topics_read_by_services_are_ours() -> None:
    assert set(topics_read_by_services()) <= set(TOPICS)
    assert {"contacts", "assignments"} <= set(topics_read_by_services())


@pytest.mark.parametrize("topic", topics_read_by_services())
def test_topic_gets_poison_of_each_kind(topic: str) -> None:
    records = poison_records(topic)
    assert len({(tuple(headers), value) for headers, value in records}) == len(records) == 6
