"""Making an account known: one customer each, and only what AWS would understand."""

import itertools

import pytest

from accounts.domain.permissions import Role
from infra.models import AwsAccount, Region
from infra.operations.onboarding import register_account
from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import NotPermitted, Refused
from medical_audit.tenancy import tenant_scope
from tests.factories import MONDAY_0830, Cast
from tests.simulated import TOKYO, new_account_id

_names = itertools.count(1)


def register(actor: Actor, number: str, **changed: object) -> AwsAccount:
    values = {"role_arn": f"arn:aws:iam::{number}:role/TobanOperator", "external_id": f"ext-{number}-{next(_names)}",
              "regions": [TOKYO]} | changed  # fmt: skip
    return register_account(number, "本番", actor=actor, now=MONDAY_0830, **values)  # type: ignore[arg-type]


@pytest.fixture
def admin(cast: Cast) -> Actor:
    return cast.actor(Role.ADMINISTRATOR)


def test_an_account_only_observes_until_its_clock_is_switched_on(admin: Actor) -> None:
    row = register(admin, new_account_id(), regions=[TOKYO, "ap-northeast-3"])
    with tenant_scope(admin.tenant_id):
        assert AwsAccount.objects.get(id=row.id).automation == "observe"
        assert set(Region.objects.values_list("name", flat=True)) == {TOKYO, "ap-northeast-3"}


@pytest.mark.parametrize("same_tenant", [True, False])
def test_an_account_belongs_to_one_customer_only(cast: Cast, admin: Actor, same_tenant: bool) -> None:
    number = new_account_id()
    register(admin, number)
    with pytest.raises(Refused) as refused:
        register(admin if same_tenant else cast.stranger_actor, number)
    assert refused.value.code == "account_taken"
    assert refused.value.params == {"name": "account_id", "account_id": number}
    with tenant_scope(cast.other_tenant.id):
        assert not AwsAccount.objects.exists()


def test_an_external_id_is_never_shared(cast: Cast, admin: Actor) -> None:
    register(admin, new_account_id(), external_id="ext-shared-" + admin.tenant_id.hex)
    with pytest.raises(Refused) as refused:
        register(cast.stranger_actor, new_account_id(), external_id="ext-shared-" + admin.tenant_id.hex)
    assert refused.value.code == "external_id_taken"


@pytest.mark.parametrize(
    "number",
    ["", "12345678901", "1234567890123", "12345678901a", "１２３４５６７８９０１２", "12345678901\n"],
)
def test_an_account_number_has_twelve_digits(admin: Actor, number: str) -> None:
    with pytest.raises(Refused) as refused:
        register(admin, number)
    assert (refused.value.code, refused.value.params["name"]) == ("bad_parameter", "account_id")


@pytest.mark.parametrize(
    "arn",
    [
        "",
        "TobanOperator",
        "arn:aws:iam::{number}:user/TobanOperator",
        "arn:aws:iam::{number}:role/",
        "arn:aws:iam::{number}:role/a b",
        "arn:aws:iam::{number}:role/" + "x" * 300,
        "arn:aws:iam::000000000000:role/TobanOperator",
    ],
)
def test_the_role_is_a_role_of_that_account(admin: Actor, arn: str) -> None:
    number = new_account_id()
    with pytest.raises(Refused) as refused:
        register(admin, number, role_arn=arn.format(number=number))
    assert (refused.value.code, refused.value.params["name"]) == ("bad_parameter", "role_arn")


@pytest.mark.parametrize(
    ("arn", "region"),
    [
        ("arn:aws:iam::{number}:role/ops/Toban", TOKYO),
        ("arn:aws-cn:iam::{number}:role/Toban+=,.@-_", "cn-north-1"),
    ],
)
def test_paths_and_other_partitions_are_roles_too(admin: Actor, arn: str, region: str) -> None:
    number = new_account_id()
    row = register(admin, number, role_arn=arn.format(number=number), regions=[region])
    assert row.account_id == number


@pytest.mark.parametrize(
    ("regions", "code", "told"),
    [
        ([TOKYO, "ap-northest-1"], "region_unknown", "ap-northeast-1"),
        ([TOKYO, "cn-north-1"], "region_other_partition", ""),
        (["us-gov-west-1"], "region_other_partition", ""),
    ],
)
def test_a_region_that_the_roles_cannot_reach_is_refused_by_name(
    admin: Actor, regions: list[str], code: str, told: str
) -> None:
    with pytest.raises(Refused) as refused:
        register(admin, new_account_id(), regions=regions)
    params = refused.value.params
    assert (refused.value.code, params["name"], params["region"]) == (code, "regions", regions[-1])
    assert told in str(params.get("alike", ""))


@pytest.mark.parametrize(
    "regions", [[], ["tokyo"], ["ap-northeast-1 "], ["../etc"], [TOKYO, TOKYO], ["ap-northeast-1a"]]
)
def test_regions_are_named_as_aws_names_them_and_once(admin: Actor, regions: list[str]) -> None:
    with pytest.raises(Refused) as refused:
        register(admin, new_account_id(), regions=regions)
    assert (refused.value.code, refused.value.params["name"]) == ("bad_parameter", "regions")


@pytest.mark.parametrize("external_id", ["", "x", "has space", "y" * 100])
def test_the_external_id_is_one_that_sts_takes(admin: Actor, external_id: str) -> None:
    with pytest.raises(Refused) as refused:
        register(admin, new_account_id(), external_id=external_id)
    assert (refused.value.code, refused.value.params["name"]) == ("bad_parameter", "external_id")


def test_who_may_not_is_refused_first(cast: Cast) -> None:
    with pytest.raises(NotPermitted):
        register(cast.actor(Role.OPERATOR), "nonsense")
