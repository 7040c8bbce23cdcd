"""One hash for many texts, and for each text a short proof that the hash covers it (Merkle tree).

Texts and inner nodes are hashed with different first bytes, as in RFC 9162, so that no text can
stand for a node.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

# More texts than anybody hashes together: 2 to this power.
_MAX_DEPTH: Final = 16
_HASH_BYTES: Final = 32
_LEAF: Final = b"\x00"
_NODE: Final = b"\x01"
# On which side the neighbour's hash goes.
_LEFT: Final = b"l"
_RIGHT: Final = b"r"
_STEP_BYTES: Final = 1 + _HASH_BYTES


def hash_together(texts: Sequence[bytes]) -> tuple[bytes, list[bytes]]:
    """Return the hash of all texts, at least one, and the proof of each."""
    proofs = [bytearray() for _ in texts]
    level = [(_leaf(text), range(place, place + 1)) for place, text in enumerate(texts)]
    while len(level) > 1:
        above = []
        for (left, lefts), (right, rights) in zip(level[::2], level[1::2], strict=False):
            for place in lefts:
                proofs[place] += _RIGHT + right
            for place in rights:
                proofs[place] += _LEFT + left
            above.append((_node(left, right), range(lefts.start, rights.stop)))
        # A node without a neighbour moves up as it is.
        level = above + level[2 * len(above) :]
    return level[0][0], [bytes(proof) for proof in proofs]


def hash_by_proof(text: bytes, proof: bytes) -> bytes:
    """Return the hash that the proof leads to; raises ValueError if it is no proof."""
    if len(proof) % _STEP_BYTES or len(proof) > _MAX_DEPTH * _STEP_BYTES:
        raise ValueError("not a proof of a hash tree")
    reached = _leaf(text)
    for start in range(0, len(proof), _STEP_BYTES):
        side, neighbour = proof[start : start + 1], proof[start + 1 : start + _STEP_BYTES]
        if side == _RIGHT:
            reached = _node(reached, neighbour)
        elif side == _LEFT:
            reached = _node(neighbour, reached)
        else:
            raise ValueError("not a proof of a hash tree")
    return reached


def _leaf(text: bytes) -> bytes:
    return sha256(_LEAF + text).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(_NODE + left + right).digest()
