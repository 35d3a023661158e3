"""Reading operations of the bound tenant."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce

from medical_audit.domain.actor import ENVELOPE, Actor
from medical_audit.domain.errors import NotFound
from medical_audit.domain.kinds import Policy, all_kinds
from medical_audit.domain.people import directory
from medical_audit.domain.rights import OPERATION_VIEW
from medical_audit.domain.states import ENDED_BADLY, OPEN, State
from medical_audit.models import Confirmation, Deputy, Operation
from medical_audit.queries.paging import Cursors, Page, page_of
from medical_audit.queries.policies import policy_here
from medical_audit.queries.punctuality import PLANNED, conditions


@dataclass(frozen=True, slots=True)
class OperationFilter:
    """What a reader looks for; empty means everything. `target` is an id, `mine` who entered.

    kept: a Kept, of what the clock had planned only. since, until: when it was due, `since <= due_at < until`.
    """

    state: str = ""
    kind: str = ""
    mine: bool = False
    target: str = ""
    q: str = ""
    kept: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class OperationCounts:
    """How many there are by state and by kind, each under the other filters; `total` over all states."""

    states: Mapping[str, int]
    kinds: Mapping[str, int]
    total: int


def waiting_count(actor: Actor) -> int:
    """How many operations wait for a person to confirm them."""
    actor.require(OPERATION_VIEW, actor.tenant_id)
    return Operation.objects.filter(state=State.ENTERED).count()


def list_operations(wanted: OperationFilter, cursors: Cursors, *, actor: Actor, now: datetime) -> Page:
    """One page, newest first. Raises NotPermitted, Refused."""
    actor.require(OPERATION_VIEW, actor.tenant_id)
    return page_of(_matching(wanted, actor, now), ("entered_at", "id"), cursors, descending=True)


def count_operations(wanted: OperationFilter, *, actor: Actor, now: datetime) -> OperationCounts:
    actor.require(OPERATION_VIEW, actor.tenant_id)
    states = _counts(_matching(wanted, actor, now, without="state"), "state")
    return OperationCounts(
        states, _counts(_matching(wanted, actor, now, without="kind"), "kind"), sum(states.values())
    )


def get_operation(operation_id: UUID, *, actor: Actor) -> Operation:
    """One operation; raises NotPermitted, NotFound (missing, or another tenant's)."""
    actor.require(OPERATION_VIEW, actor.tenant_id)
    operation: Operation | None = Operation.objects.filter(id=operation_id).first()
    if operation is None:
        raise NotFound(type="operation")
    return operation


def awaiting(*, actor: Actor, now: datetime, limit: int) -> tuple[list[Operation], int]:
    """What this very person could confirm now, oldest first, and how many there are."""
    rows = awaiting_rows(actor=actor, now=now)
    return list(rows.order_by("entered_at", "id")[:limit]), rows.count()


def awaiting_rows(*, actor: Actor, now: datetime) -> QuerySet[Operation]:
    """What this very person could confirm now, for a question of one's own that is cut only afterwards."""
    actor.require(OPERATION_VIEW, actor.tenant_id)
    allowed = [kind for kind in all_kinds() if actor.may(kind.confirm_permission, actor.tenant_id)]
    others = Q(policy__in=(Policy.OTHER, Policy.TWO)) | ~Q(on_behalf_of_id="")
    rows: QuerySet[Operation] = (
        Operation.objects.filter(state=State.ENTERED, kind__in=[kind.name for kind in allowed])
        .exclude(Q(entered_by_id=actor.id) & others)
        .exclude(Q(kind__in=[kind.name for kind in allowed if kind.own]) & ~Q(entered_by_id=actor.id))
        .exclude(Q(policy=Policy.TWO) & ~Q(policy_role__in=("", *actor.roles)))
        .exclude(id__in=Confirmation.objects.filter(person_id=actor.id).values("operation"))
        .filter(_for_whom_it_may_be(actor, now))
    )
    if actor.no_one:
        # An account that is nobody's confirms nothing; an opened envelope what nobody else has to look at.
        return (
            rows.filter(policy=Policy.SELF, on_behalf_of_id="") if actor.no_one == ENVELOPE else rows.none()
        )
    return rows.exclude(directory().has_enterer_in_hand(actor.id))


def _for_whom_it_may_be(actor: Actor, now: datetime) -> Q:
    """Entered for nobody else, for this person, or for somebody who may confirm it, whose deputy he is and whose turn it is; or the
    first of two has spoken for him."""
    named = Deputy.objects.filter(principal_id=OuterRef(OuterRef("on_behalf_of_id"))).values("deputy_id")
    given = Confirmation.objects.filter(operation=OuterRef("id"), digest=OuterRef("digest"))
    spoken = given.filter(Q(person_id=OuterRef("on_behalf_of_id")) | Q(person_id__in=named))
    found = Q(on_behalf_of_id__in=("", actor.id)) | Q(Exists(spoken), policy=Policy.TWO)
    period, proxied = (
        timedelta(hours=policy_here().escalate_hours),
        [kind for kind in all_kinds() if kind.proxied],
    )
    for principal, place in Deputy.objects.filter(deputy_id=actor.id).values_list("principal_id", "place"):
        rights = {kind.confirm_permission for kind in proxied}
        held = {one for one in rights if directory().holds(actor.tenant_id, principal, one, "")}
        kinds = [kind.name for kind in proxied if kind.confirm_permission in held]
        found |= Q(on_behalf_of_id=principal, entered_at__lte=now - (place - 1) * period, kind__in=kinds)
    return found


def proxies(*, actor: Actor, limit: int) -> list[Operation]:
    """Every proxy entry that waits for its confirmation, oldest first."""
    actor.require(OPERATION_VIEW, actor.tenant_id)
    rows = Operation.objects.filter(state=State.ENTERED).exclude(on_behalf_of_id="")
    return list(rows.order_by("entered_at", "id")[:limit])


def entered_by(person_id: str, *, actor: Actor, limit: int) -> list[Operation]:
    """What somebody entered and nobody has confirmed yet, oldest first."""
    actor.require(OPERATION_VIEW, actor.tenant_id)
    rows = Operation.objects.filter(state=State.ENTERED, entered_by_id=person_id)
    return list(rows.order_by("entered_at", "id")[:limit])


def open_by_target(
    target_type: str, ids: Iterable[str], *, actor: Actor, beside: Collection[str] = ()
) -> dict[str, Operation]:
    """The newest operation under way of each target that has one; those of the kinds `beside` do not count."""
    actor.require(OPERATION_VIEW, actor.tenant_id)
    rows = Operation.objects.filter(target_type=target_type, target_id__in=list(ids), state__in=OPEN)
    rows = rows.exclude(kind__in=list(beside)) if beside else rows
    return {row.target_id: row for row in rows.order_by("entered_at", "id")}


def open_of_target(target_type: str, target_id: str, *, actor: Actor) -> list[Operation]:
    """What is under way for one target, newest first."""
    actor.require(OPERATION_VIEW, actor.tenant_id)
    rows = Operation.objects.filter(target_type=target_type, target_id=target_id, state__in=OPEN)
    return list(rows.order_by("-entered_at", "-id"))


def troubles(since: datetime, *, actor: Actor) -> QuerySet[Operation]:
    """What went wrong since an instant, or is unknown however long, and was not put right: what was entered later with
    the same target and succeeded after it settles it."""
    actor.require(OPERATION_VIEW, actor.tenant_id)
    later = Operation.objects.filter(
        target_type=OuterRef("target_type"),
        target_id=OuterRef("target_id"),
        state=State.SUCCEEDED,
        entered_at__gt=OuterRef("entered_at"),
        finished_at__gte=Coalesce(OuterRef("finished_at"), OuterRef("entered_at")),
    )
    rows: QuerySet[Operation] = Operation.objects.filter(
        Q(state__in=ENDED_BADLY, finished_at__gte=since) | Q(state=State.UNKNOWN)
    )
    return rows.filter(~Exists(later))


def overdue(before: datetime, *, actor: Actor) -> QuerySet[Operation]:
    """Confirmed work that was due before an instant and has not come to its end; what is UNKNOWN is a trouble already."""
    actor.require(OPERATION_VIEW, actor.tenant_id)
    rows: QuerySet[Operation] = Operation.objects.filter(
        state__in=(State.CONFIRMED, State.RUNNING), due_at__lt=before
    )
    return rows


def _matching(
    wanted: OperationFilter, actor: Actor, now: datetime, *, without: str = ""
) -> QuerySet[Operation]:
    rows: QuerySet[Operation] = Operation.objects.all()
    if wanted.kept:
        found = conditions(now).get(wanted.kept)
        rows = rows.filter(found, **PLANNED) if found is not None else rows.none()
    if wanted.since:
        rows = rows.filter(due_at__gte=wanted.since)
    if wanted.until:
        rows = rows.filter(due_at__lt=wanted.until)
    if wanted.state and without != "state":
        rows = rows.filter(state=wanted.state)
    if wanted.kind and without != "kind":
        rows = rows.filter(kind=wanted.kind)
    if wanted.mine:
        rows = rows.filter(entered_by_id=actor.id)
    if wanted.target:
        rows = rows.filter(target_id=wanted.target)
    if wanted.q:
        rows = rows.filter(
            Q(target_name__icontains=wanted.q)
            | Q(target_id=wanted.q)
            | Q(parameters__aws_id=wanted.q)
            | Q(reason__icontains=wanted.q)
        )
    return rows


def _counts(rows: QuerySet[Operation], field: str) -> dict[str, int]:
    return dict(rows.order_by(field).values_list(field).annotate(Count("id")))
