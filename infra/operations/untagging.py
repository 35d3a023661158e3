"""Undoing a run of tagging: what Toban wrote goes back to what stood there before, where nobody changed it since.

One operation for the whole run, decided by looking: the same call twice changes nothing more, and what was changed since is named
and left. What was undone is not written again as long as the server has the same value.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from accounts.domain.permissions import Permission
from infra.aws import disks, ec2
from infra.domain.aws import AwsError, CallResult, Target
from infra.domain.aws import LeaseLost as GatewayLeaseLost
from infra.domain.tagging import NAME, Written, marks_from_json, shown_tags, undo
from infra.models import Volume, VolumeSnapshot
from infra.models.volume import Naming
from infra.operations.tagging import fields_of, keep_name
from infra.operations.verdicts import after_error, before_error, health_of, stops_the_rest, too_late
from infra.queries.tagging import KINDS, UNDO, operations_of_run
from infra.queries.targets import source_of, target_of
from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import LeaseLost, Refused
from medical_audit.domain.kinds import (
    Accepted,
    Again,
    Done,
    Fail,
    Go,
    Health,
    Later,
    OperationTarget,
    Round,
    Verdict,
)
from medical_audit.domain.states import OPEN, State
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.queries.operations import open_by_target
from medical_audit.tenancy import tenant_scope

KIND = UNDO
VERIFY_WITHIN = timedelta(minutes=10)
LOOK_IN, GOES_ON_IN = timedelta(seconds=5), timedelta(seconds=15)
#: How long after a call AWS may still show what was before it.
SHOWN_AFTER = timedelta(seconds=60)
LINES_MAX, NAMED_MAX = 100, 20


def enter_undo(pk: UUID, *, actor: Actor, now: datetime, reason: str, token: str = "") -> Operation:
    """Enter that a run is undone; pk: any operation of it. Raises NotPermitted, NotFound, Refused (operation_open, run_not_over,
    nothing_to_undo, undone_already)."""
    with tenant_scope(actor.tenant_id):
        run = operations_of_run(pk)
        actor.require(Permission.AUTOMATION_ENTER, actor.tenant_id)
        first = run.order_by("id").first()
        busy = open_by_target("tagging_run", [str(first.id)], actor=actor)
        key = f"form/{actor.id}/{token}/{KIND}/{first.id}" if token else None
        if before := entry.sent_before(key):
            return before
        if busy:
            raise Refused("operation_open", target=str(first.due_at))
        if run.filter(state__in=[str(one) for one in OPEN]).exists():
            raise Refused("run_not_over")
        if Operation.objects.filter(kind=KIND, target_id=str(first.id), state=State.SUCCEEDED).exists():
            raise Refused("undone_already")
        written = [one for found in written_by(run).values() for one in found]
        if not written:
            raise Refused("nothing_to_undo")
        lines = [
            {"id": one.id, "name": one.id, "before": shown_tags(one.tags), "after": shown_tags({k: v for k, v in one.before.items() if v}), "no_room": ""}
            for one in written[:LINES_MAX]
        ]  # fmt: skip
        parameters = {
            "run": str(first.id), "run_at": first.due_at.isoformat(),
            "tagging": {"lines": lines, "total": len(written), "tags": sum(len(one.tags) for one in written), "overwritten": 0, "no_room": 0, "observing": [], "only_names": [], "untagged": []},
        }  # fmt: skip
        target = OperationTarget("tagging_run", str(first.id), f"{first.lane.rpartition('/')[0]}", first.lane)
        return entry.enter(KIND, target, parameters, actor=actor, now=now, reason=reason, dedupe_key=key)


def written_by(run: Any) -> Mapping[str, list[Written]]:
    """What the operations of a run wrote, by their kind."""
    found: dict[str, list[Written]] = defaultdict(list)
    for one in run.filter(state=State.SUCCEEDED, outcome="tagged").order_by("id"):
        given = one.parameters
        tags = {key: value for key, value in given["tags"].items() if one.outcome_detail.get(key) == value}
        if tags:
            aws_id = given.get("volume_id") or given["snapshot_id"]
            before = {key: given["before"].get(key, "") for key in tags}
            found[one.kind].append(Written(aws_id, tags, before))
    return found


def shown(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {"sentence": KIND, "call": "ec2:CreateTags, ec2:DeleteTags", "lane": target.lane, **parameters}


@dataclass(slots=True)
class Plan:
    """What the run wrote, by kind, and what a look shows of it: tags by AWS id."""

    target: Target | None
    account: str
    written: Mapping[str, Sequence[Written]]
    seen: dict[str, dict[str, str]] = field(default_factory=dict)
    back: bool = False

    def steps(self) -> list[tuple[Written, dict[str, str], list[str], dict[str, str]]]:
        """(what was written, what to set again, what to take away, what is left)."""
        every = [one for found in self.written.values() for one in found]
        return [(one, *undo(one, self.seen.get(one.id))) for one in every]


class UndoExecutor:
    """Looks, sets back what still stands as it was written, and looks again."""

    def prepare(self, operations: Sequence[Operation], now: datetime) -> Plan:
        (one,) = operations
        account, region, _ = one.lane.split("/")
        run = operations_of_run(UUID(one.parameters["run"]))
        return Plan(target_of(account, region), account, written_by(run))

    def check(self, plan: Plan, operations: Sequence[Operation], now: datetime) -> Round:
        return self._look(plan, operations[0], now, before=True)

    def observe(self, plan: Plan, operations: Sequence[Operation], now: datetime) -> Round:
        return self._look(plan, operations[0], now, before=False)

    def intend(self, plan: Plan, operations: Sequence[Operation], now: datetime) -> None:
        """What is overwritten stands in the operations of the run. From here on nothing of it is written again, whenever a look sees what
        the call has come to."""
        steps = {
            one.id: {key: one.tags[key] for key in (*again, *away)} for one, again, away, _ in plan.steps()
        }
        for model, rows, written in _held(plan):
            for row in rows:
                marks = marks_from_json(row.tag_marks).never_again(steps[written[_aws_id(row)].id])
                row.tag_marks = marks.as_json()
            model.objects.bulk_update(rows, ["tag_marks"], batch_size=200)

    def call(self, plan: Plan, operations: Sequence[Operation], still_ours: Callable[[], bool]) -> Round:
        assert plan.target is not None
        (one,) = operations
        target = replace(plan.target, source=source_of(one))
        again: dict[tuple[tuple[str, str], ...], list[str]] = defaultdict(list)
        away: dict[tuple[tuple[str, str], ...], list[str]] = defaultdict(list)
        for written, set_again, take_away, _ in plan.steps():
            if set_again:
                again[tuple(set_again.items())].append(written.id)
            if take_away:
                away[tuple((key, written.tags[key]) for key in take_away)].append(written.id)
        results: list[CallResult] = []
        sends = [(disks.untag, pairs, ids) for pairs, ids in away.items()]
        sends += [(ec2.tag, pairs, ids) for pairs, ids in again.items()]
        try:
            for send, pairs, ids in sends:
                results += send(target, ids, dict(pairs), still_ours=still_ours).values()
                if any(result.error and stops_the_rest(result.error) for result in results):
                    break
        except GatewayLeaseLost as lost:
            raise LeaseLost(lane=one.lane) from lost
        errors = [result.error for result in results]
        named = [error for error in errors if error is not None]
        if len(named) == len(errors):
            return Round({one.id: after_error(named[0])}, *health_of(errors))
        request_id = next(result.request_id for result in results if result.error is None)
        cut = next((str(error.problem) for error in named if stops_the_rest(error)), "")
        return Round({one.id: Accepted(request_id, LOOK_IN, {"cut_short": cut})}, *health_of(errors))

    def remember(self, plan: Plan, now: datetime) -> None:
        """Rows show at once what was seen; what was taken back is not written again."""
        if not plan.back:
            return
        for model, rows, written in _held(plan):
            before = _written_before(rows)
            for row in rows:
                own, one = plan.seen[_aws_id(row)], written[_aws_id(row)]
                back = {k: v for k, v in one.tags.items() if own.get(k, "") == one.before.get(k, "")}
                marks = marks_from_json(row.tag_marks)
                again = {key: own[key] for key in back if (str(row.id), key, own.get(key)) in before}
                # Taken back before, it is somebody's who wrote it again by hand.
                ours = {key: value for key, value in again.items() if not marks.is_undone(key, value)}
                row.tags, row.tag_marks = own, marks.taken_back(back, ours).as_json()
                keep_name(row, now)
                if isinstance(row, Volume) and NAME in back and not row.name:
                    row.naming, row.name_missing_since = Naming.UNDONE, row.name_missing_since or now
            model.objects.bulk_update(rows, fields_of(model), batch_size=200)

    def _look(self, plan: Plan, one: Operation, now: datetime, *, before: bool) -> Round:
        if plan.target is None:
            return Round({one.id: Fail("no_trust")}, Health.UNTOUCHED)
        try:
            for kind, look in (("ebs.tag", ec2.describe_volumes), ("snapshot.tag", disks.snapshots_by_id)):
                if ids := [written.id for written in plan.written.get(kind, ())]:
                    plan.seen |= {aws_id: found.tags for aws_id, found in look(plan.target, ids).items()}
        except AwsError as error:
            verdict = before_error(error) if before else Later(str(error.problem), LOOK_IN, seen=False)
            return Round({one.id: verdict}, *health_of([error]))
        return Round({one.id: self._judge(plan, one, now, before=before)}, Health.GOOD)

    @staticmethod
    def _judge(plan: Plan, one: Operation, now: datetime, *, before: bool) -> Verdict:
        steps = plan.steps()
        rest = [written.id for written, again, away, _ in steps if again or away]
        if not rest:
            plan.back = True
            return Done("undone", detail=_told(steps, plan))
        if before:
            return too_late(one, now) or Go()
        if one.state == State.UNKNOWN:
            return Go()
        if cut := one.outcome_detail.get("cut_short"):
            # AWS was busy in the middle of it: what is left goes on, on the same confirmation.
            return Again(cut, GOES_ON_IN)
        if one.called_at is not None and now - one.called_at < SHOWN_AFTER:
            return Later("not_yet", LOOK_IN)
        plan.back = True
        return Fail("undo_partly", detail=_told(steps, plan) | {"names": rest[:NAMED_MAX]})


def _held(plan: Plan) -> Iterator[tuple[Any, list[Any], Mapping[str, Written]]]:
    """The rows of what a look has shown, locked, with what the run wrote there (by AWS id): of volumes, then of snapshots."""
    for model, kind, key in (
        (Volume, "ebs.tag", "volume_id"),
        (VolumeSnapshot, "snapshot.tag", "snapshot_id"),
    ):
        written = {one.id: one for one in plan.written.get(kind, ()) if one.id in plan.seen}
        rows = model.objects.filter(account__account_id=plan.account, **{f"{key}__in": list(written)})
        yield model, list(rows.select_for_update(of=("self",)).order_by("id")), written


def _aws_id(row: Volume | VolumeSnapshot) -> str:
    return row.volume_id if isinstance(row, Volume) else row.snapshot_id


def _written_before(rows: Sequence[Any]) -> set[tuple[str, str, str]]:
    """(id of the row, key, value) of all that runs ever wrote on these, as far as their operations are kept."""
    ran = Operation.objects.filter(
        kind__in=KINDS, target_id__in=[str(row.id) for row in rows], state=State.SUCCEEDED, outcome="tagged"
    )
    told = ran.values_list("target_id", "outcome_detail")
    return {(target, key, str(value)) for target, tags in told for key, value in tags.items()}


def _told(steps: Sequence[tuple[Written, Any, Any, Mapping[str, str]]], plan: Plan) -> dict[str, Any]:
    """How many went back, and which were changed since."""
    left = [f"{written.id} ({shown_tags(stays)})" for written, _, _, stays in steps if stays]
    gone = [written.id for written, *_ in steps if written.id not in plan.seen]
    found: dict[str, Any] = {"volumes": len(steps) - len(left) - len(gone)}
    if left:
        found["left"] = ", ".join(left[:NAMED_MAX]) + (f" … ({len(left)})" if len(left) > NAMED_MAX else "")
    return found
