"""What Toban does in an account is changed by two people, proven before it is used, and refused at the gateway while it is off."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib import import_module
from typing import Any

import pytest

from accounts.domain.permissions import Role
from infra.aws.gateway import Call, current
from infra.aws.sessions import EC2
from infra.domain import onboarding
from infra.domain.aws import AwsError, Problem
from infra.domain.features import changes_of, counting, lacking, rights_of
from infra.domain.onboarding import AccountRole, Feature
from infra.domain.proofs import DOOR, Check, Status
from infra.domain.session_policy import ROWS
from infra.models import AccountSetup
from infra.operations.featuring import enter_features
from infra.operations.setups import begin_again, take_in
from infra.queries.accounts import template_of
from infra.queries.features import SeenFeatures, get_features
from infra.queries.targets import target_of
from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import Refused, StaleContent
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.tenancy import tenant_scope
from tests.conftest import AsRole
from tests.factories import MONDAY_0830, Cast, proof
from tests.infra.operations.test_setups import begin, create_stack, prove
from tests.medical_audit.support import Database
from tests.simulated import TOKYO, customer_client

NOW = MONDAY_0830
READ, OPERATE = AccountRole.READ, AccountRole.OPERATE
PASSED = [Check(code, role, Status.PASSED) for role in AccountRole for code in sorted(DOOR)]


def checks(*features: Feature, refused: str = "", without: str = "") -> list[Check]:
    """As a proof tells them, AWS refusing one action, or as an older Toban told them, which did not ask about one."""
    found = list(PASSED)
    for feature in features:
        for role, action in rights_of(feature):
            if action != without:
                bad = action == refused
                found.append(
                    Check(
                        "may_not" if bad else "may",
                        role,
                        Status.FAILED if bad else Status.PASSED,
                        f"{action} {TOKYO}",
                    )
                )
    return found  # fmt: skip


def test_a_feature_counts_when_the_proof_found_every_right_that_it_needs() -> None:
    servers, volumes = Feature.SERVERS, Feature.VOLUMES
    assert counting(checks(servers, volumes), [servers, volumes]) == [servers, volumes]
    for lack in ({"refused": "ec2:CreateTags"}, {"without": "ec2:CreateTags"}):
        short = lacking(checks(servers, volumes, **lack), [servers, volumes])
        assert [(one.feature, one.role, one.action, one.refused) for one in short] == [
            (volumes, OPERATE, "ec2:CreateTags", "refused" in lack)
        ]
        assert counting(checks(servers, volumes, **lack), [servers, volumes]) == [servers]
    # Without what every inventory looks at, nothing counts.
    assert counting(checks(servers, volumes, refused="rds:DescribeDBClusters"), [servers, volumes]) == []
    # STS gave no answer to one attempt: whether the door is open to others nobody knows.
    untried = [one for one in checks(servers) if (one.code, one.role) != ("wrong_id", OPERATE)]
    for end in (Status.FAILED, Status.UNTRIED):
        assert counting([*untried, Check("wrong_id", OPERATE, end)], [servers]) == []
    assert counting(checks(servers)[1:], [servers]) == []


def test_every_changing_call_belongs_to_a_feature() -> None:
    assert set(ROWS) <= changes_of(Feature)


class Place:
    """An account that was taken in to start and stop servers."""

    def __init__(self, cast: Cast, as_role: AsRole) -> None:
        self.cast, self.as_role, self.admin = cast, as_role, cast.actor(Role.ADMINISTRATOR)
        row = begin(self.admin, features=["servers"])
        create_stack(row, [Feature.SERVERS])
        prove(as_role, self.admin, row)
        self.account = take_in(row.id, actor=self.admin, now=NOW)

    def enter(self, *features: str, actor: Actor | None = None) -> Operation:
        return enter_features(
            self.account.id,
            features,
            managed_only=False,
            actor=actor or self.admin,
            now=NOW,
            reason="名前も付けるため",
        )

    def decide(self, *features: str) -> None:
        self.confirm(self.enter(*features))

    def confirm(self, operation: Operation) -> Operation:
        by = self.cast.actor(Role.APPROVER)
        return entry.confirm(
            operation.id, actor=by, now=NOW, seen_digest=operation.digest, proof=proof(by, NOW)
        )

    @property
    def seen(self) -> SeenFeatures:
        with tenant_scope(self.cast.tenant.id):
            return get_features(self.account.id, actor=self.admin)

    @property
    def setup(self) -> AccountSetup:
        assert self.seen.setup is not None
        return self.seen.setup

    def allowed(self, action: str) -> bool:
        with self.as_role("worker"), tenant_scope(self.cast.tenant.id):
            target = target_of(self.account.account_id, TOKYO)
        assert target is not None
        assert target.allowed is not None
        return action in target.allowed

    def prove(self) -> None:
        prove(self.as_role, self.admin, begin_again(self.account.id, actor=self.admin, now=NOW))

    def allow(self, feature: Feature) -> None:
        """What the customer does: the stack gets the template of today."""
        iam = customer_client(self.account.account_id, "iam")
        for name, policy in (
            ("TobanRead", onboarding.read_policy([feature])),
            (
                "TobanOperate",
                onboarding.operate_policy(self.account.account_id, [feature], managed_only=False),
            ),
        ):
            iam.put_role_policy(RoleName=name, PolicyName=str(feature), PolicyDocument=json.dumps(policy))


@pytest.fixture
def place(cast: Cast, as_role: AsRole) -> Place:
    return Place(cast, as_role)


def states(seen: SeenFeatures) -> dict[str, str]:
    return {str(one.feature): one.state for one in seen.lines if one.state != "off"}


def test_what_is_switched_on_is_used_once_it_is_proven_and_what_is_switched_off_no_more_at_once(
    place: Place,
) -> None:
    entered = place.enter("servers", "tags")
    assert entered.shown["before"]["features"] == ["servers"]
    assert entered.shown["rights_more"] == ["ec2:CreateTags", "ec2:DeleteTags", "ec2:DescribeSnapshots"]
    assert states(place.seen) == {"servers": "on"}, "nobody has confirmed it"
    place.confirm(entered)
    assert states(place.seen) == {"servers": "on", "tags": "waits"}
    with tenant_scope(place.cast.tenant.id):
        template: Any = template_of(place.setup)
    assert "TobanTagsVolumes" in json.dumps(template)
    assert (place.allowed("ec2:StartInstances"), place.allowed("ec2:CreateTags")) == (True, False)
    place.prove()
    assert {(one.role, one.action, one.refused) for one in place.seen.missing} >= {
        (READ, "ec2:DescribeSnapshots", True)
    }
    assert states(place.seen)["tags"] == "waits"
    place.allow(Feature.TAGS)
    place.prove()
    assert (place.seen.missing, states(place.seen)) == ([], {"servers": "on", "tags": "on"})
    assert place.allowed("ec2:CreateTags")
    place.decide("tags")
    assert states(place.seen) == {"tags": "on"}
    assert (place.allowed("ec2:StartInstances"), place.allowed("ec2:CreateTags")) == (False, True)
    assert (place.allowed("ec2:AuthorizeSecurityGroupIngress"), place.allowed("ec2:RevokeSecurityGroupIngress")) == (
        False, True,
    ), "what Toban opened it may close, whatever was switched off since"  # fmt: skip


def test_what_an_account_was_taken_in_with_counts_on_after_the_upgrade(
    place: Place, superuser_connection: Database
) -> None:
    """The owner, who migrates, sees no row of a tenant: an UPDATE of his would change nothing, and say nothing."""
    keep = import_module("infra.migrations.0021_features_in_force").KEEP
    with superuser_connection.transaction(force_rollback=True):
        superuser_connection.execute("UPDATE infra_accountsetup SET in_force = '[]'")
        superuser_connection.execute("SET LOCAL ROLE toban_owner")
        superuser_connection.execute(keep)
        superuser_connection.execute("RESET ROLE")
        row = superuser_connection.execute(
            "SELECT features, in_force FROM infra_accountsetup WHERE registered_id = %s", [place.account.id]
        ).fetchone()
    assert row == (["servers"], ["servers"])


def test_the_gateway_sends_nothing_that_belongs_to_no_feature_in_force(place: Place) -> None:
    with place.as_role("worker"), tenant_scope(place.cast.tenant.id):
        target = target_of(place.account.account_id, TOKYO)
    assert target is not None
    assert target.observed, "it came in and nobody has switched its automation on"
    for observed, problem in ((True, Problem.ONLY_OBSERVED), (False, Problem.FEATURE_OFF)):
        call = Call(EC2, replace(target, source="u-1", observed=observed), "CreateTags")
        with pytest.raises(AwsError) as refused:
            current().mutate(call, lambda ec2: pytest.fail("it was sent"), ids=["vol-1"], still_ours=None)
        assert (refused.value.problem, refused.value.action) == (problem, "ec2:CreateTags")


def test_who_enters_it_does_not_confirm_it_and_an_older_picture_is_refused(place: Place) -> None:
    with pytest.raises(Refused, match="nothing_changed"):
        place.enter("servers")
    first, second = place.enter("servers", "volumes"), place.enter("servers", "reach")
    place.confirm(first)
    with pytest.raises(StaleContent):
        place.confirm(second)


def test_an_account_that_came_in_before_is_told_what_its_template_lacks(place: Place) -> None:
    """Its proof is older than what Toban asks about today: the rights of today that it never tried are missing."""
    with place.as_role("worker"), tenant_scope(place.cast.tenant.id):
        row = AccountSetup.objects.get(registered=place.account)
        older = [one for one in row.proof if "ssm:DescribeMaintenanceWindows" not in one["subject"]]
        AccountSetup.objects.filter(id=row.id).update(proof=older)
    (missing,) = place.seen.missing
    assert (missing.action, missing.refused, states(place.seen)) == (
        "ssm:DescribeMaintenanceWindows", False, {"servers": "on"},
    )  # fmt: skip
    assert missing.statements[0]["Action"] == ["ssm:DescribeMaintenanceWindows"]
    place.prove()
    assert place.seen.missing == []
