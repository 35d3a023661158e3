"""AWS accounts over the API: how well each answers, taking one in step by step, switching its clock."""

from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.domain.permissions import Permission
from infra import tasks
from infra.domain.onboarding import Feature
from infra.models.account import AccountSetup, Automation
from infra.operations import automation, setups
from infra.queries import accounts
from medical_audit.api.calls import Call, Told, answers
from medical_audit.api.operations import OperationOut, ReasonIn, version_of

REGION = r"^[a-z]{2}(-[a-z]+)+-[0-9]$"


class RegionOut(serializers.Serializer[Any]):
    """`state`: ok, late, unreachable or new; `problem` is a code, empty where all is well.

    `answer_ms`, `slowest_ms`: how long AWS took for a call of the last look, on average and at most; `throttled_24h`: how often AWS asked
    to slow down, null where nobody can say.
    """

    name = serializers.CharField(source="region.name")
    state = serializers.CharField()
    resources = serializers.IntegerField()
    inventory_at = serializers.DateTimeField(source="region.inventory_at", allow_null=True)
    problem = serializers.CharField(source="region.inventory_problem")
    paused = serializers.SerializerMethodField()
    answer_ms = serializers.SerializerMethodField()
    slowest_ms = serializers.SerializerMethodField()
    throttled_24h = serializers.IntegerField(source="throttled", allow_null=True)

    @extend_schema_field(serializers.IntegerField(allow_null=True))
    def get_answer_ms(self, row: accounts.RegionHealth) -> int | None:
        return row.region.inventory_answers.get("ms")

    @extend_schema_field(serializers.IntegerField(allow_null=True))
    def get_slowest_ms(self, row: accounts.RegionHealth) -> int | None:
        return row.region.inventory_answers.get("slowest_ms")

    @extend_schema_field(bool)
    def get_paused(self, row: accounts.RegionHealth) -> bool:
        return row.paused is not None


class AccountOut(serializers.Serializer[Any]):
    """`automation`: what schedules may do, on or observe; `only_observed`: it was never switched on, so that nothing may be changed by
    hand either; `waiting`: the operation that would switch it."""

    id = serializers.UUIDField(source="account.id")
    account_id = serializers.CharField(source="account.account_id")
    name = serializers.CharField(source="account.name")
    time_zone = serializers.CharField(source="account.time_zone")
    automation = serializers.ChoiceField(source="account.automation", choices=Automation.values)
    only_observed = serializers.BooleanField(source="account.only_observed")
    automation_confirmed_by = serializers.CharField(source="account.automation_confirmed_by_name")
    automation_confirmed_at = serializers.DateTimeField(
        source="account.automation_confirmed_at", allow_null=True
    )
    state = serializers.CharField(source="worst")
    resources = serializers.IntegerField()
    regions = RegionOut(many=True)
    waiting = serializers.SerializerMethodField()

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_waiting(self, row: accounts.ListedAccount) -> str | None:
        return str(row.waiting.id) if row.waiting else None


class AutomationIn(ReasonIn):
    mode = serializers.ChoiceField(choices=Automation.values)


class SetupIn(serializers.Serializer[Any]):
    account_id = serializers.RegexField(r"^[0-9]{12}$")
    name = serializers.CharField(max_length=100)
    regions = serializers.ListField(
        child=serializers.RegexField(REGION, max_length=30),
        min_length=1,
        max_length=40,
    )
    features = serializers.ListField(
        child=serializers.ChoiceField(choices=[str(one) for one in Feature]), min_length=1, max_length=10
    )
    managed_only = serializers.BooleanField(default=False)


class SetupOut(serializers.Serializer[AccountSetup]):
    """An account on its way in; `proof` are the checks of the last proof."""

    id = serializers.UUIDField()
    account_id = serializers.CharField()
    name = serializers.CharField()
    regions = serializers.ListField(child=serializers.CharField())
    features = serializers.ListField(child=serializers.CharField())
    managed_only = serializers.BooleanField()
    started_by = serializers.CharField(source="started_by_name")
    started_at = serializers.DateTimeField()
    proof_asked_at = serializers.DateTimeField(allow_null=True)
    proof_ended_at = serializers.DateTimeField(allow_null=True)
    proof = serializers.ListField(child=serializers.DictField())
    closed_at = serializers.DateTimeField(allow_null=True)


class OpenSetupOut(serializers.Serializer[AccountSetup]):
    """An account on its way in, as everybody sees it; what was proven is for who takes it in."""

    id = serializers.UUIDField()
    account_id = serializers.CharField()
    name = serializers.CharField()
    started_by = serializers.CharField(source="started_by_name")
    started_at = serializers.DateTimeField()


class TemplateOut(serializers.Serializer[Any]):
    """A CloudFormation template."""

    template = serializers.DictField()


@answers(AccountOut, many=True)
def account_list(call: Call) -> list[accounts.ListedAccount]:
    """List AWS accounts and how well each answers."""
    return accounts.list_accounts(actor=call.actor, now=call.now)


@answers(AccountOut)
def account_get(call: Call, pk: UUID) -> accounts.ListedAccount:
    """Get one AWS account."""
    return accounts.get_account(pk, actor=call.actor, now=call.now)


@answers(
    OperationOut, takes=AutomationIn, status=201, example={"mode": "on", "reason": "試行期間が終わったため"}
)
def account_automation(call: Call, pk: UUID) -> Told:
    """Enter that the clock of an account is switched; another person confirms it."""
    accounts.get_account(pk, actor=call.actor, now=call.now)
    call.actor.require(Permission.AUTOMATION_ENTER, call.actor.tenant_id)
    given = call.given
    entered = automation.enter_automation(
        pk, given["mode"], actor=call.actor, now=call.now, reason=given["reason"]
    )
    return Told(entered, version_of(entered))


@answers(SetupOut, status=202)
def account_prove(call: Call, pk: UUID) -> AccountSetup:
    """Have the roles of an account that is in proven once more."""
    accounts.get_account(pk, actor=call.actor, now=call.now)
    row = setups.begin_again(pk, actor=call.actor, now=call.now)
    row = setups.ask_proof(row.id, actor=call.actor, now=call.now)
    transaction.on_commit(partial(tasks.kick_proof, row.tenant_id, row.id))
    return row


@answers(OpenSetupOut, many=True)
def setup_list(call: Call) -> list[AccountSetup]:
    """List AWS accounts that are on their way in."""
    return accounts.open_setups(actor=call.actor)


@answers(
    SetupOut,
    takes=SetupIn,
    status=201,
    example={
        "account_id": "123456789012",
        "name": "本番",
        "regions": ["ap-northeast-1"],
        "features": ["servers"],
    },
)
def setup_begin(call: Call) -> AccountSetup:
    """Begin to take an AWS account in."""
    call.actor.require(Permission.AUTOMATION_ENTER, call.actor.tenant_id)
    given = call.given
    return setups.begin_setup(
        given["account_id"], given["name"], regions=given["regions"], features=given["features"],
        managed_only=given["managed_only"], actor=call.actor, now=call.now,
    )  # fmt: skip


@answers(SetupOut)
def setup_get(call: Call, pk: UUID) -> AccountSetup:
    """Get an account on its way in, with its proof."""
    return accounts.get_setup(pk, actor=call.actor, now=call.now).setup


@answers(TemplateOut)
def setup_template(call: Call, pk: UUID) -> dict[str, Any]:
    """Get the CloudFormation template that makes its roles."""
    return {"template": accounts.template_of(accounts.get_setup(pk, actor=call.actor, now=call.now).setup)}


@answers(SetupOut, status=202)
def setup_prove(call: Call, pk: UUID) -> AccountSetup:
    """Ask for the roles to be proven."""
    accounts.get_setup(pk, actor=call.actor, now=call.now)
    row = setups.ask_proof(pk, actor=call.actor, now=call.now)
    transaction.on_commit(partial(tasks.kick_proof, row.tenant_id, row.id))
    return row


@answers(AccountOut, status=201)
def setup_take_in(call: Call, pk: UUID) -> accounts.ListedAccount:
    """Take the account in, to be observed."""
    accounts.get_setup(pk, actor=call.actor, now=call.now)
    made = setups.take_in(pk, actor=call.actor, now=call.now)
    return accounts.get_account(made.id, actor=call.actor, now=call.now)


@answers(None)
def setup_give_up(call: Call, pk: UUID) -> None:
    """Give an account up that is on its way in."""
    accounts.get_setup(pk, actor=call.actor, now=call.now)
    setups.give_up(pk, actor=call.actor, now=call.now)
