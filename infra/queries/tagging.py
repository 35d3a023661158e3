"""What tagging would write by which rule, and what its runs wrote; of the bound tenant."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import CharField, Count, Max, Min, Q
from django.db.models.functions import Cast

from accounts.domain.permissions import Permission
from infra.domain.tagging import Rules, Wish, marks_from_json, rules_from_json, shown_tags, wish, within
from infra.domain.tags import MANAGED, TOBAN
from infra.models import AwsAccount, Resource, TaggingRule, Volume, VolumeSnapshot
from infra.models.resource import ResourceKind
from infra.models.volume import Naming
from infra.queries.in_force import features_in_force
from infra.queries.tagging_counts import due
from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import NotFound
from medical_audit.domain.states import State
from medical_audit.models import Operation

KINDS = ("ebs.tag", "snapshot.tag")
UNDO = "tagging.undo"
SHOWN_MAX, RUNS_MAX = 200, 50


@dataclass(frozen=True, slots=True)
class InForce:
    """The rule of an account. own: it is the account's; row: None where nobody decided anything (Name, never over one). applied: what of it
    the account's features in force are for."""

    rules: Rules
    own: bool
    row: TaggingRule | None
    applied: Rules

    @property
    def cut(self) -> str:
        """names: of all the rule says, volumes are only named; all: nothing of it is written; or ""."""
        return cut_of(self.rules, self.applied)


def cut_of(rules: Rules, applied: Rules) -> str:
    """See `InForce.cut`."""
    if not applied.keys:
        return "all"
    return "" if applied == rules else "names"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one volume or snapshot is to get. instance: the server that it comes from, "" for a snapshot."""

    row: Any
    aws_id: str
    instance: str
    wish: Wish


@dataclass(frozen=True, slots=True)
class Preview:
    """What a rule would write with what was last seen: `rows` at most 200 of `listed`, those without room among them; total: those that
    get anything."""

    rows: Sequence[Wanted]
    listed: int
    total: int
    tags: int
    overwritten: int
    no_room: int


def rule_of(account: AwsAccount) -> InForce:
    """The account's own rule, the tenant's, or none."""
    found = {
        row.account_id is not None: row
        for row in TaggingRule.objects.filter(Q(account=account) | Q(account__isnull=True))
    }
    row = found.get(True) or found.get(False)
    rules = rules_from_json(row.content) if row else Rules()
    in_force = features_in_force([account.account_id]).get(account.account_id)
    return InForce(rules, True in found, row, within(rules, in_force))


def wanted_of_volumes(rules: Rules, account: AwsAccount, region: str = "") -> list[Wanted]:
    """What the attached volumes of an account (or one region of it) still lack by this rule."""
    if not rules.keys:
        return []
    rows = Volume.objects.filter(account=account, gone_at__isnull=True, detached_at__isnull=True)
    rows = rows.exclude(served_instance="")
    rows = rows.filter(region=region) if region else rows
    if rules == Rules():
        rows = rows.filter(name="")
    found = list(rows.select_related("account").order_by("id"))
    servers = Resource.objects.filter(account=account, kind=ResourceKind.EC2, gone_at__isnull=True)
    serving = servers.filter(aws_id__in={row.served_instance for row in found})
    tags: Mapping[str, Any] = dict(serving.values_list("aws_id", "tags"))
    return _wishes(
        rules, ((row, row.volume_id, row.served_instance, tags.get(row.served_instance, {})) for row in found)
    )


def wanted_of_snapshots(rules: Rules, account: AwsAccount, region: str = "") -> list[Wanted]:
    """What snapshots still lack of the tags of their volumes, deleted volumes too; nothing where the rule leaves them out.

    Those that Toban made before a deletion say already what they are.
    """
    if not rules.snapshots:
        return []
    rows = VolumeSnapshot.objects.filter(account=account, gone_at__isnull=True).exclude(volume_id="")
    rows = rows.filter(region=region) if region else rows
    found = list(rows.exclude(tags__has_key="toban:operation").select_related("account").order_by("id"))
    volumes = Volume.objects.filter(account=account, volume_id__in={row.volume_id for row in found})
    tags: Mapping[str, Any] = dict(volumes.values_list("volume_id", "tags"))
    return _wishes(rules, ((row, row.snapshot_id, "", tags.get(row.volume_id, {})) for row in found))


def _wishes(rules: Rules, rows: Any) -> list[Wanted]:
    found = []
    for row, aws_id, instance, source in rows:
        if row.tags.get(TOBAN, MANAGED) != MANAGED:  # never to be touched, or on doubt
            continue
        one = wish(rules, source, row.tags, marks_from_json(row.tag_marks))
        if one.tags or one.no_room:
            found.append(Wanted(row, aws_id, instance, one))
    return found


def preview(rules: Rules, accounts: Sequence[AwsAccount], begin: int = 0) -> Preview:
    """What a rule would write in these accounts; begin: so many are left out of the rows before the first."""
    in_force = features_in_force({one.account_id for one in accounts})
    found = [
        one
        for account in accounts
        for read in (wanted_of_volumes, wanted_of_snapshots)
        for one in read(within(rules, in_force.get(account.account_id)), account)
    ]
    return Preview(
        found[begin : begin + SHOWN_MAX],
        len(found),
        sum(bool(one.wish.tags) for one in found),
        sum(len(one.wish.tags) for one in found),
        sum(bool(value.strip()) for one in found for value in one.wish.before.values()),
        sum(bool(one.wish.no_room) for one in found),
    )


def cut_by_features(rules: Rules, accounts: Sequence[AwsAccount]) -> Mapping[str, list[str]]:
    """In which accounts a rule is cut to what their features in force are for, by `InForce.cut`."""
    in_force, found = (
        features_in_force({one.account_id for one in accounts}),
        defaultdict[str, list[str]](list),
    )
    for account in accounts:
        if cut := cut_of(rules, within(rules, in_force.get(account.account_id))):
            found[cut].append(str(account))
    return found


# -- the pages -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AccountLine:
    """One account on the page of the rules."""

    account: AwsAccount
    in_force: InForce
    due: int


@dataclass(frozen=True, slots=True)
class Run:
    """What one look led to. handle: any operation of it; undone: the operation that took it back, as far as it was entered."""

    handle: UUID
    lane: str
    at: datetime
    entered: int
    tagged: int
    failed: int
    ended_at: datetime | None
    undo: Operation | None = None


@dataclass(frozen=True, slots=True)
class RunPage:
    run: Run
    operations: Sequence[Operation]
    more: int


def lines(*, actor: Actor) -> tuple[InForce, list[AccountLine]]:
    """The tenant's rule, and every account with the rule that holds there and how many volumes wait for tags. Raises NotPermitted."""
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)
    common = held_by(None, actor=actor)
    own = {row.account_id: row for row in TaggingRule.objects.filter(account__isnull=False)}
    accounts, in_force = list(AwsAccount.objects.order_by("name", "account_id")), features_in_force(None)
    held = {}
    for account in accounts:
        row = own.get(account.id)
        rules = rules_from_json(row.content) if row else common.rules
        applied = within(rules, in_force.get(account.account_id))
        held[account.id] = InForce(rules, row is not None, row or common.row, applied)
    counted = due((one, rule.applied) for one, rule in held.items() if rule.applied.keys)
    return common, [AccountLine(one, held[one.id], counted.get(one.id, 0)) for one in accounts]


def runs(*, actor: Actor) -> list[Run]:
    """The last runs that wrote or tried to. Raises NotPermitted."""
    actor.require(Permission.OPERATION_VIEW, actor.tenant_id)
    return _runs(Operation.objects.filter(kind__in=KINDS))


def _runs(rows: Any) -> list[Run]:
    grouped = (
        rows.values("lane", "due_at")
        .annotate(
            handle=Min(Cast("id", CharField())), entered=Count("id"), ended=Max("finished_at"),
            tagged=Count("id", filter=Q(state=State.SUCCEEDED, outcome="tagged")),
            failed=Count("id", filter=Q(state__in=[State.FAILED, State.MISSED])),
        )
        .order_by("-due_at", "lane")[:RUNS_MAX]
    )  # fmt: skip
    found = list(grouped)
    handles = [one["handle"] for one in found]
    undos = {
        row.target_id: row
        for row in Operation.objects.filter(kind=UNDO, target_id__in=handles).order_by("entered_at", "id")
    }
    return [
        Run(
            UUID(one["handle"]), one["lane"], one["due_at"], one["entered"], one["tagged"], one["failed"], one["ended"],
            undos.get(one["handle"]),
        )
        for one in found
    ]  # fmt: skip


def run_page(pk: UUID, *, actor: Actor) -> RunPage:
    """One run, by any of its operations. Raises NotPermitted, NotFound."""
    actor.require(Permission.OPERATION_VIEW, actor.tenant_id)
    rows = operations_of_run(pk)
    listed = list(rows.order_by("target_name", "id")[:SHOWN_MAX])
    (run,) = _runs(rows)
    return RunPage(run, listed, run.entered - len(listed))


def operations_of_run(pk: UUID) -> Any:
    """All operations that were entered with this one. Raises NotFound."""
    one: Operation | None = Operation.objects.filter(id=pk, kind__in=KINDS).first()
    if one is None:
        raise NotFound(type="tagging_run", id=str(pk))
    return Operation.objects.filter(kind__in=KINDS, lane=one.lane, due_at=one.due_at)


def told(one: Wanted) -> dict[str, Any]:
    """A line of a preview as it is hashed and shown."""
    return {
        "id": one.aws_id, "name": str(one.row), "before": shown_tags({k: v for k, v in one.wish.before.items() if v}),
        "after": shown_tags(one.wish.tags), "no_room": ", ".join(one.wish.no_room),
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class AccountPage:
    """The dry run of one account, 200 lines of it from the one after `begin`. skipped: attached volumes without a Name whose server has
    none either, at most 200."""

    account: AwsAccount
    in_force: InForce
    preview: Preview
    lines: Sequence[Mapping[str, Any]]
    skipped: Sequence[Volume]
    begin: int

    @property
    def end(self) -> int:
        return self.begin + len(self.lines)

    @property
    def before(self) -> int | None:
        """Where the lines before these begin."""
        return max(0, self.begin - SHOWN_MAX) if self.begin else None

    @property
    def after(self) -> int | None:
        return self.end if self.end < self.preview.listed else None


def account_page(pk: UUID, begin: int = 0, *, actor: Actor) -> AccountPage:
    """What the rule in force would write in an account now. Raises NotPermitted, NotFound."""
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)
    account = account_of(pk)
    held = rule_of(account)
    seen = preview(held.rules, [account], begin)
    nameless = Volume.objects.filter(account=account, naming=Naming.NAMELESS, gone_at__isnull=True)
    skipped = list(nameless.order_by("served_instance", "volume_id")[:SHOWN_MAX])
    return AccountPage(account, held, seen, [told(one) for one in seen.rows], skipped, begin)


def held_by(account_id: UUID | None, *, actor: Actor) -> InForce:
    """The rule that holds in an account, or (None) in all that have none of their own. Raises NotPermitted, NotFound."""
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)
    if account_id is None:
        row = TaggingRule.objects.filter(account__isnull=True).first()
        rules = rules_from_json(row.content) if row else Rules()
        return InForce(rules, False, row, rules)
    return rule_of(account_of(account_id))


def account_of(pk: UUID) -> AwsAccount:
    """One account of the bound tenant. Raises NotFound."""
    account: AwsAccount | None = AwsAccount.objects.filter(id=pk).first()
    if account is None:
        raise NotFound(type="account", id=str(pk))
    return account
