"""Deleting the snapshot of an earlier stop once that of a later stop is complete: entered by the clock, carried out as one
operation of its own, never before, and never a snapshot that no stop of ours has made."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models.fields.json import KT

from accounts.domain.permissions import Permission
from infra.aws import snapshots
from infra.domain.aws import AwsError, Target
from infra.domain.aws import LeaseLost as GatewayLeaseLost
from infra.domain.duty import Occurrence, governing
from infra.domain.schedule import Action
from infra.domain.schedule import State as Wish
from infra.domain.snapshots import COMPLETE, DbSnapshot, snapshot_name
from infra.domain.tags import hands_off
from infra.models import Region, Resource
from infra.models.account import Automation
from infra.operations.dues import target_of_resource
from infra.operations.verdicts import after_error, before_error, health_of, stops_the_rest
from infra.queries.authority import authority_of
from infra.queries.drift import newest_of
from infra.queries.rules import Followed, Rules, rules_at
from infra.queries.targets import target_of
from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import LeaseLost
from medical_audit.domain.kinds import Accepted, Done, Drop, Fail, Go, Health, Later, Round, Verdict
from medical_audit.domain.states import State
from medical_audit.models import Operation
from medical_audit.operations.automatic import Due, enter_due

KIND = "rds.prune"
PERMISSIONS = frozenset({str(Permission.POWER_ENTER)})
GRACE = timedelta(hours=6)
LOOK_IN = timedelta(seconds=60)
#: How long a deletion waits that a freeze or an override holds.
FREEZE_WAIT = timedelta(minutes=10)
#: So many stops of a database are looked back at: a snapshot that could not be deleted after so many more is left to people.
STOPS = 14
_KEYS = ("aws_id", "snapshot", "newer")


def enter_pruning(region: Region, *, actor: Actor, now: datetime) -> list[Operation]:
    """Enter the deletion of every snapshot that a later stop has replaced, on the authority of the schedule that asks for
    snapshots; one that does so no longer has none deleted. Needs the tenant bound."""
    rules = rules_at(now)
    asking = [one.revision.id for one in rules.published.values() if one.schedule.options.snapshot]
    if not asking:
        return []
    rows = Resource.objects.filter(
        account=region.account,
        region=region.name,
        kind="rds",
        gone_at__isnull=True,
        schedule_revision__in=asking,
    ).select_related("account")
    stops = _stops([str(row.id) for row in rows])
    dues = []
    for row in rows.order_by("id"):
        found = rules.followed(row)
        followed = found if isinstance(found, Followed) else None
        authority = authority_of(row.account, followed, rules, Occurrence(now, Action.STOP))
        if authority is None or _hands_off(row, rules, now) is not None:
            continue
        left = stops.get(str(row.id), [])
        for one in left[1:]:
            dues.append(
                Due(
                    kind=KIND,
                    target=target_of_resource(row),
                    parameters={
                        "aws_id": row.aws_id,
                        "snapshot": snapshot_name(row.aws_id, one),
                        "newer": snapshot_name(row.aws_id, left[0]),
                    },
                    due_at=now,
                    grace=GRACE,
                    dedupe_key=f"{KIND}/{one.hex}/{left[0].hex}",
                    authority=authority,
                    reason={"source": authority.source},
                )
            )
    return enter_due(dues, actor=actor, now=now)


def _stops(databases: Collection[str]) -> Mapping[str, list[UUID]]:
    """The last stops of each resource that left a snapshot which nobody deletes yet, the newest first."""
    done = Operation.objects.filter(
        kind="rds.stop", state=State.SUCCEEDED, outcome="reached", parameters__snapshot=True
    )
    entered = Operation.objects.filter(kind=KIND).exclude(
        state__in=(State.CANCELLED, State.MISSED, State.FAILED)
    )
    rows = Resource.objects.filter(id__in=databases).annotate(
        stops=ArraySubquery(newest_of(done).values("id")[:STOPS]),
        # A stop has one at most that goes on or went well: those of stops that have left the list since stand among them.
        pruned=ArraySubquery(newest_of(entered).values(name=KT("parameters__snapshot"))[: 2 * STOPS]),
    )
    return {
        str(pk): [one for one in stops if snapshot_name(aws_id, one) not in pruned]
        for pk, aws_id, stops, pruned in rows.values_list("id", "aws_id", "stops", "pruned")
    }


def clean(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: str(parameters[name]) for name in _KEYS}


def _hands_off(row: Resource, rules: Rules, now: datetime) -> Drop | Later | None:
    """Why nothing of this database is deleted now: its account only observes, it is never to be touched, a freeze or an
    override leaves it alone, or its schedule asks for no snapshots any more."""
    if row.account.automation != Automation.ON:
        return Drop("automation_off")
    duty = rules.duty(row)
    if duty.excluded is not None or not duty.options.snapshot:
        return Drop("tags_changed")
    window = governing(duty, now)
    return Later("left_alone", FREEZE_WAIT) if window is not None and window.wish is Wish.ANY else None


@dataclass(slots=True)
class Plan:
    """Whom to ask, and the operations that are not to be carried out now."""

    target: Target | None
    held: Mapping[UUID, Drop | Later]


class PruneExecutor:
    """Deletes a snapshot only while the one that replaces it is seen to be complete."""

    def prepare(self, operations: Sequence[Operation], now: datetime) -> Plan:
        account, _, region = operations[0].lane.partition("/")
        wanted = Resource.objects.filter(id__in=[one.target_id for one in operations]).select_related(
            "account"
        )
        rows, rules = {str(row.id): row for row in wanted}, rules_at(now)
        judged = {
            one.id: _hands_off(rows[one.target_id], rules, now) for one in operations if one.target_id in rows
        }
        return Plan(target_of(account, region), {one: why for one, why in judged.items() if why is not None})

    def check(self, plan: Plan, operations: Sequence[Operation], now: datetime) -> Round:
        """What schedules, freezes and tags say now goes before what AWS shows."""
        left = [one for one in operations if one.id not in plan.held]
        if not left:
            return Round(dict(plan.held), Health.UNTOUCHED)
        looked = self._look(plan, left, _before)
        return Round({**looked.verdicts, **plan.held}, looked.health, looked.health_code)

    def observe(self, plan: Plan, operations: Sequence[Operation], now: datetime) -> Round:
        return self._look(plan, operations, _after)

    def intend(self, plan: Plan, operations: Sequence[Operation], now: datetime) -> None:
        """Nothing is overwritten."""

    def call(self, plan: Plan, operations: Sequence[Operation], still_ours: Callable[[], bool]) -> Round:
        assert plan.target is not None
        verdicts: dict[UUID, Verdict] = {}
        errors: list[AwsError | None] = []
        for one in operations:
            try:
                result = snapshots.delete_snapshot(
                    plan.target, one.parameters["snapshot"], still_ours=still_ours
                )
            except GatewayLeaseLost as lost:
                raise LeaseLost(lane=one.lane) from lost
            errors.append(result.error)
            if result.error is None:
                verdicts[one.id] = Accepted(result.request_id, LOOK_IN / 6)
                continue
            verdicts[one.id] = after_error(result.error)
            if stops_the_rest(result.error):
                rest = [row.id for row in operations if row.id not in verdicts]
                return Round(
                    verdicts | dict.fromkeys(rest, Later(str(result.error.problem), LOOK_IN)),
                    *health_of(errors),
                )
        return Round(verdicts, *health_of(errors))

    def remember(self, plan: Plan, now: datetime) -> None:
        """No row tells of snapshots."""

    def _look(
        self,
        plan: Plan,
        operations: Sequence[Operation],
        judge: Callable[[Operation, Mapping[str, DbSnapshot]], Verdict],
    ) -> Round:
        if plan.target is None:
            return Round({one.id: Fail("no_trust") for one in operations}, Health.UNTOUCHED)
        names = [one.parameters[key] for one in operations for key in ("snapshot", "newer")]
        try:
            found = snapshots.describe_snapshots(plan.target, names)
        except AwsError as error:
            verdict = (
                before_error(error) if judge is _before else Later(str(error.problem), LOOK_IN, seen=False)
            )
            return Round(dict.fromkeys((one.id for one in operations), verdict), *health_of([error]))
        return Round({one.id: judge(one, found) for one in operations}, Health.GOOD)


def _before(operation: Operation, found: Mapping[str, DbSnapshot]) -> Verdict:
    old, new = found.get(operation.parameters["snapshot"]), found.get(operation.parameters["newer"])
    if old is None:
        return Done("already")
    if code := hands_off(old.tags):
        return Drop(code, detail={"aws_state": old.state})
    if new is not None and new.in_the_making:
        return Later("snapshot_not_complete", LOOK_IN, detail={"aws_state": new.state})
    if new is None or new.state != COMPLETE:
        return Drop("snapshot_kept", detail={"aws_state": new.state if new else "gone"})
    ours = old.database == new.database == operation.parameters["aws_id"]
    return Go() if ours else Drop("snapshot_kept", detail={"aws_state": old.state})


def _after(operation: Operation, found: Mapping[str, DbSnapshot]) -> Verdict:
    old = found.get(operation.parameters["snapshot"])
    if old is None:
        return Done("pruned")
    if operation.state == State.UNKNOWN:
        return Go()
    return Later("not_yet", LOOK_IN / 6, detail={"aws_state": old.state})
