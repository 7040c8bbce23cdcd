"""One hash for many texts: each text is proven alone, and nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.messaging.hash_tree import hash_by_proof, hash_together

TEXTS = st.lists(st.binary(max_size=40), min_size=1, max_size=40)


@given(TEXTS)
def test_proof_leads_to_the_hash_of_all(texts: list[bytes]) -> None:
    together, proofs = hash_together(texts)
    assert {hash_by_proof(text, proof) for text, proof in zip(texts, proofs, strict=True)} == {
        together
    }


@given(TEXTS, st.binary(max_size=40), st.data())
def test_other_text_leads_elsewhere(texts: list[bytes], other: bytes, data: st.DataObject) -> None:
    together, proofs = hash_together(texts)
    place = data.draw(st.integers(0, len(texts) - 1))
    assert (hash_by_proof(other, proofs[place]) == together) == (other == texts[place])


@given(TEXTS, TEXTS)
def test_other_texts_have_another_hash(first: list[bytes], second: list[bytes]) -> None:
    assert (hash_together(first)[0] == hash_together(second)[0]) == (first == second)


def test_inner_node_is_no_text() -> None:
    """Otherwise its two hashes could be passed off as a text."""
    together, proofs = hash_together([b"a", b"b"])
    left, right = proofs[1][1:], proofs[0][1:]
    assert hash_by_proof(left + right, b"") != together


@pytest.mark.parametrize("proof", [b"r", b"x" + b"0" * 32, b"r" * 34, (b"l" + b"0" * 32) * 17])
def test_text_that_is_no_proof_is_refused(proof: bytes) -> None:
    with pytest.raises(ValueError, match="not a proof"):
        hash_by_proof(b"a", proof)
