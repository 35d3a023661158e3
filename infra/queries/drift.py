"""Resources that are otherwise than Toban's last action left them, although nobody asked Toban for it.

The last action is the newest start or stop that was called or verified. Only one that succeeded says anything: after a
failed one nobody knows how things should stand, and it is shown as failed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import CharField, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Cast, Concat

from accounts.domain.permissions import Permission
from infra.domain.drift import DriftCause, drift_cause
from infra.domain.power import Power
from infra.domain.schedule import Action
from infra.models import Resource
from medical_audit.domain.actor import Actor
from medical_audit.domain.states import State
from medical_audit.models import Operation

_GOALS = {Action.START: Power.RUNNING, Action.STOP: Power.STOPPED}


@dataclass(frozen=True, slots=True)
class Drift:
    """`expected`: how `action`, Toban's last one, left it. `found` is seen since `since`; `words` are AWS's own."""

    expected: Power
    found: Power
    since: datetime
    action: Operation
    cause: DriftCause
    words: str


def _touching() -> QuerySet[Operation]:
    """Starts and stops that reached AWS or were verified there."""
    kinds = Q(kind__endswith=".start") | Q(kind__endswith=".stop")
    reached = Q(state=str(State.SUCCEEDED)) | Q(called_at__isnull=False)
    rows: QuerySet[Operation] = Operation.objects.filter(kinds, reached)
    return rows


def last_actions(ids: Iterable[str]) -> dict[str, Operation]:
    """The newest start or stop of each resource that reached AWS, by resource id. Needs the tenant bound."""
    return {row.target_id: row for row in newest_each(_touching(), ids)}


def newest_each(rows: QuerySet[Operation], ids: Iterable[str]) -> QuerySet[Operation]:
    """Of operations the newest of each of these resources. Two questions: as one it is a join, for which all are read."""
    newest = Subquery(newest_of(rows).values("id")[:1])
    named = Resource.objects.filter(id__in=list(ids)).annotate(newest=newest)
    return Operation.objects.filter(id__in=[pk for pk in named.values_list("newest", flat=True) if pk])


def newest_of(rows: QuerySet[Operation]) -> QuerySet[Operation]:
    """Operations of the resource of an outer question, the newest first, for a subquery that is cut: by their index a few of
    each are read, however many there have been."""
    mine = rows.filter(target_type="resource", target_id=Cast(OuterRef("id"), CharField(max_length=64)))
    return mine.order_by("-entered_at", "-id")


def drift_of(resource: Resource, last: Operation | None) -> Drift | None:
    """Whether, since when and why a resource is otherwise than its last action left it; pure."""
    if last is None or last.state != State.SUCCEEDED or resource.gone_at is not None or _held(resource):
        return None
    expected, found = _GOALS[Action(last.kind.rpartition(".")[2])], Power(resource.state)
    if found not in _GOALS.values() or found is expected:
        return None
    words = str(resource.facts.get("state_reason", "")) if found is Power.STOPPED else ""
    left_at = last.finished_at or last.entered_at
    cause = drift_cause(resource.kind, found, words, resource.state_since, left_at)
    return Drift(expected, found, resource.state_since, last, cause, words)


def _held(resource: Resource) -> bool:
    """Toban itself has started it for a while, to give it a certificate, and stops it again (operations.rotating)."""
    return "rotation" in resource.memory


def drifted(*, actor: Actor) -> QuerySet[Resource]:
    """Every resource with a drift, for filters and counts; the same rule as `drift_of`, asked of the database."""
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)
    last = newest_of(_touching()).annotate(word=Concat(F("state"), Value("/"), F("kind")))
    rows: QuerySet[Resource] = Resource.objects.filter(
        ~Q(memory__has_key="rotation"), gone_at__isnull=True
    ).annotate(last_action=Subquery(last.values("word")[:1]))
    done = Q(last_action__startswith=f"{State.SUCCEEDED}/")
    runs = Q(state=str(Power.RUNNING), last_action__endswith=f".{Action.STOP}")
    stands = Q(state=str(Power.STOPPED), last_action__endswith=f".{Action.START}")
    return rows.filter(done, runs | stands)
