"""Signed notes (C2SP signed-note and tlog-checkpoint) with Ed25519, and the keys that sign them.

A public key is written `name+hash+key` (a verifier key, "vkey"). Behind it may stand `@number`: the last checkpoint that
a retired key has signed, so that a key that leaks later cannot sign another past.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

_ED25519 = b"\x01"
_SEED_BYTES = 32
UNKNOWN = "signed by no known key"


class BadNote(ValueError):
    """A note that is not signed by a known key, or is no note; the text says which."""


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key by its name; `until` is the last checkpoint it may have signed (None: still in use)."""

    name: str
    public: bytes
    until: int | None = None

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """Read `name+hash+key[@number]`; raises ValueError."""
        key, _, until = text.strip().partition("@")
        try:
            name, hashed, encoded = key.split("+", 2)
            raw = base64.b64decode(encoded, validate=True)
        except ValueError as error:
            raise ValueError(f"{text!r} is no verifier key (name+hash+key)") from error
        found = cls(name, raw[1:], int(until) if until else None)
        if raw[:1] != _ED25519 or len(found.public) != _SEED_BYTES or found.id.hex() != hashed:
            raise ValueError(f"{text!r} is no Ed25519 verifier key, or its hash does not fit")
        return found

    @property
    def id(self) -> bytes:
        """The four bytes that name this key in a signature."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:4]

    def __str__(self) -> str:
        text = f"{self.name}+{self.id.hex()}+{base64.b64encode(_ED25519 + self.public).decode()}"
        return text if self.until is None else f"{text}@{self.until}"


class Signer:
    """A private key by its name."""

    def __init__(self, name: str, key: Ed25519PrivateKey) -> None:
        if not name or "+" in name or any(letter.isspace() for letter in name):
            raise ValueError(f"{name!r} cannot name a key: no spaces and no +")
        self._key = key
        raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.verifier = VerifierKey(name, raw)

    @classmethod
    def from_text(cls, name: str, seed: str) -> "Signer":
        """From 32 bytes in base64; raises ValueError."""
        try:
            raw = base64.b64decode(seed.strip(), validate=True)
        except ValueError as error:
            raise ValueError("the sealing key is no base64") from error
        if len(raw) != _SEED_BYTES:
            raise ValueError(f"the sealing key has {len(raw)} bytes, not {_SEED_BYTES}")
        return cls(name, Ed25519PrivateKey.from_private_bytes(raw))

    @classmethod
    def generate(cls, name: str) -> "Signer":
        return cls(name, Ed25519PrivateKey.generate())

    def seed(self) -> str:
        raw = self._key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
        return base64.b64encode(raw).decode()

    def sign(self, text: str) -> str:
        """The note: `text` (ends with a newline), an empty line, and the signature."""
        if not text.endswith("\n"):
            raise ValueError("a note's text ends with a newline")
        signature = base64.b64encode(self.verifier.id + self._key.sign(text.encode())).decode()
        return f"{text}\n\N{EM DASH} {self.verifier.name} {signature}\n"


def open_note(
    note: str, keys: Sequence[VerifierKey], *, number: int | None = None
) -> tuple[str, VerifierKey]:
    """The text and the key that signed it. `number`: a key that was retired before it does not count. Raises BadNote."""
    text, mark, signatures = note.rpartition("\n\n")
    if not mark:
        raise BadNote("no signature")
    by_id: Mapping[tuple[str, bytes], VerifierKey] = {(key.name, key.id): key for key in keys}
    for line in signatures.splitlines():
        dash, _, rest = line.partition(" ")
        name, _, encoded = rest.partition(" ")
        try:
            raw = base64.b64decode(encoded, validate=True)
        except ValueError as error:  # also for a letter that is not ASCII, which is no binascii.Error
            raise BadNote("a signature is no base64") from error
        key = by_id.get((name, raw[:4]))
        if dash != "\N{EM DASH}" or key is None:
            continue
        if key.until is not None and number is not None and number > key.until:
            raise BadNote(f"signed by {name}, a key that was retired after checkpoint {key.until}")
        try:
            Ed25519PublicKey.from_public_bytes(key.public).verify(raw[4:], f"{text}\n".encode())
        except InvalidSignature as error:
            raise BadNote(f"the signature of {name} is wrong") from error
        return f"{text}\n", key
    raise BadNote(UNKNOWN)


def signers_of(note: str, keys: Sequence[VerifierKey]) -> tuple[str, list[VerifierKey]]:
    """The text and all of the keys that signed it. Raises BadNote when one of their signatures is wrong."""
    text, mark, signatures = note.rpartition("\n\n")
    if not mark:
        raise BadNote("no signature")
    found: list[VerifierKey] = []
    for line in signatures.splitlines():
        try:
            found.append(open_note(f"{text}\n\n{line}\n", keys)[1])
        except BadNote as error:
            if str(error) != UNKNOWN:
                raise
    return f"{text}\n", found
