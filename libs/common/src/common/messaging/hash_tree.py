"""One hash for many texts, and for each text a short proof that the hash covers it (Merkle tree).

Texts and inner nodes are hashed with different first bytes, as in RFC 9162, so that no text can
stand for a node.
"""

from collections.abc import Sequence
from functools import lru_cache
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
# Records of a batch share them. With their proofs they take a quarter of a megabyte.
_REMEMBERED_NODES: Final = 500


def hash_together(texts: Sequence[bytes]) -> tuple[bytes, list[bytes]]:
    """Return the hash of all texts, at least one, and the proof of each."""
    levels = [[_leaf(text) for text in texts]]
    while len(levels[-1]) > 1:
        levels.append(_level_above(levels[-1]))
    proofs = [b""]
    for level in levels[-2::-1]:
        proofs = [_step_up(level, place) + proofs[place // 2] for place in range(len(level))]
    return levels[-1][0], proofs


def _level_above(level: list[bytes]) -> list[bytes]:
    above = [_node(left, right) for left, right in zip(level[::2], level[1::2], strict=False)]
    # A node without a neighbour moves up as it is.
    return above + level[2 * len(above) :]


def _step_up(level: Sequence[bytes], place: int) -> bytes:
    if place % 2:
        return _LEFT + level[place - 1]
    return _RIGHT + level[place + 1] if place + 1 < len(level) else b""


def hash_by_proof(text: bytes, proof: bytes) -> bytes:
    """Return the hash that the proof leads to; raises ValueError if it is no proof."""
    if len(proof) % _STEP_BYTES or len(proof) > _MAX_DEPTH * _STEP_BYTES:
        raise ValueError("not a proof of a hash tree")
    reached = _leaf(text)
    return _climb(_climb_step(reached, proof), proof[_STEP_BYTES:]) if proof else reached


@lru_cache(maxsize=_REMEMBERED_NODES)
def _climb(reached: bytes, proof: bytes) -> bytes:
    """Return the top. Neighbours have the rest of the way in common, so it is remembered."""
    if not proof:
        return reached
    return _climb(_climb_step(reached, proof), proof[_STEP_BYTES:])


def _climb_step(reached: bytes, proof: bytes) -> bytes:
    side, neighbour = proof[:1], proof[1:_STEP_BYTES]
    if side == _RIGHT:
        return _node(reached, neighbour)
    if side == _LEFT:
        return _node(neighbour, reached)
    raise ValueError("not a proof of a hash tree")


def _leaf(text: bytes) -> bytes:
    return sha256(_LEAF + text).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(_NODE + left + right).digest()
