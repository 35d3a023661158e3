"""One volume: what it served, and how a person asks for its deletion."""

from __future__ import annotations

from datetime import timedelta

from accounts.domain.permissions import Role
from infra.models import Attachment
from infra.operations.deleting import KIND
from medical_audit import clock
from medical_audit.models import Operation
from medical_audit.tenancy import tenant_scope
from tests.conftest import _as_role
from tests.stage import Stage


def test_the_page_says_what_it_served_and_offers_the_deletion_to_those_who_may(stage: Stage) -> None:
    [volume] = stage.volumes(1, state="available", served_name="old-db", detached_at=clock.now())
    url, link = stage.url(f"volumes/{volume.id}/"), stage.url(f"volumes/{volume.id}/delete/")
    operator = stage.client(Role.OPERATOR).get(url).content.decode()
    assert "old-db" in operator
    assert link in operator
    assert link not in stage.client(Role.VIEWER).get(url).content.decode()


def test_a_reason_is_needed_and_a_second_person_confirms(stage: Stage) -> None:
    [volume] = stage.volumes(1, state="available", served_name="old-db")
    client, url = stage.client(Role.OPERATOR), stage.url(f"volumes/{volume.id}/delete/")
    assert client.post(url, {"reason": ""}).status_code == 422
    answer = client.post(url, {"reason": "使っていない #12", "token": "a" * 32})
    assert answer.status_code == 302
    again = client.post(url, {"reason": "使っていない #12", "token": "a" * 32})
    assert again["Location"] == answer["Location"]
    assert client.post(url, {"reason": "もう一度", "token": "b" * 32}).context["refused"] == "operation_open"
    with tenant_scope(stage.cast.tenant.id):
        [entered] = Operation.objects.filter(kind=KIND)
    assert (entered.policy, entered.state) == ("other", "ENTERED")
    page = client.get(stage.url(f"operations/{entered.id}/")).content.decode()
    assert "old-db" in page
    assert stage.url(f"volumes/{volume.id}/") in page


def test_one_that_serves_a_server_is_refused_with_the_reason(stage: Stage) -> None:
    [volume] = stage.volumes(1, state="in-use")
    client, url = stage.client(Role.OPERATOR), stage.url(f"volumes/{volume.id}/delete/")
    assert client.get(url).context["refused"] == "volume_in_use"
    assert client.post(url, {"reason": "x"}).status_code == 422


def test_those_that_serve_nothing_for_long_are_found(stage: Stage) -> None:
    now = clock.now()
    [old] = stage.volumes(1, state="available", detached_at=now - timedelta(days=20), served_instance="i-1")
    stage.volumes(1, state="available", detached_at=now - timedelta(days=3), served_instance="i-2")
    rows = stage.client(Role.VIEWER).get(stage.url("volumes/"), {"unattached": "14"}).context["rows"]
    assert [row.id for row in rows] == [old.id]


def test_those_that_would_stay_when_their_server_is_terminated_are_found(stage: Stage) -> None:
    stays, goes, _free = stage.volumes(3)
    now = clock.now()
    with _as_role("worker"), tenant_scope(stage.cast.tenant.id):
        for volume, with_it in ((stays, False), (goes, True)):
            Attachment.objects.create(
                tenant_id=stage.cast.tenant.id, volume=volume, instance_id="i-1", device="/dev/sdf", since=now,
                delete_on_termination=with_it,
            )  # fmt: skip
    client, url = stage.client(Role.VIEWER), stage.url("volumes/")
    assert [row.id for row in client.get(url, {"stays": "yes"}).context["rows"]] == [stays.id]
    assert [row.id for row in client.get(url, {"stays": "no"}).context["rows"]] == [goes.id]
