"""A kind of channel is a part of the names of systems."""

from typing import get_args

import pytest
from pydantic import TypeAdapter, ValidationError

from common.contracts.event import Role
from intake.channels.registry import CHANNELS
from intake.settings import Namespace


def test_kinds_say_how_they_prove_who_sends() -> None:
    proofs = [channel.proof for channel in CHANNELS.values()]
    assert len(set(proofs)) == len(CHANNELS)
    assert all(proof.endswith(".") for proof in proofs)


def test_kind_of_channel_is_no_role() -> None:
    """Else the connection `channel:shop` would be the channel `shop`."""
    assert not set(CHANNELS) & set(get_args(Role))


def test_kind_of_channel_is_no_namespace_of_customers() -> None:
    """Else the customer `zendesk:7` of a namespace would be one of the connection `7`."""
    for kind in CHANNELS:
        with pytest.raises(ValidationError, match="must not be the name of a kind"):
            TypeAdapter(Namespace).validate_python(kind)
