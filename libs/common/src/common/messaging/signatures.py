"""Signatures of records: who may write to a topic can still not speak for its owner.

An Ed25519 signature covers the topic, the record's key, every attribute of the envelope and the
value. Records that are sent together share one signature, of the hash of all; each has a proof that
the hash covers it. See docs/adr/0021.
"""

import base64
import binascii
import hashlib
import itertools
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from struct import Struct
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from common.messaging.envelope import Headers, UntrustedRecordError
from common.messaging.hash_tree import hash_by_proof, hash_together

SIGNATURE_HEADER: Final = "ce_signature"
KEY_ID_HEADER: Final = "ce_signaturekey"
PROOF_HEADER: Final = "ce_signatureproof"

# Begins what is signed, so that a signature has no meaning elsewhere.
_PURPOSE: Final = b"upstairs records 3"
# In this order. An attribute that is absent counts as empty.
_SIGNED_HEADERS: Final = (
    "ce_specversion",
    "ce_id",
    "ce_type",
    "ce_source",
    "ce_sequence",
    "ce_traceparent",
    "content-type",
)
_KNOWN_HEADERS: Final = frozenset((*_SIGNED_HEADERS, SIGNATURE_HEADER, KEY_ID_HEADER, PROOF_HEADER))
_PEM: Final = "-----BEGIN"
_KEY_ID_BYTES: Final = 8
_LENGTHS: Final = Struct(f">{3 + len(_SIGNED_HEADERS)}I")
# Those of records that are sent together follow each other.
_REMEMBERED_SIGNATURES: Final = 1000


class RecordContent(NamedTuple):
    """What a signature covers. The topic is the name in Kafka."""

    topic: str
    key: bytes
    headers: list[tuple[str, bytes]]
    value: bytes


class SigningKeyError(ValueError):
    """A key for signatures is neither PEM of Ed25519 nor 32 bytes in Base64."""


class SigningKey:
    """The private key of one service."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self._id = key_id(key.public_key()).encode()

    @classmethod
    def generate(cls) -> "SigningKey":
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def parse(cls, text: str) -> "SigningKey":
        """Read PEM, or the 32 bytes of the seed in Base64; raises SigningKeyError."""
        try:
            if text.lstrip().startswith(_PEM):
                key = load_pem_private_key(text.strip().encode(), password=None)
            else:
                key = Ed25519PrivateKey.from_private_bytes(_from_base64(text))
        except (ValueError, TypeError) as error:
            raise SigningKeyError(SigningKeyError.__doc__) from error
        if not isinstance(key, Ed25519PrivateKey):
            raise SigningKeyError(SigningKeyError.__doc__)
        return cls(key)

    @property
    def seed(self) -> str:
        """The private key in Base64, as a setting takes it."""
        raw = self._key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
        return base64.b64encode(raw).decode()

    @property
    def public(self) -> str:
        """The public key in Base64, as a setting takes it."""
        raw = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return base64.b64encode(raw).decode()

    def sign(self, records: Sequence[RecordContent]) -> list[list[tuple[str, bytes]]]:
        """Return for each record, of at least one, the headers that carry the signature."""
        together, proofs = hash_together(
            [
                _signed_bytes(record.topic, record.key, dict(record.headers), record.value)
                for record in records
            ]
        )
        signature = base64.b64encode(self._key.sign(_PURPOSE + together))
        shared = [(KEY_ID_HEADER, self._id), (SIGNATURE_HEADER, signature)]
        return [[*shared, (PROOF_HEADER, base64.b64encode(proof))] for proof in proofs]


class VerificationKeys:
    """The public keys of each service; several of one service are valid at once."""

    def __init__(self, keys: Mapping[str, Sequence[str]]) -> None:
        """Read PEM, or the 32 bytes in Base64; raises SigningKeyError.

        Two services with the same key could speak for each other: it is refused.
        """
        self._keys = {
            service: {key_id(parsed): parsed for parsed in map(_parse_public, texts)}
            for service, texts in keys.items()
        }
        self._verified: OrderedDict[tuple[str, bytes, bytes, bytes], None] = OrderedDict()
        for first, second in itertools.combinations(self._keys, 2):
            if self._keys[first].keys() & self._keys[second].keys():
                raise SigningKeyError(f"{first} and {second} have the same key: make two.")

    def accepts(self, service: str, key: SigningKey) -> bool:
        """Return whether what the service signs with this key is valid."""
        return key_id(_parse_public(key.public)) in self._keys.get(service, {})

    def check(
        self, service: str, topic: str, key: bytes | None, headers: Headers, value: bytes | None
    ) -> None:
        """Raise UntrustedRecordError unless the service has signed this record for this topic."""
        by_name = {name: text or b"" for name, text in headers}
        if len(by_name) < len(headers) or not _KNOWN_HEADERS.issuperset(by_name):
            # A stranger may add them to a copy of a signed record.
            message = "it has headers that no signature covers"
            raise UntrustedRecordError(message)
        try:
            proof = base64.b64decode(by_name[PROOF_HEADER], validate=True)
            signed = _signed_bytes(topic, key or b"", by_name, value or b"")
            together = hash_by_proof(signed, proof)
            self._verify(service, by_name[KEY_ID_HEADER], by_name[SIGNATURE_HEADER], together)
        except KeyError as error:
            message = f"it is not signed with a key of {service}"
            raise UntrustedRecordError(message) from error
        except (InvalidSignature, ValueError) as error:
            message = f"its signature is not that of {service}"
            raise UntrustedRecordError(message) from error

    def _verify(self, service: str, key: bytes, signature: bytes, together: bytes) -> None:
        """Take the texts of the headers.

        Raises KeyError for an unknown key, and InvalidSignature or ValueError.
        """
        verified = service, key, signature, together
        if verified in self._verified:
            return
        raw = base64.b64decode(signature, validate=True)
        self._keys[service][key.decode()].verify(raw, _PURPOSE + together)
        self._verified[verified] = None
        if len(self._verified) > _REMEMBERED_SIGNATURES:
            self._verified.popitem(last=False)


def public_text(text: str) -> str:
    """Return a public key in Base64, which may be given as PEM; raises SigningKeyError."""
    raw = _parse_public(text).public_bytes(Encoding.Raw, PublicFormat.Raw)
    return base64.b64encode(raw).decode()


def key_id(key: Ed25519PublicKey) -> str:
    """Return the name of a key, which is part of its hash: nobody has to choose one."""
    raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return hashlib.sha256(raw).digest()[:_KEY_ID_BYTES].hex()


def _parse_public(text: str) -> Ed25519PublicKey:
    try:
        if text.lstrip().startswith(_PEM):
            key = load_pem_public_key(text.strip().encode())
        else:
            key = Ed25519PublicKey.from_public_bytes(_from_base64(text))
    except ValueError as error:
        raise SigningKeyError(SigningKeyError.__doc__) from error
    if not isinstance(key, Ed25519PublicKey):
        raise SigningKeyError(SigningKeyError.__doc__)
    return key


def _from_base64(text: str) -> bytes:
    """Read either alphabet of Base64: with `+/` or with `-_`."""
    try:
        return base64.b64decode(text.strip().replace("-", "+").replace("_", "/"), validate=True)
    except binascii.Error as error:
        raise SigningKeyError(SigningKeyError.__doc__) from error


def _signed_bytes(topic: str, key: bytes, headers: Mapping[str, bytes], value: bytes) -> bytes:
    """Return what is signed, after the lengths of its parts: so no two records are alike."""
    attributes = [headers.get(name, b"") for name in _SIGNED_HEADERS]
    parts = (topic.encode(), key, *attributes, value)
    return _LENGTHS.pack(*map(len, parts)) + b"".join(parts)
