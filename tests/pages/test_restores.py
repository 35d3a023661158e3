"""The wizard that restores a snapshot: one decision a step, what was typed stays, what AWS would refuse has its fix as a button."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from accounts.domain.permissions import Role
from infra.domain.makings import Offer, OptionGroup, SecurityGroup, Stock, SubnetGroup
from infra.domain.stocks import stock_as_json
from infra.models import DatabaseSnapshot, Region
from medical_audit.models import Operation
from medical_audit.tenancy import tenant_scope
from tests.conftest import _as_role
from tests.stage import Stage

STOCK = Stock(
    subnet_groups=(SubnetGroup("main", "vpc-1"), SubnetGroup("other", "vpc-2")),
    option_groups=(OptionGroup("karte-options", "mysql", "8.0", "vpc-1"),),
    groups=(SecurityGroup("sg-11111111", "db", "vpc-1"), SecurityGroup("sg-22222222", "db", "vpc-2")),
    offers={"mysql/8.0.42": Offer("mysql", "8.0.42", "mysql8.0", "8.0", ("db.m6i.large", "db.t4g.medium"))},
    storage_left=1000, databases_left=10,
)  # fmt: skip


def stocked(stage: Stage) -> str:
    """The address of the wizard for a snapshot in a region of which Toban knows what there is."""
    with _as_role("worker"), tenant_scope(stage.cast.tenant.id):
        Region.objects.filter(account=stage.account).update(database_terms={"stock": stock_as_json(STOCK)})
    facts = {
        "engine": "mysql", "engine_version": "8.0.42", "subnet_group": "main", "groups": ["sg-11111111"],
        "parameter_group": "default.mysql8.0",
    }  # fmt: skip
    row = stage.resource(
        kind="rds", name="karte", type="db.t4g.medium", state="running", aws_state="available", facts=facts
    )
    kept = stage.snapshot(
        row, engine_version="8.0.42", facts={"vpc_id": "vpc-1", "option_group": "karte-options"}
    )
    return stage.url(f"databases/snapshots/{kept.id}/restore/")


def sent(page: str) -> dict[str, Any]:
    """What the browser would send of the form on a page: its hidden and typed values, ticked boxes, chosen options."""
    found: dict[str, Any] = {}
    form = page[page.index('<form class="stack" method="post"') :]
    for tag in re.findall(r"<input[^>]*>", form):
        given = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        if given.get("type") in ("checkbox", "radio") and " checked" not in tag:
            continue
        if name := given.get("name"):
            found.setdefault(name, []).append(given.get("value", "on"))
    for name, body in re.findall(r'<select[^>]*name="(\w+)"[^>]*>(.*?)</select>', form, re.DOTALL):
        chosen = re.findall(r'value="([^"]*)" selected', body)
        found[name] = chosen[:1]
    found.pop("csrfmiddlewaretoken", None)
    return found


def test_step_by_step_to_the_entry(stage: Stage) -> None:
    url = stocked(stage)
    client = stage.client(Role.OPERATOR)
    first = client.get(url).content.decode()
    assert "aria-current" in first
    second = client.post(url, sent(first) | {"aws_id": "karte-test", "go": "2"})
    assert second.status_code == 200
    assert 'name="subnet_group"' in second.content.decode()
    third = client.post(url, sent(second.content.decode()) | {"go": "3"}).content.decode()
    assert 'value="enter">入力する' not in third, "one that goes again is called so"
    fix = re.findall(r'name="fix"\s+value="([^"]*)"', third)[0]
    third = client.post(url, sent(third) | {"fix": fix}).content.decode()
    assert "問題は見つかりませんでした" in third
    assert "RestoreDBInstanceFromDBSnapshot" in third
    entered = client.post(url, sent(third) | {"reason": "復元試験", "go": "enter"})
    assert entered.status_code == 302
    with tenant_scope(stage.cast.tenant.id):
        [operation] = Operation.objects.filter(kind="rds.restore")
    request = operation.shown["request"]
    assert (request["DBInstanceIdentifier"], request["DBSubnetGroupName"]) == ("toban-tmp-karte-test", "main")
    assert (request["PubliclyAccessible"], request["DeletionProtection"]) == (False, False)
    assert {"Key": "AutoStop", "Value": "19:00"} in request["Tags"]


def test_a_wrong_name_stays_at_its_field_with_what_was_typed(stage: Stage) -> None:
    url = stocked(stage)
    client = stage.client(Role.OPERATOR)
    first = sent(client.get(url).content.decode())
    answer = client.post(url, first | {"aws_id": "bad--id", "project": "電子カルテ", "go": "2"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "id_aws_id-problem" in page
    assert "bad--id" in page
    assert "電子カルテ" in page


def test_a_fix_is_a_button_that_fills_the_form_with_what_passes(stage: Stage) -> None:
    url = stocked(stage)
    client = stage.client(Role.OPERATOR)
    second = client.post(url, sent(client.get(url).content.decode()) | {"go": "2"}).content.decode()
    moved = sent(second) | {"subnet_group": "other", "groups": ["sg-22222222"], "go": "3"}
    third = client.post(url, moved).content.decode()
    assert "InvalidParameterCombination" in third
    assert 'value="enter">入力する' not in third
    fix = re.findall(r'name="fix"\s+value="([^"]*)"', third)[0]
    mended = client.post(url, sent(third) | {"fix": fix}).content.decode()
    assert "問題は見つかりませんでした" in mended
    assert "default:mysql-8-0" in mended


def test_what_only_a_copy_or_aws_itself_mends_has_its_door_at_the_first_step(stage: Stage) -> None:
    url = stocked(stage).replace("restore/", "copy/")
    with _as_role("worker"), tenant_scope(stage.cast.tenant.id):
        Region.objects.update(database_terms={"stock": stock_as_json(replace(STOCK, storage_left=0))})
        DatabaseSnapshot.objects.update(engine_version="5.7.44", storage_gib=50)
    client = stage.client(Role.OPERATOR)
    first = client.get(url.replace("copy/", "restore/")).content.decode()
    quota = "https://ap-northeast-1.console.aws.amazon.com/servicequotas/home/services/rds/quotas/L-7ADDB58A"
    assert quota in first
    assert f'href="{url}?version=8.0.42"' in first
    page = client.get(f"{url}?version=8.0.42").content.decode()
    assert '<option value="8.0.42" selected>' in page
    wrong = client.post(url, sent(page) | {"key": "our key", "reason": "復元試験"})
    assert wrong.status_code == 422
    assert "KMSキーとして読み取れません" in wrong.content.decode()
    entered = client.post(url, sent(page) | {"reason": "復元試験"})
    assert entered.status_code == 302
    with tenant_scope(stage.cast.tenant.id):
        [operation] = Operation.objects.filter(kind="rds.snapshot_copy")
    assert (operation.shown["version"], operation.shown["call"], operation.policy) == (
        "8.0.42", "rds:CopyDBSnapshot, rds:ModifyDBSnapshot", "other",
    )  # fmt: skip


def test_where_nothing_is_known_the_page_says_what_is_missing(stage: Stage) -> None:
    row = stage.resource(kind="rds", name="karte", state="running", aws_state="available")
    url = stage.url(f"databases/snapshots/{stage.snapshot(row).id}/restore/")
    page = stage.client(Role.OPERATOR).get(url).content.decode()
    assert "RDSデータベースの復元と作成" in page
    assert stage.client(Role.VIEWER).get(url).status_code == 403


def test_a_new_database_is_asked_for_step_by_step(stage: Stage) -> None:
    stocked(stage)
    client, url = stage.client(Role.OPERATOR), stage.url("databases/new/")
    first = sent(client.get(url).content.decode()) | {"aws_id": "new-db", "db_name": "pondb", "go": "2"}
    second = client.post(url, first).content.decode()
    third = client.post(url, sent(second) | {"groups": ["sg-11111111"], "go": "3"}).content.decode()
    assert "Secrets Manager" in third
    entered = client.post(url, sent(third) | {"reason": "検証環境", "go": "enter"})
    assert entered.status_code == 302
    with tenant_scope(stage.cast.tenant.id):
        [operation] = Operation.objects.filter(kind="rds.create")
    request = operation.shown["request"]
    assert (request["ManageMasterUserPassword"], request["DeletionProtection"]) == (True, True)
    assert client.get(entered["Location"]).status_code == 200
