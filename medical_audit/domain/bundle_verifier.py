#!/usr/bin/env python3
"""Check a bundle of Toban's ledger without Toban, Django or a database: this one file and Python 3.11 are enough.

    python3 bundle_verifier.py [--json] [--key NAME+HASH+KEY]... [--tsa-ca ROOT.pem] BUNDLE.zip

Give each public key as you got it from its owner: without --key the keys in the bundle are used, which proves only that
the bundle agrees with itself. Exit code: 0 intact, 1 damaged, 2 cannot say: no seal covers it, no key was given, or it is of a
format that does not prove that its end is the end (formats 1 to 3, unless the tenant's tree grew at the newest seal). With the package `cryptography` every
signature is checked; without it Ed25519 is computed here, slower, and only the newest signature is, which covers all
others because each note names the hash of the one before it.

Where a time-stamping authority (RFC 3161) stamped seals, the times are read here and must fit the seals. That the authority
signed them is checked with --tsa-ca and the package `rfc3161-client` only; else the answer says that it was not, and
`openssl ts -verify -in TOKEN -data NOTE -CAfile ROOT.pem` does it by hand.

This file imports nothing of Toban on purpose: it states the rules a second time.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import re
import sys
import zipfile
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from itertools import accumulate
from typing import IO, Any

FORMAT = "toban-ledger-bundle-4"
OLD_FILES = ("manifest.json", "events.jsonl", "heads.jsonl", "checkpoints.jsonl", "proofs.json", "keys.json")
SECOND_FILES = (*OLD_FILES, "history.jsonl")
#: What the platform's own chain says of changes of its guards and of silences, each event with its path to the newest seal.
PLATFORM = "platform.jsonl"
FILES = (*SECOND_FILES, PLATFORM)
#: What the formats that this file reads consist of.
FORMATS = {
    "toban-ledger-bundle-1": OLD_FILES, "toban-ledger-bundle-2": SECOND_FILES, "toban-ledger-bundle-3": FILES, FORMAT: FILES,
}  # fmt: skip
#: Whose chain that is, and more such events than any installation has.
NOBODY, SAID_MOST = "00000000-0000-0000-0000-000000000000", 20_000
#: Stands besides in a bundle whose seals were stamped.
STAMPS = "stamps.jsonl"
#: In a bundle only where it can be read whom events refer to.
PEOPLE = "people.jsonl"
OPTIONAL = (STAMPS, PEOPLE)
#: A seal is stamped in the round that makes it.
APART = timedelta(minutes=5)
SMALL = ("manifest.json", "proofs.json", "keys.json")
SMALL_BYTES = 4_000_000
LINE_BYTES = 4_000_000
FILE_BYTES = 64_000_000_000
#: Deflate cannot do better than about 1032 to 1; text of ours does 20 to 1.
RATIO = 200
NUMBER = 2**53
COMMITTING = timedelta(seconds=120)
LONGEST_TRANSACTION = timedelta(hours=1)
GAP = timedelta(seconds=180)
ORIGIN = "toban/ledger"
NOTHING_BEFORE = hashlib.sha256(b"toban-checkpoint-genesis").hexdigest()
NOTE = re.compile(
    r"(\S+)\n(\d{1,9})\n([A-Za-z0-9+/=]{44})\nnumber (\d{1,15})\nepoch (\d{1,9})\nat (\S{27})\nclock (-?\d{1,15})\n"
    r"catalogue ([0-9a-f]{64})\nprev ([0-9a-f]{64})\n"
)
RESTORE = re.compile(
    r"(\S+)\nepoch (\d{1,9})\nold (\d{1,15}) ([0-9a-f]{64})\nnew (\d{1,15}) ([0-9a-f]{64})\n"
    r"lost (\d{1,9}) ([A-Za-z0-9+/=]{44})\nat (\S{27})\nreason (\".{0,2000}\")\n"
)
TOMBSTONE = re.compile(
    r"toban/tombstone\ntenant ([0-9a-f-]{36})\nevents (\d{1,15}) (\d{1,15})\nseal (\d{1,15}) ([A-Za-z0-9+/=]{44})\n"
    r"last ([0-9a-f]{64})\nuntil (\S{27})\nterm (\d{1,3})\nat (\S{27})\nafter (\d{1,15})\noperation ([0-9a-f-]{36})\n"
    r"entered (\S{1,64})\nconfirmed (\S{1,64})\n"
)
HELD = re.compile(r"toban/held\ntxid (\d{1,19})\nfrom (\S{27})\nuntil (\S{27})\n")
#: Events go in whole months of this zone, and not before so many years; the tombstone is signed soon after its newest seal.
JST, LEAST_YEARS, SIGNED_WITHIN = timezone(timedelta(hours=9)), 5, timedelta(days=1)
#: Keys of people who may sign that the record goes on behind a restore are named so; they sign no seals.
APPROVER = "toban/approver/"
APPROVERS = 2
HEX = re.compile(r"(?:[0-9a-f]{64})*")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class CannotSay(Exception):
    """What was given is no bundle, or a hostile one."""


class Damaged(Exception):
    """The first thing wrong: its kind, and the number of the event or of the seal."""

    def __init__(self, kind: str, number: int, what: str = "event", event: str = "") -> None:
        self.kind, self.number, self.what, self.event = kind, number, what, event
        super().__init__(f"{kind} at {what} {number}")


@dataclass
class Result:
    """`sealed`: up to which event a signature speaks; what lies behind it, no signature covers yet. `restores`: what the record
    goes on behind by the signatures of two people, and which events of this tenant were lost by it. `gone`: what tombstones stand
    for, which two people let go after its term. `part`: it says nothing of what lies before its first event, because it was made
    from some day on, or in a format that knows no tombstones. `people`: readable values that fit the references in events.
    `watched`: it was judged whether guards were changed unannounced and whether sealing stood still unrecorded (the newest seal's
    own silence is not: what records it is sealed by the next); `gaps`: how often it stood still. `doubt`: why it cannot be said that
    nothing was cut off; "" where the tenant's last sealed tree is proven under the newest seal."""

    tenant: str = ""
    first: int = 0
    last: int = 0
    events: int = 0
    sealed: int = 0
    checkpoints: int = 0
    newest: str = ""
    gaps: int = 0
    signatures: int = 0
    stamps: int = 0
    stamped: str = ""
    stamps_checked: bool = False
    keys: list[str] = field(default_factory=list)
    keys_given: bool = False
    restores: list[dict[str, Any]] = field(default_factory=list)
    gone: list[dict[str, Any]] = field(default_factory=list)
    part: bool = False
    people: int = 0
    watched: bool = False
    doubt: str = ""


# --- reading, as if an enemy had made it ----------------------------------------------------------------------------------


def _integer(text: str) -> int:
    if len(text) > 17 or abs(int(text)) > NUMBER:
        raise CannotSay("a number beyond 2^53")
    return int(text)


def _refuse(text: str) -> Any:
    raise CannotSay(f"{text} is no number of ours")


def parse(text: str) -> Any:
    try:
        return json.loads(
            text, parse_int=_integer, parse_float=_refuse, parse_constant=_refuse, object_pairs_hook=_once
        )
    except (ValueError, RecursionError) as error:
        raise CannotSay("not JSON") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise CannotSay("a name stands twice in one JSON object")
    return found


class Bundle:
    """The zip file; nothing of it is ever written anywhere."""

    def __init__(self, file: str | IO[bytes]) -> None:
        try:
            self._zip = zipfile.ZipFile(file)
        except (OSError, zipfile.BadZipFile, ValueError) as error:
            raise CannotSay(f"no zip file: {error}") from error
        entries = self._zip.infolist()
        names = [entry.filename for entry in entries]
        if (
            sorted(name for name in names if name not in OPTIONAL)
            not in [sorted(files) for files in FORMATS.values()]
            or max(names.count(name) for name in OPTIONAL) > 1
        ):
            raise CannotSay("the files in it are not those of a bundle, once each: " + ", ".join(FILES))
        self.is_stamped, self.names_people = STAMPS in names, PEOPLE in names
        for entry in entries:
            limit = SMALL_BYTES if entry.filename in SMALL else FILE_BYTES
            if entry.flag_bits & 1 or entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise CannotSay(f"{entry.filename}: encrypted, or packed in another way")
            if entry.file_size > limit or entry.file_size > RATIO * (entry.compress_size + 1000):
                raise CannotSay(f"{entry.filename}: says that it unpacks to {entry.file_size} bytes")
        self.sizes = {entry.filename: entry.file_size for entry in entries}

    def lines(self, name: str, digest: Any = None) -> Iterator[str]:
        """Line by line; `digest` takes in every byte. What is longer than its entry says is refused."""
        left = self.sizes[name]
        try:
            with self._zip.open(name) as stream:
                while line := stream.readline(LINE_BYTES + 1):
                    left -= len(line)
                    if len(line) > LINE_BYTES or left < 0:
                        raise CannotSay(f"{name}: a line is too long, or the file longer than it says")
                    if digest is not None:
                        digest.update(line)
                    yield line.decode("utf-8")
        except (
            OSError,
            zipfile.BadZipFile,
            EOFError,
            UnicodeDecodeError,
            NotImplementedError,
            RuntimeError,
        ) as error:
            raise CannotSay(f"{name}: {error}") from error
        except Exception as error:
            if type(error).__module__ == "zlib":
                raise CannotSay(f"{name}: {error}") from error
            raise

    def small(self, name: str, digest: Any = None) -> Any:
        return parse("".join(self.lines(name, digest)))


def _tombstone(note: str) -> re.Match[str] | None:
    return TOMBSTONE.fullmatch(note.rpartition("\n\n")[0] + "\n")


def _hex(value: Any) -> bytes:
    if not isinstance(value, str) or not HEX.fullmatch(value):
        raise CannotSay("a hash is not written in hexadecimal digits")
    return bytes.fromhex(value)


def _moment(value: Any) -> datetime:
    if not isinstance(value, str) or not TIME.fullmatch(value):
        raise CannotSay("a time is not written as UTC with six decimals")
    try:
        return datetime.fromisoformat(value)
    except ValueError as error:
        raise CannotSay(f"{value} is no time") from error


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise CannotSay("a count is no whole number")
    return value


# --- RFC 9162 -------------------------------------------------------------------------------------------------------------


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


class Edge:
    """The right edge of a growing tree."""

    def __init__(self, size: int, nodes: bytes) -> None:
        if len(nodes) != 32 * size.bit_count():
            raise CannotSay("the tree to go on from does not fit its size")
        self.size, self.nodes = size, [nodes[at : at + 32] for at in range(0, len(nodes), 32)]

    def append(self, data: bytes) -> None:
        node, size = leaf_hash(data), self.size
        while size & 1:
            node, size = node_hash(self.nodes.pop(), node), size >> 1
        self.nodes.append(node)
        self.size += 1

    def root(self) -> bytes:
        if not self.nodes:
            return hashlib.sha256(b"").digest()
        root = self.nodes[-1]
        for node in reversed(self.nodes[:-1]):
            root = node_hash(node, root)
        return root


def includes(root: bytes, data: bytes, index: int, size: int, path: Sequence[bytes]) -> bool:
    if not 0 <= index < size:
        return False
    here, last, node = index, size - 1, leaf_hash(data)
    for step in path:
        if last == 0:
            return False
        if here & 1 or here == last:
            node = node_hash(step, node)
            while here and not here & 1:
                here, last = here >> 1, last >> 1
        else:
            node = node_hash(node, step)
        here, last = here >> 1, last >> 1
    return last == 0 and node == root


def extends(old_root: bytes, old: int, new_root: bytes, new: int, path: Sequence[bytes]) -> bool:
    if not 0 < old <= new:
        return False
    if old == new:
        return not path and old_root == new_root
    steps = list(path) if old & (old - 1) else [old_root, *path]
    if not steps:
        return False
    here, last = old - 1, new - 1
    while here & 1:
        here, last = here >> 1, last >> 1
    one = two = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if here & 1 or here == last:
            one, two = node_hash(step, one), node_hash(step, two)
            while here and not here & 1:
                here, last = here >> 1, last >> 1
        else:
            two = node_hash(two, step)
        here, last = here >> 1, last >> 1
    return last == 0 and one == old_root and two == new_root


# --- Ed25519 (RFC 8032) ---------------------------------------------------------------------------------------------------

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
Point = tuple[int, int, int, int]


def _add(one: Point, two: Point) -> Point:
    a = (one[1] - one[0]) * (two[1] - two[0]) % P
    b = (one[1] + one[0]) * (two[1] + two[0]) % P
    c, d = 2 * one[3] * two[3] * D % P, 2 * one[2] * two[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _times(number: int, point: Point) -> Point:
    found: Point = (0, 1, 1, 0)
    while number:
        if number & 1:
            found = _add(found, point)
        point, number = _add(point, point), number >> 1
    return found


def _point(raw: bytes) -> Point | None:
    number = int.from_bytes(raw, "little")
    sign, y = number >> 255, number & (2**255 - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


_GENERATOR = _point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def ed25519_holds(public: bytes, message: bytes, signature: bytes) -> bool:
    """RFC 8032 §5.1.7, in plain Python."""
    if len(public) != 32 or len(signature) != 64 or _GENERATOR is None:
        return False
    key, commitment = _point(public), _point(signature[:32])
    scalar = int.from_bytes(signature[32:], "little")
    if key is None or commitment is None or scalar >= ORDER:
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % ORDER
    left, right = _times(scalar, _GENERATOR), _add(commitment, _times(challenge, key))
    return (left[0] * right[2] - right[0] * left[2]) % P == 0 and (
        left[1] * right[2] - right[1] * left[2]
    ) % P == 0


try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    def holds(public: bytes, message: bytes, signature: bytes) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True

    EVERY_SIGNATURE = True
except ImportError:
    holds, EVERY_SIGNATURE = ed25519_holds, False


@dataclass(frozen=True)
class Key:
    """A public key; `until`: the last seal that it may have signed."""

    name: str
    id: bytes
    public: bytes
    until: int | None


def read_key(text: Any) -> Key:
    if not isinstance(text, str) or len(text) > 500:
        raise CannotSay("a key is no text")
    body, _, until = text.partition("@")
    parts = body.split("+", 2)
    try:
        raw = base64.b64decode(parts[2], validate=True)
        key = Key(parts[0], bytes.fromhex(parts[1]), raw[1:], _integer(until) if until else None)
    except (ValueError, IndexError) as error:
        raise CannotSay(f"{text!r} is no key (name+hash+key)") from error
    fits = hashlib.sha256(key.name.encode() + b"\n" + raw).digest()[:4] == key.id
    if raw[:1] != b"\x01" or len(key.public) != 32 or not fits:
        raise CannotSay(f"{text!r} is no Ed25519 key, or its hash does not fit")
    return key


def is_signed(note: str, number: int, keys: Sequence[Key]) -> bool:
    text, _, signatures = note.rpartition("\n\n")
    for line in signatures.splitlines():
        dash, name, *rest = [*line.split(" "), "", ""][:3]
        try:
            raw = base64.b64decode(rest[0], validate=True)
        except ValueError:
            return False
        for key in keys:
            known = dash == "\N{EM DASH}" and (name, raw[:4]) == (key.name, key.id)
            if known and not name.startswith(APPROVER) and (key.until is None or number <= key.until):
                return holds(key.public, f"{text}\n".encode(), raw[4:])
    return False


def approved_by(note: str, keys: Sequence[Key]) -> list[str]:
    """The names of the approvers who signed."""
    text, _, signatures = note.rpartition("\n\n")
    found: dict[bytes, str] = {}
    for line in signatures.splitlines()[:20]:
        dash, name, *rest = [*line.split(" "), "", ""][:3]
        try:
            raw = base64.b64decode(rest[0], validate=True)
        except ValueError:
            continue
        for key in keys:
            known = dash == "\N{EM DASH}" and (name, raw[:4]) == (key.name, key.id)
            if known and name.startswith(APPROVER) and holds(key.public, f"{text}\n".encode(), raw[4:]):
                found[key.public] = name.removeprefix(APPROVER)
    return sorted(set(found.values()))


# --- RFC 3161, as far as no package is needed ------------------------------------------------------------------------------


def _der(data: bytes, at: int, tag: int) -> tuple[int, int]:
    """Where the content of the value that begins at `at` begins and ends; it must have this tag."""
    try:
        if data[at] != tag:
            raise CannotSay("a time stamp has another shape")
        length, begin = data[at + 1], at + 2
        if length & 0x80:
            count = length & 0x7F
            if not 0 < count < 5:
                raise CannotSay("a time stamp has another shape")
            length, begin = int.from_bytes(data[begin : begin + count]), begin + count
        if begin + length > len(data):
            raise CannotSay("a time stamp was cut")
    except IndexError as error:
        raise CannotSay("a time stamp was cut") from error
    return begin, begin + length


def _der_next(data: bytes, at: int, *tags: int) -> tuple[int, int]:
    """Pass over the values of these tags but the last, whose content this gives."""
    for tag in tags[:-1]:
        _, at = _der(data, at, tag)
    return _der(data, at, tags[-1])


def read_stamp(token: bytes) -> tuple[bytes, datetime]:
    """(what was stamped: a SHA-256, when) of an authority's whole answer. Says nothing of who signed it."""
    sequence, context, octets, integer, oid, time = 0x30, 0xA0, 0x04, 0x02, 0x06, 0x18
    at, _ = _der(token, 0, sequence)
    at, _ = _der_next(token, at, sequence, sequence)
    at, _ = _der_next(token, at, oid, context)
    at, _ = _der(token, at, sequence)
    at, _ = _der_next(token, at, integer, 0x31, sequence)
    at, _ = _der_next(token, at, oid, context)
    at, _ = _der(token, at, octets)
    at, _ = _der(token, at, sequence)
    imprint, after = _der_next(token, at, integer, oid, sequence)
    algorithm, end = _der(token, imprint, sequence)
    name, name_end = _der(token, algorithm, oid)
    hashed, hashed_end = _der(token, end, octets)
    if token[name:name_end].hex() != "608648016503040201":
        raise CannotSay("a time stamp is over another hash than SHA-256")
    begin, stop = _der_next(token, after, integer, time)
    text = re.fullmatch(rb"(\d{14})(?:\.\d{1,9})?Z", token[begin:stop])
    if text is None:
        raise CannotSay("a time stamp names no time")
    try:
        moment = datetime.strptime(text[1].decode() + "+0000", "%Y%m%d%H%M%S%z")
    except ValueError as error:
        raise CannotSay("a time stamp names no time") from error
    return token[hashed:hashed_end], moment


def _signed_by_authority(token: bytes, note: str, roots: str) -> bool:
    """Raises CannotSay where the package or the root is missing."""
    try:
        from cryptography.x509 import load_pem_x509_certificates  # noqa: PLC0415  only where somebody asks for it
        from rfc3161_client import (  # noqa: PLC0415  the same
            VerificationError,
            VerifierBuilder,
            decode_timestamp_response,
        )

        with open(roots, "rb") as file:
            certificates = load_pem_x509_certificates(file.read())
    except ImportError as error:
        raise CannotSay("--tsa-ca needs the package rfc3161-client") from error
    except (OSError, ValueError) as error:
        raise CannotSay(f"{roots}: {error}") from error
    try:
        verifier = VerifierBuilder(roots=certificates).build()
        return bool(verifier.verify_message(decode_timestamp_response(token), note.encode()))
    except (VerificationError, ValueError):
        return False


# --- the checks -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Seal:
    number: int
    tenants: int
    root: bytes
    at: datetime


@dataclass(frozen=True)
class Restore:
    """Whose seals go on at `old` + 1 behind seal `new`; `lost` is what the bundle says that its tenant lost."""

    epoch: int
    old: int
    new: int
    new_hash: str
    tenants: int
    lost_root: bytes
    at: str
    reason: str
    note: str
    lost: Any


@dataclass(frozen=True)
class Head:
    number: int
    size: int
    root: bytes
    last: bytes


class Said:
    """What the platform's own chain says: which digests of the guards were right from when on, when maintenance was announced, behind
    which seals a silence was recorded, which transactions the sealer saw open over seals (its signed word), and since when."""

    def __init__(self) -> None:
        self.digests: list[str] = []
        self.times: list[datetime] = []
        self.windows: list[tuple[str, datetime, datetime]] = []
        self.resumed_after: set[int] = set()
        self.words: list[tuple[datetime, str]] = []
        self.held: dict[int, tuple[datetime, datetime]] = {}

    def take(self, kind: str, row: dict[str, Any], detail: dict[str, Any], by: str) -> None:
        """By the order of the chain. Whoever says that he has changed something has closed what he had opened."""
        at, linked = _moment(row["event_at"]), _moment(row["clock_at"])
        if kind == "ledger.catalogue_changed":
            if detail.get("before") != (self.digests[-1] if self.digests else ""):
                raise Damaged("removed", _whole(row["seq"]), "event of the platform")
            self.digests.append(str(detail.get("after")))
            self.times.append(linked)
            self.windows = [
                (who, begin, min(end, linked) if who == by else end) for who, begin, end in self.windows
            ]
        elif kind == "ledger.maintenance_opened":
            self.windows.append((by, at, _moment(detail.get("until"))))
        elif kind == "ledger.sealing_resumed":
            self.resumed_after.add(_whole(detail.get("after")))
        elif kind == "ledger.transaction_held":
            self.words.append((_moment(row["linked_at"]), str(detail.get("note"))))

    def settle(self) -> None:
        """By the clock at their commit, not after what was registered behind them: a clock that was set back leaves no disorder."""
        self.times = list(accumulate(reversed(self.times), min))[::-1]
        self.words.reverse()

    def believe(self, number: int, at: datetime | None, keys: Sequence[Key]) -> None:
        """The sealer's words that seal `number` is the first to hold; None: whatever is left, behind the newest one."""
        while self.words and (at is None or self.words[-1][0] <= at):
            _linked, note = self.words.pop()
            found = HELD.fullmatch(note.rpartition("\n\n")[0] + "\n")
            if found is not None and is_signed(note, number, keys):
                self.held[int(found[1])] = (_moment(found[2]), _moment(found[3]))

    def was_held(self, row: dict[str, Any], linked: datetime, before: datetime) -> bool:
        """Whether it was linked in such a transaction, not before that was seen, and is held by the first seal behind its end."""
        held = self.held.get(_whole(row.get("txid")))
        return held is not None and linked >= held[0] - COMMITTING and before <= held[1]

    def damage(self, catalogue: str, at: datetime, before: datetime | None, number: int) -> str:
        """Of a seal with this digest of the guards, behind seal `number` of `before`; "" for none. A digest is right that was the
        newest one registered at some time between the two seals; of before the first registration any is. Where the bundle begins,
        the seal before is not known."""
        first = 0 if before is None else max(0, bisect_right(self.times, before) - 1)
        right = self.digests[first : bisect_right(self.times, at) or None]
        if catalogue not in right and not any(begin <= at <= end for _, begin, end in self.windows):
            return "catalogue_changed"
        silent = before is not None and at - before > GAP
        return "heartbeat_missing" if silent and number not in self.resumed_after else ""


class Check:
    """One bundle from manifest to events; the first damage ends it."""

    def __init__(self, bundle: Bundle, keys: Sequence[str], tsa_ca: str = "") -> None:
        self.bundle, self.tsa_ca = bundle, tsa_ca
        self.result = Result(keys_given=bool(keys))
        self.digests: dict[str, str] = {}
        self.manifest = self._small("manifest.json", dict)
        files = FORMATS.get(str(self.manifest.get("format")), ())
        if sorted(files) != sorted(set(bundle.sizes) - set(OPTIONAL)) or not UUID.fullmatch(
            str(self.manifest.get("tenant"))
        ):
            raise CannotSay("the manifest is of another format")
        self.result.tenant = self.manifest["tenant"]
        self.keys = [read_key(text) for text in keys or self._small("keys.json", list)]
        self.result.keys = list(keys) or [str(text) for text in self._small("keys.json", list)]
        self.seals: dict[int, Seal] = {}
        self.restores: dict[int, Restore] = {}
        self.stones: list[str] = []
        self.result.part = self.manifest.get("since") is not None

    def run(self) -> Result:
        if "history.jsonl" in self.bundle.sizes:
            self._history()
        heads = self._heads()
        self._tokens = self._stamps() if self.bundle.is_stamped else {}
        wanted = {number for head in heads for number in (head.number - 1, head.number)}
        self._proofs = self._small("proofs.json", dict)
        self._said, platform = self._platform() if PLATFORM in self.bundle.sizes else (None, None)
        wanted |= {platform[0].number} if platform else set()
        newest = self._proofs.get("newest")
        wanted |= (
            {newest["number"]}
            if isinstance(newest, dict) and isinstance(newest.get("number"), int)
            else set()
        )
        self._checkpoints(wanted | {int(found[10]) for found in map(_tombstone, self.stones) if found})
        self._tied(heads, self._paths, self.result.tenant)
        if platform:
            self._tied([platform[0]], [platform[1]], NOBODY)
        self.result.doubt = self._doubt(heads)
        self._events(heads)
        if self.bundle.names_people:
            self._people()
        self._complete()
        if not self.result.watched:
            self.result.doubt = self.result.doubt or (
                f"it does not tell whether what guards the record was changed or sealing stood still: {PLATFORM} is empty, or not part "
                "of its format"
            )
        if not self.result.keys_given:
            self.result.doubt = self.result.doubt or (
                "no key was given (--key), and by the keys in it a bundle only agrees with itself"
            )
        return self.result

    def _small(self, name: str, shape: type) -> Any:
        digest = hashlib.sha256()
        found = self.bundle.small(name, digest)
        self.digests[name] = digest.hexdigest()
        if not isinstance(found, shape):
            raise CannotSay(f"{name} has another shape")
        return found

    def _rows(self, name: str) -> Iterator[dict[str, Any]]:
        digest = hashlib.sha256()
        for line in self.bundle.lines(name, digest):
            row = parse(line)
            if not isinstance(row, dict):
                raise CannotSay(f"{name}: a line has another shape")
            yield row
        self.digests[name] = digest.hexdigest()

    def _history(self) -> None:
        """What happened to the record itself; believed only where a seal names it."""
        for row in self._rows("history.jsonl"):
            if "tombstone" in row:
                self.stones.append(str(row["tombstone"]))
                continue
            note = str(row.get("restore"))
            found = RESTORE.fullmatch(note.rpartition("\n\n")[0] + "\n")
            if found is None or found[1] != "toban/restore":
                raise CannotSay("history.jsonl: a line has another shape")
            try:
                root = base64.b64decode(found[8], validate=True)
            except ValueError as error:
                raise CannotSay("history.jsonl: a root is no base64") from error
            restore = Restore(
                int(found[2]), int(found[3]), int(found[5]), found[6], int(found[7]), root, found[9], str(parse(found[10])),
                note, row.get("lost"),
            )  # fmt: skip
            self.restores[restore.new] = restore

    def _platform(self) -> tuple[Said | None, tuple[Head, tuple[int, list[bytes]]] | None]:
        """What the platform's chain says, each event proven to lie under its newest head; that head is still to be tied to its
        seal. Nothing at all where nothing was ever sealed."""
        said, tied, last = Said(), None, 0
        for place, row in enumerate(self._rows(PLATFORM)):
            if tied is None:
                tied = _head(row, PLATFORM)
                continue
            seq, hashed = (
                _whole(row.get("seq")),
                _hash(row, NOBODY, _whole(row.get("seq")), _hex(row.get("prev"))),
            )
            if hashed != _hex(row.get("hash")):
                raise Damaged("edited", seq, "event of the platform")
            if not includes(tied[0].root, hashed, seq - 1, tied[0].size, _path(row, PLATFORM)):
                raise Damaged("recomputed", seq, "event of the platform")
            if seq <= last:
                raise Damaged("reordered", seq, "event of the platform")
            last = seq
            body = parse(row["body"])
            if place > SAID_MOST or not isinstance(body, dict) or not isinstance(body.get("detail"), dict):
                raise CannotSay(f"{PLATFORM}: a line has another shape")
            actor = body.get("actor")
            by = str(actor.get("id")) if isinstance(actor, dict) else ""
            said.take(str(body.get("kind")), row, body["detail"], by)
        said.settle()
        return (said if tied else None), tied

    def _heads(self) -> list[Head]:
        self._paths: list[tuple[int, list[bytes]]] = []
        found: list[Head] = []
        for row in self._rows("heads.jsonl"):
            head, path = _head(row, "heads.jsonl")
            if found and (head.number <= found[-1].number or head.size <= found[-1].size):
                raise Damaged("recomputed", head.number, "seal")
            self._paths.append(path)
            found.append(head)
        return found

    def _checkpoints(self, wanted: set[int]) -> None:
        """The chain of notes: gapless but for restores, each naming the one before, rising in time, signed."""
        number, before, at, note, epoch = 0, "", None, "", -1
        odd = ""
        for row in self._rows("checkpoints.jsonl"):
            if odd:
                raise Damaged(odd, number, "seal")
            note, this, behind = str(row.get("note")), _whole(row.get("number")), number
            found = NOTE.fullmatch(note.rpartition("\n\n")[0] + "\n")
            if found is not None and number and this != number + 1:
                epoch, before = self._goes_on(number, before, this)
                number = this - 1
            if found is not None and not number and 0 in self.restores and self.restores[0].old + 1 == this:
                epoch, before = self._goes_on(0, NOTHING_BEFORE, this)
                number = this - 1
            if (
                found is None
                or found[1] != ORIGIN
                or int(found[4]) != this
                or (number and this != number + 1)
                or (number and int(found[5]) != epoch)
            ):
                raise Damaged("seal_broken", number + 1 if number else this, "seal")
            if found[9] != (before or (NOTHING_BEFORE if this == 1 else found[9])):
                raise Damaged("seal_broken", this, "seal")
            moment = _moment(found[6])
            if at is not None and moment <= at:
                raise Damaged("back_dated", this, "seal")
            self.result.gaps += at is not None and moment - at > GAP
            # What explains the newest seal is sealed by the next one, which is not here. A silence over a restore was recorded
            # behind the seal that was restored, not behind the last one that it took away.
            odd = self._said.damage(found[8], moment, at, behind) if self._said else ""
            if self._said:
                self._said.believe(this, moment, self.keys)
            seal = Seal(this, int(found[2]), base64.b64decode(found[3]), moment)
            self._seen(seal, note, kept=this in wanted)
            number, before, at, epoch = this, hashlib.sha256(note.encode()).hexdigest(), moment, int(found[5])
            self.result.checkpoints += 1
        if number:
            if not EVERY_SIGNATURE:
                self._signed(note, number)
            self.result.newest = at.isoformat() if at else ""
        if self._said:
            self._said.believe(number, None, self.keys)
        self._newest = number
        self.result.watched = self._said is not None
        if self._tokens:
            raise Damaged("stamp_broken", min(self._tokens), "seal")

    def _seen(self, seal: Seal, note: str, *, kept: bool) -> None:
        if EVERY_SIGNATURE:
            self._signed(note, seal.number)
        if seal.number in self._tokens:
            self._stamped(note, seal.number, seal.at, self._tokens.pop(seal.number))
        if kept:
            self.seals[seal.number] = seal

    def _stamps(self) -> dict[int, bytes]:
        """The authority's answer by seal."""
        found: dict[int, bytes] = {}
        for row in self._rows(STAMPS):
            number, token = _whole(row.get("number")), row.get("token")
            if not isinstance(token, str) or number in found:
                raise CannotSay("stamps.jsonl: a line has another shape")
            try:
                found[number] = base64.b64decode(token, validate=True)
            except ValueError as error:
                raise CannotSay("stamps.jsonl: a line has another shape") from error
        return found

    def _stamped(self, note: str, number: int, at: datetime, token: bytes) -> None:
        hashed, moment = read_stamp(token)
        if hashed != hashlib.sha256(note.encode()).digest():
            raise Damaged("stamp_broken", number, "seal")
        if self.tsa_ca and not _signed_by_authority(token, note, self.tsa_ca):
            raise Damaged("stamp_broken", number, "seal")
        if abs(moment - at) > APART:
            raise Damaged("stamp_differs", number, "seal")
        self.result.stamps += 1
        self.result.stamped, self.result.stamps_checked = moment.isoformat(), bool(self.tsa_ca)

    def _people(self) -> None:
        """Each readable value is what the reference in the events was made from: tenant, person, kind, salt and value."""
        for row in self._rows(PEOPLE):
            texts = [row.get(name) for name in ("token", "person", "field", "salt", "value")]
            if not all(isinstance(text, str) for text in texts):
                raise CannotSay("people.jsonl: a line has another shape")
            token, person, kind, salt, value = (str(text) for text in texts)
            said = f"toban-person-1\n{self.result.tenant}\n{person}\n{kind}\n{salt}\n{value}".encode()
            if token != "~" + base64.urlsafe_b64encode(hashlib.sha256(said).digest()[:24]).decode():
                raise Damaged("edited", self.result.people + 1, "person")
            self.result.people += 1

    def _goes_on(self, number: int, before: str, this: int) -> tuple[int, str]:
        """(epoch, hash of the note before) at a seal that does not follow its predecessor's number: after a restore only."""
        restore = self.restores.get(number)
        names = approved_by(restore.note, self.keys) if restore else []
        if restore is None or (restore.old + 1, restore.new_hash) != (this, before) or len(names) < APPROVERS:
            raise Damaged("seal_broken", number + 1, "seal")
        told = {
            "epoch": restore.epoch, "from": restore.old, "to": restore.new, "at": restore.at, "reason": restore.reason,
            "approvers": names, "lost": None,
        }  # fmt: skip
        if isinstance(restore.lost, dict):
            first, last = _whole(restore.lost.get("first")), _whole(restore.lost.get("last"))
            leaf = f"toban-lost-1\n{self.result.tenant}\n{first}\n{last}\n".encode()
            path = restore.lost.get("path")
            if not isinstance(path, list) or len(path) > 64:
                raise CannotSay("history.jsonl: a path has another shape")
            steps = [_hex(step) for step in path]
            if not includes(
                restore.lost_root, leaf, _whole(restore.lost.get("index")), restore.tenants, steps
            ):
                raise Damaged("recomputed", number, "seal")
            told["lost"] = {"first": first, "last": last}
        self.result.restores.append(told)
        return restore.epoch, hashlib.sha256(restore.note.encode()).hexdigest()

    def _signed(self, note: str, number: int) -> None:
        if not is_signed(note, number, self.keys):
            raise Damaged("seal_broken", number, "seal")
        self.result.signatures += 1

    def _tied(self, heads: Sequence[Head], paths: Sequence[tuple[int, list[bytes]]], tenant: str) -> None:
        """Each head of this tenant lies in the root over all tenants that its seal signed."""
        for head, (index, path) in zip(heads, paths, strict=True):
            seal = self.seals.get(head.number)
            leaf = (
                f"toban-tree-head-1\n{tenant}\n{head.size}\n{head.root.hex()}\n{head.last.hex()}\n".encode()
            )
            if seal is None or not includes(seal.root, leaf, index, seal.tenants, path):
                raise Damaged("recomputed", head.number, "seal")

    def _doubt(self, heads: Sequence[Head]) -> str:
        """Why nothing says that the last head is the last: what a forger cuts off is not in his bundle, so only a proof under the
        newest seal can tell that the tenant's tree had grown no further by then."""
        said = self._proofs.get("newest")
        if said is not None:
            if not isinstance(said, dict):
                raise CannotSay("proofs.json has another shape")
            head, path = _head(said, "proofs.json")
            if head.number != self._newest:
                raise Damaged("tail_cut", head.number, "seal")
            self._tied([head], [path], self.result.tenant)
            if not heads or (head.size, head.root, head.last) != (
                heads[-1].size,
                heads[-1].root,
                heads[-1].last,
            ):
                raise Damaged("tail_cut", (heads[-1].size if heads else 0) + 1)
            return ""
        if not heads:
            return "no seal covers any of it"
        if heads[-1].number == self._newest:
            return ""
        return f"nothing proves that event {heads[-1].size} was the last one when the newest seal was made"

    def _events(self, heads: Sequence[Head]) -> None:
        proofs = self._proofs
        start = _whole(proofs.get("size"))
        edge = Edge(start, _hex(proofs.get("frontier")))
        last = hashlib.sha256(f"toban-genesis:{self.result.tenant}".encode()).digest()
        place = good = 0
        if start:
            if not heads or (heads[0].size, heads[0].root) != (start, edge.root()):
                raise Damaged("recomputed", start)
            last, place, good = heads[0].last, 1, start
            # The format before knows no tombstones: nothing in it can stand for what is not there.
            self.result.part = self.result.part or "history.jsonl" not in self.bundle.sizes
            if not self.result.part:
                self._gone(heads[0])
        linked_before: datetime | None = None
        for row in self._rows("events.jsonl"):
            seq, linked = edge.size + 1, _moment(row.get("linked_at"))
            last = self._follows(row, seq, last)
            if linked_before is not None and linked <= linked_before:
                raise Damaged("reordered", seq, event=row["id"])
            linked_before = linked
            if place < len(heads):
                seal = self.seals.get(heads[place].number - 1)
                late = seal is not None and linked < seal.at - COMMITTING
                if (
                    seal is not None
                    and late
                    and not (self._said and self._said.was_held(row, linked, seal.at))
                ):
                    raise Damaged("back_dated", seq, event=row["id"])
            edge.append(last)
            if place < len(heads) and heads[place].size == edge.size:
                if (heads[place].root, heads[place].last) != (edge.root(), last):
                    raise Damaged("recomputed", good + 1)
                place, good = place + 1, edge.size
        if place < len(heads):
            raise Damaged("tail_cut" if edge.size else "wiped", edge.size + 1)
        self.result.first, self.result.last, self.result.events = start + 1, edge.size, edge.size - start
        self.result.sealed = good
        self._consistent(heads, proofs.get("consistency"))

    def _gone(self, head: Head) -> None:
        """Tombstones must stand for everything before the first event, each behind the one before, to the head at which the
        bundle begins."""
        reached = 0
        for note in self.stones:
            found = _tombstone(note)
            if found is None or not is_signed(note, int(found[10]), self.keys):
                break
            until, at = _moment(found[7]), _moment(found[9])
            month = until.astimezone(JST)
            if (month.day, month.hour, month.minute, month.second, month.microsecond) != (1, 0, 0, 0, 0):
                break
            term_ends = month.replace(year=month.year + max(int(found[8]), LEAST_YEARS))
            if (
                found[1] != self.result.tenant
                or int(found[2]) != reached + 1
                or at < term_ends
                or found[12] == found[13]
            ):
                break
            last, newest = int(found[3]), self.seals.get(int(found[10]))
            # Seals from before the bundle are not in it; they are those of earlier tombstones, if any.
            if newest is None and last == head.size:
                break
            if newest is not None and abs(at - newest.at) > SIGNED_WITHIN:
                break
            if last == head.size:
                seal = self.seals.get(int(found[4]))
                said = (int(found[4]), base64.b64decode(found[5]), bytes.fromhex(found[6]))
                if said != (head.number, head.root, head.last) or seal is None or seal.at >= until:
                    break
            self.result.gone.append(
                {
                    "first": reached + 1, "last": last, "until": found[7], "at": found[9], "operation": found[11],
                    "entered": found[12], "confirmed": found[13],
                }
            )  # fmt: skip
            reached = last
        if reached != head.size:
            raise Damaged("removed", reached + 1)

    def _follows(self, row: dict[str, Any], seq: int, prev: bytes) -> bytes:
        """The hash of the link, which must be the row's."""
        found, event = _hash(row, self.result.tenant, seq, prev), str(row["id"])
        if _whole(row.get("seq")) != seq:
            raise Damaged("removed", seq)
        if not row["body"]:
            raise Damaged("removed", seq, event=event)
        if _hex(row.get("prev")) != prev:
            raise Damaged("reordered", seq, event=event)
        if found != _hex(row.get("hash")):
            raise Damaged("edited", seq, event=event)
        if _moment(row["clock_at"]) - _moment(row["event_at"]) > LONGEST_TRANSACTION:
            raise Damaged("back_dated", seq, event=event)
        return found

    def _consistent(self, heads: Sequence[Head], path: Any) -> None:
        if not isinstance(path, list) or len(path) > 130:
            raise CannotSay("proofs.json: a path has another shape")
        if heads:
            old, new = heads[0], heads[-1]
            if not extends(old.root, old.size, new.root, new.size, [_hex(step) for step in path]):
                raise Damaged("recomputed", old.size + 1)

    def _complete(self) -> None:
        """Every file is the one that the manifest names; its sum goes into the ledger when the bundle is made."""
        said = self.manifest.get("files")
        mine = {name: digest for name, digest in self.digests.items() if name != "manifest.json"}
        if said != mine | {"keys.json": mine.get("keys.json") or _sum(self.bundle, "keys.json")}:
            raise Damaged("edited", 0, "manifest")


def _path(row: dict[str, Any], name: str) -> list[bytes]:
    path = row.get("path")
    if not isinstance(path, list) or len(path) > 64:
        raise CannotSay(f"{name}: a path has another shape")
    return [_hex(step) for step in path]


def _head(row: dict[str, Any], name: str) -> tuple[Head, tuple[int, list[bytes]]]:
    """A tree's head, and its place and path under the root over all tenants."""
    head = Head(
        _whole(row.get("number")), _whole(row.get("size")), _hex(row.get("root")), _hex(row.get("last_hash"))
    )
    return head, (_whole(row.get("index")), _path(row, name))


def _hash(row: dict[str, Any], tenant: str, seq: int, prev: bytes) -> bytes:
    """The hash of an event as it stands there, as number `seq` behind `prev`."""
    texts = [row.get(name) for name in ("id", "event_at", "linked_at", "clock_at", "db_user", "body")]
    if not all(isinstance(text, str) for text in texts) or not UUID.fullmatch(str(row["id"])):
        raise CannotSay("a line of events has another shape")
    text = "\n".join(
        (
            "toban-event-1", tenant, str(seq), str(row["id"]), row["event_at"], row["linked_at"], row["clock_at"],
            str(_whole(row.get("txid"))), row["db_user"], row["body"],
        )
    )  # fmt: skip
    return hashlib.sha256(b"\x00" + prev + text.encode("utf-8")).digest()


def _sum(bundle: Bundle, name: str) -> str:
    digest = hashlib.sha256()
    for _line in bundle.lines(name, digest):
        pass
    return digest.hexdigest()


def verify(file: str | IO[bytes], keys: Sequence[str] = (), tsa_ca: str = "") -> Result:
    """What a bundle proves. Raises Damaged and CannotSay."""
    try:
        return Check(Bundle(file), keys, tsa_ca).run()
    except (ValueError, OverflowError) as error:
        # Half a surrogate pair, a time beyond the calendar, a root that is no base64: nothing that Toban writes.
        raise CannotSay(f"what stands in it is of another shape: {type(error).__name__}") from error


def verdict(file: str | IO[bytes], keys: Sequence[str] = (), tsa_ca: str = "") -> tuple[int, dict[str, Any]]:
    """(exit code, report as plain values)."""
    try:
        found = verify(file, keys, tsa_ca)
    except Damaged as damage:
        at = {"kind": damage.kind, "what": damage.what, "number": damage.number, "event": damage.event}
        return 1, {"intact": False, "damage": at}
    except CannotSay as reason:
        return 2, {"intact": None, "error": str(reason)}
    if found.doubt:
        return 2, {"intact": None, "error": found.doubt, **vars(found)}
    return 0, {"intact": True, **vars(found)}


def _shown(text: str) -> str:
    """What a bundle says, on one line and without what a terminal takes for an order."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Check a bundle of Toban's ledger.")
    parser.add_argument("bundle")
    parser.add_argument("--key", action="append", default=[], help="a public key, name+hash+key[@last seal]")
    parser.add_argument("--tsa-ca", default="", help="root certificates (PEM) of the time-stamping authority")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    code, report = verdict(options.bundle, options.key, options.tsa_ca)
    if options.json:
        sys.stdout.write(json.dumps(report, ensure_ascii=False) + "\n")
        return code
    if "events" in report:
        text = f"cannot say: {report['doubt']}. What is in it fits together:\n" if code else ""
        text += (
            f"{'events' if code else 'intact: events'} {report['first']} to {report['last']} of tenant {report['tenant']}; sealed up to "
            f"{report['sealed']}; {report['checkpoints']} seals, the newest of {report['newest'] or 'never'}\n"
        )
        for one in report["gone"]:
            text += f"gone: events {one['first']} to {one['last']}, sealed before {one['until']}, let go at {one['at']} by two people "
            text += f"({one['entered']}, {one['confirmed']}) after their term\n"
        if report["part"]:
            text += f"It says nothing of what lies before event {report['first']}: it was made from some day on, or in the first format.\n"
        for one in report["restores"]:
            lost = (
                f"events {one['lost']['first']} to {one['lost']['last']} lost"
                if one["lost"]
                else "no event lost"
            )
            text += f"restored: seals {one['to'] + 1} to {one['from']} given up at {one['at']}, {lost}; signed by "
            text += _shown(f"{', '.join(one['approvers'])}: {one['reason']}") + "\n"
        if report["stamps"]:
            checked = (
                "signed by the authority" if report["stamps_checked"] else "SIGNATURES NOT CHECKED (--tsa-ca)"
            )
            text += f"{report['stamps']} time stamps fit their seals, the newest of {report['stamped']}; {checked}\n"
        if report["gaps"]:
            text += f"nothing was sealed for over three minutes {report['gaps']} times"
            text += ", each recorded\n" if report["watched"] else "\n"
        if report["people"]:
            text += f"{report['people']} names, addresses and devices are those that the events were sealed with\n"
        if not report["keys_given"]:
            text += "The keys are the bundle's own. Compare them with those that you were given:\n"
            text += "".join(f"  {_shown(key)}\n" for key in report["keys"])
    elif code == 1:
        damage = report["damage"]
        text = f"DAMAGED: {damage['kind']} at {damage['what']} {damage['number']} {damage['event']}\n"
    else:
        text = f"cannot say: {_shown(report['error'])}\n"
    sys.stdout.write(text)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
