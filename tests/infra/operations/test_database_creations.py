"""A new database: what its engine would refuse is said before, it is made once and safely, and nobody sees its password.

moto takes an Oracle SID of any length and any class, and makes a database at once; config/simulator/makings.py refuses and takes its
time as AWS documents it.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from accounts.domain.permissions import Role
from infra.domain.creations import Creation, db_name_problem, user_problem, wish_anew
from infra.operations import database_creations
from infra.operations.database_creations import Asked
from infra.queries.makings import stock_of
from medical_audit.domain.errors import NotPermitted, Refused
from medical_audit.models import Operation
from medical_audit.tenancy import tenant_scope
from tests.infra.operations.duty import Duty
from tests.infra.operations.test_snapshotting import confirm, outcome, work
from tests.simulated import ask


def asked(duty: Duty, engine: str, **wish: Any) -> Asked:
    """As the form proposes it, with the first security group there is."""
    if not duty.region().database_terms.get("stock"):
        duty.aws.seed(databases=[{"id": "karte", "subnet_group": "main"}])
        duty.look()
    with tenant_scope(duty.aws.cast.tenant.id):
        stock = stock_of(duty.aws.row, duty.aws.region.name)
    assert stock is not None
    offer = next(one for one in stock.offers.values() if one.engine == engine)
    proposed = replace(wish_anew(offer, stock, "new-db"), groups=(stock.groups[0].id,))
    creation = Creation(engine, offer.version, replace(proposed, **wish), "pondb", "ponsuke", 20, 7)
    return Asked(creation, tags={"AutoStop": "19:00"})


def enter(duty: Duty, wanted: Asked) -> Operation:
    who = duty.aws.cast.actor(Role.OPERATOR)
    return database_creations.enter_creation(
        duty.aws.region.id, wanted, actor=who, now=duty.clock(), reason="検証環境"
    )


@pytest.mark.parametrize("engine", ["mysql", "postgres", "mariadb", "oracle-se2"])
def test_it_is_made_safely_and_once(duty: Duty, engine: str) -> None:
    entered = enter(duty, asked(duty, engine))
    with pytest.raises(NotPermitted):
        confirm(duty, entered, Role.OPERATOR)
    ask("delays", {"account": duty.aws.number, "rds_make": 9000})
    confirm(duty, entered, Role.APPROVER)
    work(duty)
    assert outcome(duty, "rds.create")[0] == "RUNNING"
    ask(f"settle?account={duty.aws.number}", {})
    work(duty)
    assert outcome(duty, "rds.create") == ("SUCCEEDED", "database_created")
    assert len(duty.sent("CreateDBInstance")) == 1
    found = duty.console("rds").describe_db_instances(DBInstanceIdentifier="new-db")["DBInstances"][0]
    assert (found["PubliclyAccessible"], found["DeletionProtection"], found["StorageEncrypted"]) == (
        False,
        True,
        True,
    )
    assert {"Key": "AutoStop", "Value": "19:00"} in found["TagList"]
    duty.look()
    facts = duty.resource("new-db").facts
    assert facts["secret"].startswith("arn:")
    assert (facts["db_name"], facts["master_user"]) == ("pondb", "ponsuke")
    # Whatever is kept of it holds no password: there never was one on our side.
    kept = json.dumps([entered.parameters, entered.shown, *duty.events("operation.succeeded")])
    assert "MasterUserPassword" not in kept.replace("ManageMasterUserPassword", "")


def test_a_sid_of_nine_letters_is_refused_before_the_call(duty: Duty) -> None:
    wanted = asked(duty, "oracle-se2")
    with pytest.raises(Refused) as refused:
        enter(duty, replace(wanted, creation=replace(wanted.creation, db_name="ponsukedb")))
    assert refused.value.code == "sid_long"
    for name in ("bad--id", "1abc", "x-", "karte"):
        with pytest.raises(Refused):
            enter(duty, asked(duty, "mysql", aws_id=name))
    assert duty.sent("CreateDBInstance") == []


def test_the_longest_name_that_aws_takes_is_entered(duty: Duty) -> None:
    longest = "d" * 63
    assert enter(duty, asked(duty, "mysql", aws_id=longest)).target_name == longest


@pytest.mark.parametrize(
    ("engine", "name", "problem"),
    [
        ("oracle-se2", "ponsukedb", "sid_long"),
        ("oracle-se2", "pondb123", ""),
        ("oracle-se2", "pon_db", "sid_characters"),
        ("oracle-se2", "null", "db_name_reserved"),
        ("mysql", "a" * 64, ""),
        ("mysql", "a" * 65, "db_name_long"),
        ("postgres", "a" * 64, "db_name_long"),
        ("postgres", "カルテ", "db_name_characters"),
        ("mariadb", "", "db_name_empty"),
    ],
)
def test_names_by_engine(engine: str, name: str, problem: str) -> None:
    assert db_name_problem(engine, name) == problem


def test_users_by_engine() -> None:
    assert user_problem("postgres", "admin") == "user_reserved"
    assert user_problem("mysql", "admin") == ""
    assert user_problem("oracle-se2", "SYS") == "user_reserved"
    assert user_problem("mysql", "a" * 17) == "user_form"
