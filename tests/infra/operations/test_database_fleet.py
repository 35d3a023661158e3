"""What the inventory keeps of databases, and what the page of the fleet makes of it.

moto knows no certificate authorities and no engine versions: config/simulator/certificates.py answers as AWS documents it.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from accounts.domain.permissions import Role
from infra.domain.databases import Warn
from infra.models import DatabaseSnapshot
from infra.queries.database_pages import reach_of
from infra.queries.databases import DatabaseFilter, Fleet, fleet
from infra.queries.makings import stock_of
from medical_audit.tenancy import tenant_scope
from tests.infra.operations.duty import Duty


def seen(duty: Duty, **wanted: str) -> Fleet:
    with tenant_scope(duty.aws.cast.tenant.id):
        return fleet(DatabaseFilter(**wanted), actor=duty.aws.cast.actor(Role.VIEWER), now=duty.clock())


def ids(found: Fleet) -> list[str]:
    return [row.resource.aws_id for row in found.rows]


def test_what_needs_a_look_stands_first_with_the_dates_that_aws_gave(duty: Duty) -> None:
    soon = duty.clock() + timedelta(days=20)
    duty.aws.seed(
        databases=[
            {"id": "a-quiet", "protected": True},
            {"id": "b-public", "protected": True, "public": True},
            {
                "id": "c-oracle",
                "protected": True,
                "engine": "oracle-se2",
                "certificate_until": soon.isoformat(),
            },
            {"id": "d-open"},
        ]
    )
    duty.look()
    found = seen(duty)
    assert ids(found) == ["c-oracle", "b-public", "d-open", "a-quiet"]
    oracle, _, _, quiet = found.rows
    assert oracle.warnings == (Warn.CA_URGENT,)
    assert (
        oracle.ends == soon
    )  # AWS cannot renew this one without a restart, and its own certificate ends first
    assert quiet.ends is not None
    assert quiet.ends.year == 2061  # AWS renews that of MySQL by itself: what counts is the authority
    assert ids(seen(duty, warning="any")) == ["c-oracle", "b-public", "d-open"]
    assert ids(seen(duty, engine="oracle-se2")) == ["c-oracle"]


@pytest.mark.fault
def test_a_role_that_may_not_read_certificates_keeps_nothing_else_from_being_seen(duty: Duty) -> None:
    duty.aws.seed(databases=[{"id": "karte"}])
    duty.aws.fault(match={"action": "DescribeCertificates"}, code="AccessDenied", status=403)
    duty.look()
    found = seen(duty)
    assert ids(found) == ["karte"]
    assert found.rows[0].unread
    assert len(found.unread) == 1
    assert duty.region().inventory_problem == "partly"
    assert "rds:DescribeCertificates" in duty.region().inventory_problem_detail
    duty.aws.no_faults()
    duty.look()
    assert not seen(duty).unread
    assert duty.region().inventory_problem == ""


@pytest.mark.fault
@pytest.mark.parametrize("action", ["DescribeSecurityGroupRules", "DescribeDBSubnetGroups"])
def test_what_the_role_may_no_longer_read_is_not_shown_as_if_it_were_read(duty: Duty, action: str) -> None:
    duty.aws.seed(databases=[{"id": "karte", "subnet_group": "main"}])
    duty.look()
    assert read_of(duty) == {"rules", "stock"}
    duty.aws.fault(match={"action": action}, code="AccessDenied", status=403)
    duty.clock.pass_(hours=1)
    duty.look()
    assert read_of(duty) == ({"stock"} if action == "DescribeSecurityGroupRules" else {"rules"})


def read_of(duty: Duty) -> set[str]:
    """What the pages say of the ways to the database, and of what another could be made of."""
    row, viewer = duty.resource("karte"), duty.aws.cast.actor(Role.VIEWER)
    with tenant_scope(duty.aws.cast.tenant.id):
        ways, stock = reach_of(row, actor=viewer).ways, stock_of(row.account, row.region)
    return {name for name, known in (("rules", ways), ("stock", stock)) if known is not None}


def test_snapshots_are_kept_and_marked_when_they_are_gone(duty: Duty) -> None:
    duty.aws.seed(databases=[{"id": "karte"}])
    rds = duty.console("rds")
    rds.create_db_snapshot(DBInstanceIdentifier="karte", DBSnapshotIdentifier="before-update")
    duty.look()
    with tenant_scope(duty.aws.cast.tenant.id):
        row = DatabaseSnapshot.objects.get(name="before-update")
    assert (row.database, row.kind, row.state, row.gone_at) == ("karte", "manual", "available", None)
    rds.delete_db_snapshot(DBSnapshotIdentifier="before-update")
    duty.clock.pass_(minutes=10)
    duty.look()
    with tenant_scope(duty.aws.cast.tenant.id):
        assert DatabaseSnapshot.objects.get(id=row.id).gone_at == duty.clock()


def test_an_end_that_comes_near_is_told_once_for_each_mark(duty: Duty) -> None:
    ends = duty.clock() + timedelta(days=100)
    duty.aws.seed(databases=[{"id": "karte", "engine": "oracle-se2", "certificate_until": ends.isoformat()}])

    def told() -> list[int]:
        duty.look()
        return [event["detail"]["days"] for event in duty.events("resource.certificate_ends")]

    assert told() == [100]  # under 180
    assert told() == [100]
    duty.clock.pass_(days=15)
    assert told() == [100, 85]
    duty.clock.pass_(days=80)
    assert told() == [100, 85, 5]  # 30 days passed unseen: the nearest mark, once
    duty.clock.pass_(days=6)
    duty.look()
    assert len(duty.events("resource.certificate_ended")) == 1
