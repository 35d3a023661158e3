"""What of an event identifies a person, and the reference that stands for it in what is hashed (ADR 19).

An event names a person by the pseudonymous id of his account only. His name, an address of his, his device stand in it as a
salted commitment; the value itself is kept beside the chain, sealed under a key of that person. Who has the key can read the
value and prove that it is what was committed to; once the key is destroyed nobody can, and nobody can test a guess either:
the salt comes from the key.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from medical_audit.domain.actor import ActorType, EventDraft, Principal

#: What stands on pages, in exports and in rows where a person's data were.
ERASED: Final = "消去済み (erased)"
#: Whose key covers what nobody known typed or sent: one for each year, because nobody else could ever ask for its end.
STRANGER: Final = "stranger"
KEY_BYTES: Final = 32
_SALT_BYTES: Final = 16
_TOKEN_BYTES: Final = 24
TOKEN: Final = re.compile(r"~[A-Za-z0-9_-]{32}")
_ZONE: Final = ZoneInfo("Asia/Tokyo")
_WHOLE: Final = re.compile(rf"{TOKEN.pattern}\Z")


class Field(StrEnum):
    """What kind of value it is; bound into the commitment, so that a name cannot stand for an address."""

    NAME = "name"
    ADDRESS = "address"
    DEVICE = "device"


#: The keys of an event's detail, however deep, whose texts belong to the person acted about, or to who acts.
_IN_DETAIL: Final[Mapping[str, Field]] = {
    "address": Field.ADDRESS,
    "address_raw": Field.ADDRESS,
    "other_address": Field.ADDRESS,
    "device": Field.DEVICE,
    "username": Field.NAME,
}


@dataclass(frozen=True, slots=True)
class Value:
    """One readable value of one person of a tenant."""

    person: str
    field: Field
    text: str


def salt_of(key: bytes, value: Value) -> bytes:
    """Always the same for one key and value: the same value has one reference, which can be searched for."""
    said = f"toban-person-salt-1\n{value.field}\n{value.text}".encode()
    return hmac.digest(key, said, "sha256")[:_SALT_BYTES]


def commitment(tenant_id: UUID, value: Value, salt: bytes) -> str:
    """The reference: 33 characters, "~" and 192 bits of SHA-256 over tenant, person, field, salt and value."""
    said = f"toban-person-1\n{tenant_id}\n{value.person}\n{value.field}\n{salt.hex()}\n{value.text}".encode()
    return "~" + base64.urlsafe_b64encode(hashlib.sha256(said).digest()[:_TOKEN_BYTES]).decode("ascii")


def token_of(tenant_id: UUID, key: bytes, value: Value) -> str:
    return commitment(tenant_id, value, salt_of(key, value))


def sealing_key(key: bytes) -> bytes:
    """What values are sealed with: not the key that salts are made with."""
    return hmac.digest(key, b"toban-person-seal-1", "sha256")


def is_token(text: object) -> bool:
    return isinstance(text, str) and _WHOLE.match(text) is not None


def tokens_in(texts: Iterable[str]) -> set[str]:
    """Every reference in canonical bodies; what only looks like one is known to nobody."""
    return {token for text in texts for token in TOKEN.findall(text)}


def values_of(draft: EventDraft) -> list[Value]:
    """The readable values that this event would carry."""
    found: list[Value] = []

    def keep(value: Value) -> str:
        found.append(value)
        return ""

    referenced(draft, keep)
    return found


def named(detail: Mapping[str, Any]) -> dict[str, Any]:
    """A detail with each person as his name alone, for rows beside the events."""

    def plain(value: Any) -> Any:
        if isinstance(value, Principal):
            return value.name
        return [plain(one) for one in value] if isinstance(value, list) else value

    return {name: plain(value) for name, value in detail.items()}


@dataclass(frozen=True, slots=True)
class Referenced:
    """The parts of an event's body that may speak of a person, as they will stand in it."""

    actor_name: str
    subject_name: str
    behalf_name: str
    address: str
    detail: dict[str, object]


def stranger_of(at: datetime) -> str:
    """Whose key covers what nobody known sent in that year (JST)."""
    return f"{STRANGER}-{at.astimezone(_ZONE).year}"


def is_stranger(person: str) -> bool:
    return person == STRANGER or person.startswith(f"{STRANGER}-")


def stranger_ends(person: str, made_at: datetime) -> datetime | None:
    """When the sealer destroys that key: a year after the end of its year (JST); None for a person's. `ledger.stranger_ends` says it again."""
    if not is_stranger(person):
        return None
    year = person.removeprefix(STRANGER).removeprefix("-") or made_at.astimezone(_ZONE).year
    return datetime(int(year) + 2, 1, 1, tzinfo=_ZONE)


def referenced(draft: EventDraft, reference: Callable[[Value], str]) -> Referenced:
    """The event's parts with each readable value exchanged for its reference."""
    actor, subject = draft.actor, draft.subject
    about = subject.id if subject.type == "user" else ""
    by_person = actor.type == ActorType.USER
    nobody = stranger_of(draft.at)
    acting = (actor.id or about or nobody) if by_person else ""
    owner = about or acting or (nobody if subject.type == "user" else "")

    def exchanged(person: str, field: Field, text: str) -> str:
        return reference(Value(person, field, text)) if person and text and text != ERASED else text

    def told(value: object, key: str = "") -> object:
        if isinstance(value, Principal):
            return exchanged(value.id, Field.NAME, value.name)
        if isinstance(value, Mapping):
            return {name: told(one, str(name)) for name, one in value.items()}
        if isinstance(value, list | tuple):
            return [told(one, key) for one in value]
        if isinstance(value, str) and key in _IN_DETAIL:
            return exchanged(owner, _IN_DETAIL[key], value)
        return value

    behalf = draft.on_behalf_of
    return Referenced(
        actor_name=exchanged(acting, Field.NAME, actor.name),
        subject_name=exchanged(
            subject.person or (owner if subject.type == "user" else ""), Field.NAME, subject.name
        ),
        behalf_name=exchanged(behalf.id, Field.NAME, behalf.name) if behalf else "",
        address=exchanged(acting, Field.ADDRESS, actor.address),
        detail={name: told(one, name) for name, one in draft.detail.items()},
    )


#: The version of bodies that refer to people; what a person typed as a reason is never a reference.
REFERENCING: Final = 2
_NEVER: Final = ("v", "kind", "reason", "session", "request", "operation", "at", "outcome")


def readable(said: Any, values: Mapping[str, str]) -> Any:
    """A parsed body with each reference exchanged for its value; one that has none any more reads as erased.

    Only of bodies that were written with references (`v` 2): in older ones a text that looks like one is a text.
    """
    if not isinstance(said, dict) or said.get("v") != REFERENCING:
        return said
    return {name: value if name in _NEVER else _readable(value, values) for name, value in said.items()}


def _readable(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _readable(one, values) for name, one in value.items()}
    if isinstance(value, list):
        return [_readable(one, values) for one in value]
    return values.get(value, ERASED) if is_token(value) else value


#: (tenant, canonical bodies) -> reference -> readable value, of those that still have one.
PeopleReader = Callable[[UUID, Iterable[str]], Mapping[str, str]]
_readers: list[PeopleReader] = []


def register_people_reader(found: PeopleReader) -> None:
    """Tell the models whom to ask; called once per process by the part that can open what is sealed."""
    _readers[:] = [found]


def people_reader() -> PeopleReader:
    """Raises RuntimeError where nobody can answer."""
    if not _readers:
        raise RuntimeError("no reader of people is registered")
    return _readers[0]
