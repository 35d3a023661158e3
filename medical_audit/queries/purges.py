"""For how long the record is kept, what has gone already, and what could go now."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

from medical_audit.domain.actor import Actor
from medical_audit.domain.burying import JST, LEAST_YEARS, Tombstone, term_ends
from medical_audit.domain.erasing import PERSON_MONTHS
from medical_audit.domain.merkle import Frontier
from medical_audit.domain.notes import BadNote, VerifierKey, open_note
from medical_audit.domain.rights import LEDGER_VIEW
from medical_audit.domain.states import OPEN, State
from medical_audit.models import Operation, Retention
from medical_audit.queries import seals
from medical_audit.tenancy import current_tenant_id

KIND, END = "ledger.purge", "ledger.purge_end"
#: How the sealer's last try of a tenant's purge went is kept under this name and the tenant's id.
PURGE_DUTY = "purge:"
_BEFORE = """
SELECT t.number, t.size, t.root, t.last_hash FROM ledger.tree_head t JOIN ledger.checkpoint c ON c.number = t.number
WHERE t.tenant_id = %s AND c.at < %s ORDER BY t.number DESC LIMIT 1
"""
_STONES = """
SELECT s.note, s.first_seq, s.last_seq, t.size, t.root, t.last_hash, t.frontier, c.note FROM ledger.tombstone s
LEFT JOIN ledger.tree_head t ON t.tenant_id = s.tenant_id AND t.number = s.number
LEFT JOIN ledger.checkpoint c ON c.number = s.number
WHERE s.tenant_id = %s ORDER BY s.last_seq
"""
_FIRST = "SELECT linked_at FROM ledger.link WHERE tenant_id = %s ORDER BY seq LIMIT 1"
_GONE = "SELECT coalesce(max(last_seq), 0) FROM ledger.tombstone WHERE tenant_id = %s"


@dataclass(frozen=True, slots=True)
class Keeping:
    """What holds here: the term in years, why nothing may go for now ("": nothing is held), and for how many months after his last
    act a person stays readable."""

    years: int = LEAST_YEARS
    hold: str = ""
    person_months: int = PERSON_MONTHS


def keeping_here() -> Keeping:
    row = Retention.objects.values("years", "hold", "person_months").first()
    return Keeping(**row) if row else Keeping()


@dataclass(frozen=True, slots=True)
class Purgeable:
    """Events `first` to `last`, sealed before `until` by seal `number`, could go."""

    first: int
    last: int
    number: int
    root: bytes
    last_hash: bytes
    until: datetime

    @property
    def events(self) -> int:
        return self.last - self.first + 1


def gone_up_to(tenant_id: UUID) -> int:
    """Up to which event the bound tenant's record has gone by tombstones, believed as they stand."""
    with connection.cursor() as cursor:
        cursor.execute(_GONE, [tenant_id])
        return int(cursor.fetchone()[0])


def purgeable(tenant_id: UUID, until: datetime) -> Purgeable | None:
    """What of the bound tenant was sealed before `until` and is still there; None: nothing."""
    gone = gone_up_to(tenant_id)
    with connection.cursor() as cursor:
        cursor.execute(_BEFORE, [tenant_id, until])
        row = cursor.fetchone()
    if row is None or row[1] <= gone:
        return None
    number, size, root, last_hash = row
    return Purgeable(gone + 1, size, number, bytes(root), bytes(last_hash), until)


def is_purge_under_way() -> bool:
    """Whether one waits for its confirmation or for the sealer in the bound tenant."""
    return Operation.objects.filter(kind=KIND, state__in=OPEN).exists() or is_purge_ordered()


def is_purge_ordered() -> bool:
    """Whether one was confirmed in the bound tenant that the sealer has not carried out yet."""
    return ordered_purge() is not None


def ordered_purge() -> Operation | None:
    """The one that was confirmed in the bound tenant, that the sealer has not carried out yet, and that nobody ended."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT operation FROM ledger.tombstone WHERE tenant_id = %s", [current_tenant_id()])
        done = [row[0] for row in cursor.fetchall()]
    found: Operation | None = (
        Operation.objects.filter(kind=KIND, state=State.SUCCEEDED).exclude(id__in=[*done, *_ended()]).first()
    )
    return found


def _ended() -> list[UUID]:
    rows = Operation.objects.filter(kind=END, state=State.SUCCEEDED)
    return [UUID(one) for one in rows.values_list("parameters__purge", flat=True)]


def months_over(tenant_id: UUID, years: int, now: datetime) -> list[datetime]:
    """Ends of the months that events are still there of and whose term is over, the newest first; at most 120."""
    with connection.cursor() as cursor:
        cursor.execute(_FIRST, [tenant_id])
        row = cursor.fetchone()
    if row is None:
        return []
    first, found = row[0].astimezone(JST), []
    end = _month_behind(first)
    while term_ends(end, years) <= now:
        found.append(end)
        end = _month_behind(end)
    return found[::-1][:120]


def _month_behind(moment: datetime) -> datetime:
    local = moment.astimezone(JST).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    year, month = divmod(local.year * 12 + local.month, 12)
    return local.replace(year=year, month=month + 1)


@dataclass(frozen=True, slots=True)
class Buried:
    """A tombstone that holds: signed by our key, behind the one before, ending at a head that its seal bears. `frontier`: from
    which the tenant's tree goes on."""

    stone: Tombstone
    note: str
    frontier: Frontier


def tombstones(tenant_id: UUID, keys: Sequence[VerifierKey]) -> list[Buried]:
    """Of the bound tenant, from the beginning on, up to the first that does not hold: what lies behind that is not excused."""
    with connection.cursor() as cursor:
        cursor.execute(_STONES, [tenant_id])
        rows = cursor.fetchall()
    found: list[Buried] = []
    for note, first, last, size, root, last_hash, frontier, seal in rows:
        if size is None or seal is None:
            break
        try:
            text, _key = open_note(note, keys)
            stone = Tombstone.parse(text)
            open_note(note, keys, number=stone.after)
            edge = Frontier.of(size, bytes(frontier))
            sealed = seals.sealed_at(seal)
        except (BadNote, ValueError):
            break
        behind = found[-1].stone.last + 1 if found else 1
        said = (stone.tenant_id, stone.first, stone.last, stone.root, stone.last_hash)
        if said != (tenant_id, behind, size, bytes(root), bytes(last_hash)) or (first, last) != said[1:3]:
            break
        newest = seals.checkpoint(stone.after)
        if edge.root() != stone.root or sealed >= stone.until:
            break
        if newest is None or not stone.is_of_its_time(newest.at):
            break
        found.append(Buried(stone, note, edge))
    return found


# -- the page --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PurgeLine:
    """One purge: `state` is entered, ordered (the sealer carries it out), ended or gone; `refusal`: why the sealer let it wait when
    it last tried."""

    operation: Operation
    state: str
    at: datetime | None
    refusal: str = ""

    @property
    def events(self) -> int:
        return (
            int(self.operation.parameters["last_event"]) - int(self.operation.parameters["first_event"]) + 1
        )

    @property
    def until(self) -> datetime:
        return datetime.fromisoformat(self.operation.parameters["before_at"])


@dataclass(frozen=True, slots=True)
class RetentionView:
    """`months`: (end of a month, how many events could go with it), where the term is over."""

    held: Keeping
    row: Retention | None
    months: tuple[tuple[datetime, int], ...]
    purges: tuple[PurgeLine, ...]
    gone: int


def retention_view(*, actor: Actor, now: datetime) -> RetentionView:
    actor.require(LEDGER_VIEW, actor.tenant_id)
    held = keeping_here()
    months = []
    for until in months_over(actor.tenant_id, held.years, now):
        found = purgeable(actor.tenant_id, until)
        if found is not None:
            months.append((until, found.events))
    return RetentionView(
        held,
        Retention.objects.first(),
        tuple(months),
        tuple(_purges(actor.tenant_id)),
        gone_up_to(actor.tenant_id),
    )


def _purges(tenant_id: UUID) -> list[PurgeLine]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT operation, at FROM ledger.tombstone WHERE tenant_id = %s", [tenant_id])
        done = dict(cursor.fetchall())
    duty, ended = seals.duties().get(f"{PURGE_DUTY}{tenant_id}"), _ended()
    refusal = duty.problem if duty else ""
    rows = Operation.objects.filter(kind=KIND, state__in=[*OPEN, State.SUCCEEDED]).order_by("-entered_at")[
        :50
    ]
    return [
        PurgeLine(
            row, state := _state(row, done, ended), done.get(row.id), refusal if state == "ordered" else ""
        )
        for row in rows
    ]


def _state(row: Operation, done: Mapping[UUID, datetime], ended: Collection[UUID]) -> str:
    if row.id in done:
        return "gone"
    if row.id in ended:
        return "ended"
    return "ordered" if row.state == State.SUCCEEDED else "entered"
