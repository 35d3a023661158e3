"""Kinds of privileged actions: declared once by the app that owns them, looked up by name everywhere."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Protocol
from uuid import UUID

from medical_audit.domain.canonical import digest
from medical_audit.domain.errors import Refused

#: A row of models.Operation, which this layer may not import.
OperationRow = Any


class Policy(StrEnum):
    """Who may confirm: the enterer himself, only another person, two other people of one role, or a confirmed schedule."""

    SELF = "self"
    OTHER = "other"
    TWO = "two"
    SCHEDULE = "schedule"


def strictness(policy: str) -> int:
    """How many people a policy asks for besides the enterer: a tenant may ask for more than a kind does, never for fewer."""
    return {Policy.SELF: 0, Policy.OTHER: 1, Policy.TWO: 2}[Policy(policy)]


#: Of an operation's parameters what is nobody's to read: secrets under seal, and hashes by which links and tokens are known.
WITHHELD: Final = frozenset({"hashed", "sealed"})


def readable(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as anybody may be shown them; the digest is of all of them."""
    return {name: value for name, value in parameters.items() if name not in WITHHELD}


@dataclass(frozen=True, slots=True)
class OperationTarget:
    """What an operation acts on. `lane` is the queue it runs in, e.g. '123456789012/ap-northeast-1'; '' = local."""

    type: str
    id: str
    name: str
    lane: str = ""
    facts: Mapping[str, Any] | None = None


def content_digest(
    kind: str,
    target: OperationTarget,
    parameters: Mapping[str, Any],
    shown: Mapping[str, Any],
    corrects: UUID | None = None,
) -> str:
    """The hash of exactly what is shown, confirmed and executed; of a correction also of which version it corrects."""
    content = {
        "kind": kind,
        "target": {"type": target.type, "id": target.id, "name": target.name, "lane": target.lane},
        "parameters": dict(parameters),
        "shown": dict(shown),
    }
    return digest(content | ({"corrects": str(corrects)} if corrects else {}))


@dataclass(frozen=True, slots=True)
class Authority:
    """Whose confirmation an automatic action rests on; `operation` is the one that he confirmed."""

    source: str
    operation: str
    person_id: str
    person_name: str


# -- what looking at or calling an outside system can say of one operation ---------------------------------------


@dataclass(frozen=True, slots=True)
class Go:
    """Nothing speaks against the call. `detail`: what has to be recorded with it."""

    detail: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """The wish is fulfilled; `code` says how ('reached', 'already', 'tagged')."""

    code: str
    request_id: str = ""
    detail: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """The outside system took the call; look again after `look_in`. detail: what the end should tell besides."""

    request_id: str
    look_in: timedelta
    detail: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Later:
    """Provably not applied, or not to be judged yet: try again after `wait`.

    `seen` is False where the look itself failed: of such a row nothing is known, however long it takes.
    """

    code: str
    wait: timedelta
    detail: Mapping[str, Any] | None = None
    seen: bool = True


@dataclass(frozen=True, slots=True)
class Again:
    """A look after the call shows that it came to nothing, for a cause that passes: call once more after `wait`."""

    code: str
    wait: timedelta
    detail: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Drop:
    """No longer wanted (the schedule, a person or the tag says otherwise now): cancelled without a call."""

    code: str
    detail: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Fail:
    """It did not and will not happen without a person."""

    code: str
    request_id: str = ""
    detail: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """Sent, effect unknown: only looking settles it, never guessing."""

    code: str
    request_id: str = ""
    detail: Mapping[str, Any] | None = None


Verdict = Go | Done | Accepted | Later | Again | Drop | Fail | Unknown


class Health(StrEnum):
    """What a round of calls said about the lane itself, for its circuit breaker."""

    GOOD = "good"
    FAILING = "failing"
    REFUSED = "refused"
    UNTOUCHED = "untouched"


@dataclass(frozen=True, slots=True)
class Round:
    """Verdicts by operation id, and what they say of the lane."""

    verdicts: Mapping[UUID, Verdict]
    health: Health
    health_code: str = ""


class Executor(Protocol):
    """How a kind is carried out, in batches of one lane. Only `prepare`, `intend` and `remember` touch the database."""

    def prepare(self, operations: Sequence[OperationRow], now: datetime) -> Any:
        """Read what the calls need, inside the tenant's transaction."""

    def check(self, plan: Any, operations: Sequence[OperationRow], now: datetime) -> Round:
        """Look right before the call: Go, or why not."""

    def intend(self, plan: Any, operations: Sequence[OperationRow], now: datetime) -> None:
        """Keep what the call is going to overwrite, inside the transaction that commits the intent to make it."""

    def call(self, plan: Any, operations: Sequence[OperationRow], still_ours: Callable[[], bool]) -> Round:
        """Make the change; raise LeaseLost if `still_ours` says no before a send."""

    def observe(self, plan: Any, operations: Sequence[OperationRow], now: datetime) -> Round:
        """Look after the call: Done, Fail, Later (not there yet) or Go (provably not applied)."""

    def remember(self, plan: Any, now: datetime) -> None:
        """Keep what was just seen, inside the transaction that writes the verdicts."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of privileged action.

    `shown` gives exactly what a person confirms, as data (sentence code and parameters, the outside call);
    it is hashed into the operation's digest. `refusal` says why it cannot be entered, or None. Either
    `executor` (outside work, leased by lane) or `apply` (inside the confirming transaction) is set. At most `batch`
    operations share one intent and one round of calls, neighbours by `group_key`. `objections` is asked inside the
    transaction that commits the intent: what speaks against a call by what is in the database at that moment. `patient`:
    outcomes of a call that are tried again until the deadline, however many attempts that takes.
    `own`: the enterer himself confirms it and nobody else, because it is his own right that he gives away.
    `confirmer_refusal`: why this person (an id) may not confirm this one although he holds the right, or None.
    `reject_permission`: who may send it back, unless `confirmer_refusal` speaks against him; "" for those who may send back anything.
    `proxied`: its entry page offers to enter it for another (代行入力), so that a delegation may name it.
    """

    name: str
    enter_permission: str
    confirm_permission: str
    policy: Policy
    clean: Callable[[Mapping[str, Any]], dict[str, Any]]
    shown: Callable[[OperationTarget, Mapping[str, Any]], dict[str, Any]]
    refusal: Callable[[OperationTarget, Mapping[str, Any]], str | None]
    executor: Executor | None = None
    apply: Callable[[OperationRow, datetime], dict[str, Any]] | None = None
    grace: timedelta = timedelta(minutes=60)
    approval_ttl: timedelta = timedelta(hours=24)
    verify_within: timedelta = timedelta(minutes=10)
    max_attempts: int = 5
    patient: frozenset[str] = frozenset()
    batch: int = 100
    own: bool = False
    proxied: bool = False
    group_key: Callable[[OperationRow], str] = lambda operation: ""
    confirmer_refusal: Callable[[OperationRow, str], str | None] = lambda operation, person_id: None
    reject_permission: str = ""
    objections: Callable[[Sequence[OperationRow], datetime], Mapping[UUID, Drop]] = lambda operations, now: {}


_KINDS: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    """Declare a kind; called once per process from the owning app's `ready()`."""
    if (kind.executor is None) == (kind.apply is None):
        raise ValueError(f"{kind.name}: exactly one of executor and apply")
    _KINDS[kind.name] = kind


def get_kind(name: str) -> Kind:
    try:
        return _KINDS[name]
    except KeyError:
        raise Refused("unknown_kind", kind=name) from None


def calls_outside(name: object) -> bool:
    """Whether operations of this kind call an outside system; an unknown kind may have."""
    kind = _KINDS.get(str(name))
    return kind is None or kind.executor is not None


def all_kinds() -> tuple[Kind, ...]:
    return tuple(_KINDS.values())
