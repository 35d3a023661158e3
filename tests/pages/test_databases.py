"""The fleet of databases, one database, and its snapshots, as people see them."""

from __future__ import annotations

from datetime import timedelta

from accounts.domain.permissions import Role
from infra.domain.databases import Authority, EngineVersion, terms_as_json
from infra.models import Region
from infra.operations import campaigns, snapshotting
from medical_audit import clock
from medical_audit.models import Operation
from medical_audit.tenancy import tenant_scope
from tests.conftest import _as_role
from tests.stage import Stage

FACTS = {
    "engine": "oracle-se2", "engine_version": "19.0.0", "ca": "rds-ca-rsa2048-g1", "public": False, "protected": True,
    "backup_days": 7,
}  # fmt: skip


def database(stage: Stage, name: str, **facts: object) -> str:
    row = stage.resource(
        kind="rds", name=name, state="running", aws_state="available", facts={**FACTS, **facts}
    )
    return str(row.id)


def test_what_needs_a_look_stands_first_in_words(stage: Stage) -> None:
    soon = (clock.now() + timedelta(days=12, hours=1)).isoformat()
    database(stage, "a-quiet")
    database(stage, "z-soon", certificate_until=soon)
    page = stage.client(Role.VIEWER).get(stage.url("databases/")).content.decode()
    assert page.index("z-soon") < page.index("a-quiet")
    assert "証明書の期限まで30日以内" in page
    assert "あと12日" in page


def test_a_wrong_name_is_said_at_its_field_and_what_was_typed_stays(stage: Stage) -> None:
    pk = database(stage, "karte")
    client, url = stage.client(Role.OPERATOR), stage.url(f"databases/{pk}/snapshot/")
    answer = client.post(url, {"name": "toban-カルテ", "reason": "更新の前", "token": "a" * 32})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "半角の英字・数字・ハイフン" in page
    assert "toban-カルテ" in page
    assert "更新の前" in page
    entered = client.post(url, {"name": "toban-karte-1", "reason": "更新の前", "token": "a" * 32})
    assert entered.status_code == 302
    assert (
        client.post(url, {"name": "toban-karte-1", "reason": "更新の前", "token": "a" * 32})["Location"]
        == (entered["Location"])
    )


def test_a_snapshot_is_deleted_from_its_page_by_those_who_may(stage: Stage) -> None:
    row = stage.resource(kind="rds", name="karte", state="running", aws_state="available", facts=FACTS)
    kept = stage.snapshot(row)
    url = stage.url(f"databases/snapshots/{kept.id}/")
    assert "削除を入力する" not in stage.client(Role.VIEWER).get(url).content.decode()
    client = stage.client(Role.OPERATOR)
    assert "削除を入力する" in client.get(url).content.decode()
    assert client.post(url, {"reason": "不要", "token": "b" * 32}).status_code == 302
    with tenant_scope(stage.cast.tenant.id):
        [entered] = Operation.objects.filter(kind=snapshotting.DELETE)
    assert (entered.policy, entered.parameters["last_copy"]) == ("other", False)
    assert "操作" in client.get(stage.url(f"operations/{entered.id}/")).content.decode()


def test_an_automated_backup_says_why_nobody_deletes_it(stage: Stage) -> None:
    row = stage.resource(kind="rds", name="karte", state="running", aws_state="available", facts=FACTS)
    kept = stage.snapshot(row, name="rds:karte-2026", kind="automated")
    page = stage.client(Role.OPERATOR).get(stage.url(f"databases/snapshots/{kept.id}/")).content.decode()
    assert "AWS が自動で削除します" in page
    assert "削除を入力する" not in page


def terms(stage: Stage) -> None:
    """What AWS said of certificates, as an inventory keeps it."""
    said = terms_as_json(
        [Authority("rds-ca-rsa2048-g1", clock.now() + timedelta(days=9000))],
        "rds-ca-rsa2048-g1",
        [EngineVersion("oracle-se2", "19.0.0", False, ("rds-ca-rsa2048-g1",))],
    )
    with _as_role("worker"), tenant_scope(stage.cast.tenant.id):
        Region.objects.filter(account=stage.account).update(database_terms=said)


def test_a_campaign_is_planned_shown_as_it_is_confirmed_and_followed(stage: Stage) -> None:
    terms(stage)
    pk = database(stage, "karte", ca="rds-ca-2019")
    client, url = stage.client(Role.OPERATOR), stage.url("databases/certificates/")
    page = client.get(url).content.decode()
    assert f"wave_{pk}" in page
    begins = f"{clock.now() + timedelta(days=2):%Y-%m-%dT02:00}"
    wrong = client.post(
        url,
        {
            "ca": "rds-ca-rsa2048-g1",
            "reason": "期限の前に",
            f"wave_{pk}": "1",
            "w1-begins": "",
            "w1-hours": "3",
        },
    )
    assert wrong.status_code == 422
    assert "期限の前に" in wrong.content.decode()
    right = {"ca": "rds-ca-rsa2048-g1", "reason": "期限の前に", "token": "c" * 32}
    entered = client.post(url, right | {f"wave_{pk}": "1", "w1-begins": begins, "w1-hours": "3"})
    assert entered.status_code == 302
    sheet = client.get(entered["Location"]).content.decode()
    assert "rds-ca-2019 → rds-ca-rsa2048-g1" in sheet
    with tenant_scope(stage.cast.tenant.id):
        [campaign] = Operation.objects.filter(kind=campaigns.KIND)
    assert campaign.policy == "other"
    followed = client.get(stage.url(f"databases/certificates/{campaign.id}/")).content.decode()
    assert "別の人が確定するまで" in followed
    assert "すでにほかの計画に入っています" in client.get(url).content.decode()


def test_without_aws_word_the_page_says_so_and_offers_nothing(stage: Stage) -> None:
    database(stage, "karte")
    page = stage.client(Role.OPERATOR).get(stage.url("databases/certificates/")).content.decode()
    assert "rds:DescribeCertificates" in page
    assert "wave_" not in page
