"""Tags that volumes get from their servers, over the API: the rules, what they would write, what runs wrote, undoing a run."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.domain.permissions import Permission
from infra.domain.tagging import KEY_MAX, KEYS_MAX, NAME, Overwrite, Rules
from infra.operations import tagging_rules, untagging
from infra.queries import tagging
from infra.queries.tagging import AccountLine, AccountPage, InForce, Run, RunPage
from medical_audit.api.calls import Call, Told, answers, version_from
from medical_audit.api.filters import of_shape
from medical_audit.api.operations import OperationOut, ReasonIn, version_of
from medical_audit.forms import text_of
from medical_audit.forms.filters import ID

ACCOUNT = of_shape(
    "account", ID, "The id of an account; without it the rule of all that have none of their own."
)


class TaggingRuleOut(serializers.Serializer[InForce]):
    """`keys` are copied from the server. `own`: it is the account's own rule, and no other account's."""

    keys = serializers.ListField(source="rules.keys", child=serializers.CharField())
    overwrite = serializers.SerializerMethodField()
    snapshots = serializers.BooleanField(source="rules.snapshots")
    own = serializers.BooleanField()
    operation = serializers.CharField(source="row.operation", default="")
    confirmed_by = serializers.CharField(source="row.confirmed_by_name", default="")
    confirmed_at = serializers.DateTimeField(source="row.confirmed_at", default=None, allow_null=True)

    @extend_schema_field(serializers.ChoiceField(choices=[str(one) for one in Overwrite]))
    def get_overwrite(self, row: InForce) -> str:
        return str(row.rules.overwrite)


class TaggingAccountOut(serializers.Serializer[AccountLine]):
    """`due`: how many volumes and snapshots wait for tags by the rule that holds here."""

    id = serializers.UUIDField(source="account.id")
    account = serializers.CharField(source="account.account_id")
    name = serializers.CharField(source="account.name")
    rule = TaggingRuleOut(source="in_force")
    due = serializers.IntegerField()


class TagLineOut(serializers.Serializer[Any]):
    """What one volume or snapshot would get, over what stands there; `no_room`: keys beyond AWS's 50."""

    id = serializers.CharField()
    name = serializers.CharField()
    before = serializers.CharField()
    after = serializers.CharField()
    no_room = serializers.CharField()


class DryRunOut(serializers.Serializer[AccountPage]):
    """What tagging would write in one account now. `skipped`: ids of volumes whose server has no Name either; `cut`: what of the rule the
    account's features in force leave: names of volumes alone (names), nothing (all), or, empty, the whole of it."""

    rule = TaggingRuleOut(source="in_force")
    cut = serializers.CharField(source="in_force.cut")
    total = serializers.IntegerField(source="preview.total")
    tags = serializers.IntegerField(source="preview.tags")
    overwritten = serializers.IntegerField(source="preview.overwritten")
    no_room = serializers.IntegerField(source="preview.no_room")
    lines = TagLineOut(many=True)
    skipped = serializers.SerializerMethodField()

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_skipped(self, page: AccountPage) -> list[str]:
        return [one.volume_id for one in page.skipped]


class TaggingRuleIn(ReasonIn):
    """`account`: of which account; null: of all that have no rule of their own. `keys`: Name is always the first."""

    account = serializers.UUIDField(default=None, allow_null=True)
    keys = serializers.ListField(
        child=serializers.CharField(max_length=KEY_MAX), min_length=1, max_length=KEYS_MAX
    )
    overwrite = serializers.ChoiceField(choices=[str(one) for one in Overwrite], default=str(Overwrite.NEVER))
    snapshots = serializers.BooleanField(default=False)


class TaggingLookIn(TaggingRuleIn):
    reason = None  # type: ignore[assignment]


class TaggingRunOut(serializers.Serializer[Run]):
    """What one look led to. `id`: any operation of it; `undo`: the operation that takes it back, as far as it was entered."""

    id = serializers.UUIDField(source="handle")
    lane = serializers.CharField()
    at = serializers.DateTimeField()
    entered = serializers.IntegerField()
    tagged = serializers.IntegerField()
    failed = serializers.IntegerField()
    ended_at = serializers.DateTimeField(allow_null=True)
    undo = serializers.UUIDField(source="undo.id", default=None, allow_null=True)


class TaggingRunPageOut(serializers.Serializer[RunPage]):
    """`more`: how many operations of the run are not among these."""

    run = TaggingRunOut()
    operations = OperationOut(many=True)
    more = serializers.IntegerField()


class TaggingProposalOut(serializers.Serializer[Any]):
    """What a rule would write. `observing`: accounts in which Toban only looks, so that nothing is written there; `only_names`: those whose
    features in force are for naming volumes and no other tag; `untagged`: those whose features are for neither."""

    total = serializers.IntegerField()
    tags = serializers.IntegerField()
    overwritten = serializers.IntegerField()
    no_room = serializers.IntegerField()
    observing = serializers.ListField(child=serializers.CharField())
    only_names = serializers.ListField(child=serializers.CharField())
    untagged = serializers.ListField(child=serializers.CharField())
    lines = TagLineOut(many=True)


@answers(TaggingAccountOut, many=True)
def tagging_list(call: Call) -> list[AccountLine]:
    """List accounts with the tagging rule that holds there and how much waits for tags."""
    return tagging.lines(actor=call.actor)[1]


@answers(DryRunOut)
def tagging_account(call: Call, pk: UUID) -> AccountPage:
    """See what tagging would write in one account now: the dry run, which changes nothing."""
    return tagging.account_page(pk, actor=call.actor)


@answers(TaggingRuleOut, filters=(ACCOUNT,))
def tagging_rule_get(call: Call) -> Told:
    """See which rule holds in an account, or in all that have none of their own; its version is what a change names."""
    held = tagging.held_by(_account(call), actor=call.actor)
    return Told(held, _version(held))


@answers(OperationOut, takes=TaggingRuleIn, status=201, must=True)
def tagging_rule_enter(call: Call) -> Told:
    """Enter another tagging rule; another person confirms it, seeing what it would write."""
    call.actor.require(Permission.AUTOMATION_ENTER, call.actor.tenant_id)
    given = call.given
    call.expect(_version(tagging.held_by(given["account"], actor=call.actor)))
    entered = tagging_rules.enter_rules(
        given["account"], _rules(given), actor=call.actor, now=call.now, reason=given["reason"]
    )
    return Told(entered, version_of(entered))


@answers(TaggingProposalOut, takes=TaggingLookIn)
def tagging_rule_look(call: Call) -> Any:
    """See what a rule would write, before it is entered; nothing is changed."""
    call.actor.require(Permission.AUTOMATION_ENTER, call.actor.tenant_id)
    given = call.given
    return tagging_rules.proposal(given["account"], _rules(given), actor=call.actor)[1]["tagging"]


@answers(TaggingRunOut, many=True)
def tagging_run_list(call: Call) -> list[Run]:
    """List the last 50 runs of tagging, the newest first; what each did stands in the ledger."""
    return tagging.runs(actor=call.actor)


@answers(TaggingRunPageOut)
def tagging_run_get(call: Call, pk: UUID) -> RunPage:
    """See what one run of tagging wrote."""
    return tagging.run_page(pk, actor=call.actor)


@answers(OperationOut, takes=ReasonIn, status=201)
def tagging_run_undo(call: Call, pk: UUID) -> Told:
    """Enter that a run is undone, where nobody changed since what it wrote; another person confirms it."""
    tagging.run_page(pk, actor=call.actor)
    call.actor.require(Permission.AUTOMATION_ENTER, call.actor.tenant_id)
    entered = untagging.enter_undo(pk, actor=call.actor, now=call.now, reason=call.given["reason"])
    return Told(entered, version_of(entered))


def _rules(given: dict[str, Any]) -> Rules:
    keys = dict.fromkeys([NAME, *(one.strip() for one in given["keys"])])
    return Rules(tuple(keys), Overwrite(given["overwrite"]), given["snapshots"])


def _account(call: Call) -> UUID | None:
    given = text_of(call.query, "account")
    return UUID(given) if given else None


def _version(held: InForce) -> str:
    return version_from(held.own, held.rules.as_json(), held.row.operation if held.row else "")
