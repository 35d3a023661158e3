"""Tags of a server on its volumes, and of a volume on its snapshots: entered after each inventory by the rule that holds in the
account (infra.domain.tagging), called once per distinct set of values."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from infra.aws import disks, ec2
from infra.aws.batches import not_sent
from infra.domain.aws import AwsError, CallResult, Target
from infra.domain.aws import LeaseLost as GatewayLeaseLost
from infra.domain.tagging import NAME, Marks, Rules, allowed, marks_from_json, shown_tags, still_wanted
from infra.domain.tags import MANAGED, NEVER, TOBAN
from infra.models import Region, Volume, VolumeSnapshot
from infra.models.account import Automation, Looking
from infra.models.volume import Naming
from infra.operations.verdicts import after_error, before_error, health_of, stops_the_rest, too_late
from infra.queries.authority import account_authority
from infra.queries.tagging import Wanted, rule_of, wanted_of_snapshots, wanted_of_volumes
from infra.queries.targets import source_of, target_of
from medical_audit.domain.actor import schedule_actor
from medical_audit.domain.canonical import digest, utc_text
from medical_audit.domain.errors import LeaseLost
from medical_audit.domain.kinds import (
    Authority,
    Done,
    Drop,
    Fail,
    Go,
    Health,
    Later,
    OperationTarget,
    Round,
    Verdict,
)
from medical_audit.models import Operation
from medical_audit.operations.automatic import Due, enter_due
from medical_audit.tenancy import tenant_scope

KIND, OF_SNAPSHOT = "ebs.tag", "snapshot.tag"
#: Tagging has lanes of its own, served by background workers: a server never waits for a label.
LANE_CLASS = "tags"
LOOK_IN = timedelta(seconds=15)
#: How long after a call AWS may still show what was before it.
SHOWN_AFTER = timedelta(seconds=60)


def enter_tagging(tenant_id: UUID, region_id: UUID, *, now: datetime) -> int:
    """Enter one operation per volume or snapshot that lacks what the rule copies, as far as the account's features in force are for it; each
    set of values is tried once a day."""
    with tenant_scope(tenant_id):
        region = Region.objects.select_related("account").get(id=region_id)
        held = rule_of(region.account)
        authority = account_authority(region.account, "ebs_tagging")
        if authority is None or region.looking != Looking.ON:
            return 0
        if held.row is not None:
            row = held.row
            authority = Authority("ebs_tags", row.operation, row.confirmed_by_id, row.confirmed_by_name)
        wanting = [
            (kind, one)
            for kind, read in ((KIND, wanted_of_volumes), (OF_SNAPSHOT, wanted_of_snapshots))
            for one in read(held.applied, region.account, region.name)
            if one.wish.tags
        ]
        dues = [_due(kind, one, region, authority, now) for kind, one in wanting]
        keys = [due.dedupe_key for due in dues]
        tried = set(Operation.objects.filter(dedupe_key__in=keys).values_list("dedupe_key", flat=True))
        dues = [due for due in dues if due.dedupe_key not in tried]
        if not dues:
            return 0
        actor = schedule_actor(tenant_id, "ebs_tagging", frozenset({"volume.tag"}))
        return len(enter_due(dues, actor=actor, now=now))


def _due(kind: str, one: Wanted, region: Region, authority: Authority, now: datetime) -> Due:
    """The key holds what is missing since when, and for whom: re-attached elsewhere is another matter, a failure is
    tried again the next day."""
    lane = f"{region.account.account_id}/{region.name}/{LANE_CLASS}"
    missing = getattr(one.row, "name_missing_since", None)
    what = digest(
        {
            "tags": dict(one.wish.tags),
            "before": dict(one.wish.before),
            "since": utc_text(missing or now) if missing else "",
        }
    )
    parameters = {"tags": dict(one.wish.tags), "before": dict(one.wish.before), "instance_id": one.instance}
    reason = {"source": authority.source, "instance": one.instance, "keys": ", ".join(one.wish.tags)}
    if kind == OF_SNAPSHOT:
        reason = {"source": "snapshot_tags", "volume": one.row.volume_id, "keys": ", ".join(one.wish.tags)}
    return Due(
        kind=kind,
        target=OperationTarget(
            _THINGS[kind].type,
            str(one.row.id),
            str(one.row),
            lane,
            {"observed": region.account.only_observed, "left": False},
        ),
        parameters={_THINGS[kind].key: one.aws_id, **parameters},
        due_at=now,
        dedupe_key=f"{kind}/{one.row.id}/{what[:24]}/{one.instance}/{now:%Y-%m-%d}",
        authority=authority,
        reason=reason,
    )


def clean(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """`tags` over `before`, each by key; of one volume or one snapshot."""
    named = {key: str(parameters[key]) for key in ("volume_id", "snapshot_id") if key in parameters}
    tags = {name: {str(k): str(v) for k, v in parameters[name].items()} for name in ("tags", "before")}
    return {**named, **tags, "instance_id": str(parameters["instance_id"])}


def shown(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    before = {key: value for key, value in parameters["before"].items() if value.strip()}
    named = {key: parameters[key] for key in ("volume_id", "snapshot_id") if key in parameters}
    return {
        "sentence": OF_SNAPSHOT if "snapshot_id" in named else KIND, "call": "ec2:CreateTags", **named,
        "tags": shown_tags(parameters["tags"]), "before": {"tags": shown_tags(before)} if before else {}, "lane": target.lane,
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Thing:
    """What is tagged: its type as a target, the parameter that names it, and how it is looked at."""

    type: str
    key: str
    look: Callable[[Target, Sequence[str]], Mapping[str, Any]]


_THINGS = {
    KIND: _Thing("volume", "volume_id", ec2.describe_volumes),
    OF_SNAPSHOT: _Thing("volume_snapshot", "snapshot_id", disks.snapshots_by_id),
}


@dataclass(slots=True)
class Plan:
    """`marks`: of what is tagged, by its row's id; `rest`: what is still to be written, by operation; `stands`: what stands there
    afterwards, `wrote`: of it, what Toban wrote."""

    target: Target | None
    on: bool
    rules: Rules
    marks: Mapping[str, Marks] = field(default_factory=dict)
    rest: dict[UUID, dict[str, str]] = field(default_factory=dict)
    stands: dict[UUID, dict[str, str]] = field(default_factory=dict)
    wrote: dict[UUID, dict[str, str]] = field(default_factory=dict)


class TagExecutor:
    """Writes tags, never over a value that the rule keeps or that somebody wrote since the look."""

    def __init__(self, kind: str) -> None:
        self._of = _THINGS[kind]
        self._model = Volume if self._of.type == "volume" else VolumeSnapshot

    def prepare(self, operations: Sequence[Operation], now: datetime) -> Plan:
        account, region, _ = operations[0].lane.split("/")
        row = (
            Region.objects.select_related("account").filter(account__account_id=account, name=region).first()
        )
        on = row is not None and row.account.automation == Automation.ON
        kept = self._model.objects.filter(id__in=[one.target_id for one in operations])
        marks = {str(pk): marks_from_json(found) for pk, found in kept.values_list("id", "tag_marks")}
        return Plan(target_of(account, region), on, rule_of(row.account).applied if row else Rules(()), marks)

    def check(self, plan: Plan, operations: Sequence[Operation], now: datetime) -> Round:
        if not plan.on:
            return Round({one.id: Drop("automation_off") for one in operations}, Health.UNTOUCHED)
        return self._look(plan, operations, now, before=True)

    def observe(self, plan: Plan, operations: Sequence[Operation], now: datetime) -> Round:
        return self._look(plan, operations, now, before=False)

    def intend(self, plan: Plan, operations: Sequence[Operation], now: datetime) -> None:
        """What is overwritten stands in the operation's own parameters."""

    def call(self, plan: Plan, operations: Sequence[Operation], still_ours: Callable[[], bool]) -> Round:
        if plan.target is None:
            return Round({one.id: Fail("no_trust") for one in operations}, Health.UNTOUCHED)
        by_tags: dict[tuple[str, tuple[tuple[str, str], ...]], dict[str, UUID]] = defaultdict(dict)
        for one in operations:
            by_tags[source_of(one), tuple(plan.rest[one.id].items())][one.parameters[self._of.key]] = one.id
        verdicts: dict[UUID, Verdict] = {}
        errors: list[AwsError | None] = []
        stopped_by: AwsError | None = None
        for (source, pairs), ids in by_tags.items():
            if stopped_by is not None:
                verdicts |= dict.fromkeys(ids.values(), after_error(not_sent(stopped_by)))
                continue
            target, tags = replace(plan.target, source=source), dict(pairs)
            for aws_id, result in _send(target, list(ids), tags, still_ours, operations[0].lane).items():
                errors.append(result.error)
                if result.error is None:
                    plan.stands[ids[aws_id]] = plan.wrote[ids[aws_id]] = tags
                    verdicts[ids[aws_id]] = Done("tagged", result.request_id, tags)
                else:
                    verdicts[ids[aws_id]] = after_error(result.error)
                    stopped_by = result.error if stops_the_rest(result.error) else stopped_by
        return Round(verdicts, *health_of(errors))

    def remember(self, plan: Plan, now: datetime) -> None:
        """The page shows the new tags at once; the next inventory compares anew."""
        if not plan.stands:
            return
        targets = {
            target: one
            for one, target in Operation.objects.filter(id__in=plan.stands).values_list("id", "target_id")
        }
        rows = list(self._model.objects.filter(id__in=targets).select_for_update(of=("self",)).order_by("id"))
        for row in rows:
            one = targets[str(row.id)]
            row.tags = row.tags | plan.stands[one]
            row.tag_marks = marks_from_json(row.tag_marks).written(plan.wrote.get(one, {})).as_json()
            keep_name(row, now)
        self._model.objects.bulk_update(rows, fields_of(self._model), batch_size=200)

    def _look(self, plan: Plan, operations: Sequence[Operation], now: datetime, *, before: bool) -> Round:
        if plan.target is None:
            return Round({one.id: Fail("no_trust") for one in operations}, Health.UNTOUCHED)
        try:
            found = self._of.look(plan.target, [one.parameters[self._of.key] for one in operations])
        except AwsError as error:
            verdict = before_error(error) if before else Later(str(error.problem), LOOK_IN, seen=False)
            return Round(dict.fromkeys((one.id for one in operations), verdict), *health_of([error]))
        judge = self._before if before else self._after
        verdicts = {
            one.id: judge(plan, one, found.get(one.parameters[self._of.key]), now) for one in operations
        }
        return Round(verdicts, Health.GOOD)

    def _before(self, plan: Plan, one: Operation, seen: Any, now: datetime) -> Verdict:
        """The rule as it is now holds, and what somebody wrote since the look stays."""
        if seen is None:
            return Fail("gone")
        if (guard := seen.tags.get(TOBAN, MANAGED)) != MANAGED:
            return Drop("never_touch" if guard == NEVER else "toban_value")
        before, asked = one.parameters["before"], one.parameters["tags"]
        marks = plan.marks.get(one.target_id, Marks())
        tags = {key: value for key, value in asked.items() if allowed(plan.rules, key, value, before, marks)}
        if not tags:
            return Drop("rules_changed")
        rest, taken = still_wanted(tags, before, seen.tags)
        if not rest:
            return self._stands(plan, one, {key: tags[key] for key in tags if key not in taken}, taken)
        instance = one.parameters["instance_id"]
        if instance and instance not in {other.instance_id for other in seen.attachments}:
            return Drop("attachment_changed")
        plan.rest[one.id] = rest
        return too_late(one, now) or Go()

    @staticmethod
    def _stands(plan: Plan, one: Operation, stands: dict[str, str], taken: Mapping[str, str]) -> Done | Drop:
        """Nothing is left to write: of what stands there a call of ours may have written it, whose answer was lost."""
        plan.stands[one.id] = stands
        if one.attempts and stands:
            plan.wrote[one.id] = stands
            return Done("tagged", detail=stands)
        return Drop(*_present(taken)) if taken else Done("already")

    def _after(self, plan: Plan, one: Operation, seen: Any, now: datetime) -> Verdict:
        if seen is None:
            return Fail("gone")
        tags = one.parameters["tags"]
        rest, taken = still_wanted(tags, one.parameters["before"], seen.tags)
        if rest and one.called_at is not None and now - one.called_at < SHOWN_AFTER:
            return Later("not_yet", LOOK_IN)
        if rest:
            plan.rest[one.id] = rest
            return Go()
        written = {key: value for key, value in tags.items() if key not in taken}
        if not written:
            return Fail(_present(taken)[0], detail=taken)
        plan.stands[one.id] = plan.wrote[one.id] = written
        return Done("tagged", detail=written)


def _present(taken: Mapping[str, str]) -> tuple[str, Mapping[str, str]]:
    return "name_present" if set(taken) == {NAME} else "tags_present", taken


def _send(
    target: Target, ids: list[str], tags: Mapping[str, str], still_ours: Callable[[], bool], lane: str
) -> dict[str, CallResult]:
    try:
        return ec2.tag(target, ids, tags, still_ours=still_ours)
    except GatewayLeaseLost as lost:
        raise LeaseLost(lane=lane) from lost


def keep_name(row: Volume | VolumeSnapshot, now: datetime) -> None:
    """Let a row whose tags have changed say its Name, where that stands, and since when that is known."""
    row.name = row.tags.get(NAME, "").strip()[:300]
    if isinstance(row, VolumeSnapshot):
        row.seen_at = now
    else:
        row.fingerprint, row.touched_at = "", now
        if row.name:
            row.naming, row.name_missing_since = Naming.NAMED, None


def fields_of(model: type[Volume] | type[VolumeSnapshot]) -> list[str]:
    """What tagging writes of a row."""
    own = ["naming", "name_missing_since", "fingerprint", "touched_at"] if model is Volume else ["seen_at"]
    return ["name", "tags", "tag_marks", *own]
