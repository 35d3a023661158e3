"""Of whom names, addresses and devices can be read in a tenant's record, and since when they may be erased (ADR 19)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Max

from accounts.domain.permissions import Role
from accounts.models import Membership, User
from medical_audit.domain.actor import Actor
from medical_audit.domain.erasing import erasable_from
from medical_audit.domain.errors import NotFound
from medical_audit.domain.personal import Field, is_stranger, stranger_ends
from medical_audit.domain.rights import LEDGER_VIEW
from medical_audit.domain.states import State
from medical_audit.models import Erasure, Event, Operation, PersonKey
from medical_audit.queries.people import readable_here
from medical_audit.queries.purges import Keeping, keeping_here
from medical_audit.tenancy import current_tenant_id, platform_scope

KIND = "person.erase"
#: More people than this are looked for by name.
SHOWN = 200


@dataclass(frozen=True, slots=True)
class ReadablePerson:
    """`person`: the id of the account; `member`: he holds a role here; `last_act`: his newest event; `from_at`: since when he may
    be erased (None: at once), `due`: whether that is over; `waiting`: an erasure that waits for its confirmation."""

    person: str
    names: Sequence[str]
    addresses: int
    devices: int
    member: bool
    last_act: datetime | None
    from_at: datetime | None
    due: bool
    waiting: Operation | None

    @property
    def is_stranger(self) -> bool:
        return is_stranger(self.person)

    @property
    def erasable(self) -> bool:
        return self.due and not self.member and not self.is_stranger and self.waiting is None


@dataclass(frozen=True, slots=True)
class PeopleView:
    """`more`: people who found no room on the page; `before`: how many events of before ADR 19 hold names as they were typed, which nothing can take out of the chain."""

    held: Keeping
    people: Sequence[ReadablePerson]
    more: int
    erasures: Sequence[tuple[Erasure, Operation | None]]
    before: int


def people_view(*, actor: Actor, now: datetime, q: str = "") -> PeopleView:
    """Those whose name contains `q`. Raises NotPermitted. Needs the tenant bound."""
    actor.require(LEDGER_VIEW, actor.tenant_id)
    held = keeping_here()
    people, more = _people(held, now, q=q)
    done = list(Erasure.objects.order_by("-at"))
    operations = Operation.objects.in_bulk([one.operation for one in done])
    return PeopleView(
        held,
        people,
        more,
        [(one, operations.get(one.operation)) for one in done],
        Event.objects.filter(body__contains='"v":1}').count(),
    )


def person_here(person: str, *, now: datetime) -> ReadablePerson:
    """One of the bound tenant's. Raises NotFound."""
    found, _more = (
        _people(keeping_here(), now, only=person) if person and not is_stranger(person) else ([], 0)
    )
    if not found:
        raise NotFound(type="person", id=person)
    return found[0]


def names_of(person: str) -> list[str]:
    """Every name of him that can be read in the bound tenant, and the one of his account.

    Not one that is a role's: it says nothing of him, and would be taken out of what others were given.
    """
    found = readable_here(current_tenant_id(), person=person).values()
    names = [value.text for value in found if value.field == Field.NAME]
    user = User.objects.filter(id=UUID(person)).values_list("name", "username", "email").first()
    return sorted({*names, *(user or ())} - {"", *map(str, Role)})


def belongs_nowhere(person: str) -> bool:
    """Whether he holds no role in any tenant: then nobody could close his account any more, nor erase it later."""
    user_id = UUID(person)
    with platform_scope(user_id=user_id):
        return not Membership.own.filter(user_id=user_id).exists()


def _people(held: Keeping, now: datetime, *, only: str = "", q: str = "") -> tuple[list[ReadablePerson], int]:
    """By name, at most `SHOWN` of them, and how many more there are."""
    keys = PersonKey.objects.all() if not only else PersonKey.objects.filter(person=only)
    made: dict[str, datetime] = dict(keys.values_list("person", "made_at"))
    values: dict[str, list[tuple[Field, str]]] = {person: [] for person in made}
    for value in readable_here(current_tenant_id(), person=only).values():
        values.setdefault(value.person, []).append((value.field, value.text))
    names = {
        person: list(dict.fromkeys(text for field, text in told if field == Field.NAME))
        for person, told in values.items()
    }
    wanted = q.casefold()
    ids = [
        person
        for person in made
        if wanted in person or any(wanted in one.casefold() for one in names[person])
    ]
    ids.sort(key=lambda person: (is_stranger(person), names[person][:1], person))
    shown, more = ids[:SHOWN], len(ids[SHOWN:])
    members = {str(one) for one in Membership.objects.values_list("user_id", flat=True)}
    acts = dict(
        Event.objects.filter(actor_id__in=shown).order_by().values_list("actor_id").annotate(Max("event_at"))
    )
    waiting = {
        str(one.parameters["person"]): one for one in Operation.objects.filter(kind=KIND, state=State.ENTERED)
    }
    found = []
    for person in shown:
        last = acts.get(person)
        since = stranger_ends(person, made[person]) or erasable_from(last, held.person_months)
        found.append(
            ReadablePerson(
                person=person,
                names=names[person],
                addresses=sum(field == Field.ADDRESS for field, _ in values[person]),
                devices=sum(field == Field.DEVICE for field, _ in values[person]),
                member=person in members,
                last_act=last,
                from_at=since,
                due=since is None or since <= now,
                waiting=waiting.get(person),
            )
        )
    return found, more
