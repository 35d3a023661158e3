"""Declaring a project: two people, the resources that move named before, sorted at the next look."""

from __future__ import annotations

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.utils import DatabaseError

from accounts.domain.permissions import Role
from infra.domain.duty import Rank
from infra.domain.schedule import State
from infra.models import Project, Resource
from infra.models.schedule import OverrideKind
from infra.operations.overriding import Wanted, enter_override
from infra.operations.projects import enter_end, enter_project
from infra.queries.overrides import freeze_of
from infra.queries.projects import list_projects
from infra.queries.rules import rules_at
from medical_audit import clock
from medical_audit.domain.errors import NotFound, NotPermitted, Refused, StaleContent
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.tenancy import tenant_scope
from tests.catalogue import Database
from tests.factories import Cast, proof
from tests.infra.operations.duty import Duty
from tests.stage import Stage, make_stage, signed_in


@pytest.fixture
def stage(cast: Cast) -> Stage:
    return make_stage(cast)


def declare(cast: Cast, name: str = "電子カルテ", values: list[str] | None = None, **more: Any) -> Operation:
    return enter_project(
        name, "医療情報部", "Application", values or ["ehr-*"], actor=cast.actor(Role.OPERATOR), now=clock.now(),
        reason="担当を明らかにするため", **more,
    )  # fmt: skip


def confirm(cast: Cast, operation: Operation) -> None:
    approver, now = cast.actor(Role.APPROVER), clock.now()
    entry.confirm(
        operation.id, actor=approver, now=now, seen_digest=operation.digest, proof=proof(approver, now)
    )


def projects_here(duty: Duty) -> dict[str, str]:
    with tenant_scope(duty.aws.cast.tenant.id):
        return dict(Resource.objects.order_by("name").values_list("name", "project"))


def test_resources_are_sorted_at_the_next_look_and_back_when_it_ends(duty: Duty) -> None:
    cast = duty.aws.cast
    duty.aws.seed(
        instances=[
            {"tags": {"Name": "a", "Application": "ehr-web", "Project": "old"}},
            {"tags": {"Name": "b", "Application": "pacs"}},
        ]
    )
    duty.look()
    assert projects_here(duty) == {"a": "old", "b": ""}
    entered = declare(cast)
    assert (entered.shown["count"], entered.shown["names"]) == (1, ["a (old → 電子カルテ)"])
    confirm(cast, entered)
    assert projects_here(duty)["a"] == "old", "nothing is sorted before AWS was looked at"
    duty.clock.pass_(minutes=5)
    assert duty.look().changed == 1
    assert projects_here(duty) == {"a": "電子カルテ", "b": ""}
    duty.clock.pass_(minutes=5)
    assert duty.look().changed == 0
    with tenant_scope(cast.tenant.id):
        page = list_projects(actor=cast.actor(Role.VIEWER))
        assert [(line.name, line.resources, bool(line.row)) for line in page.lines] == [
            ("電子カルテ", 1, True)
        ]
        assert ([row.name for row in page.without], page.without_count) == (["b"], 1)
        pk = Project.objects.get().id
    confirm(cast, enter_end(pk, actor=cast.actor(Role.OPERATOR), now=clock.now(), reason="終了"))
    duty.clock.pass_(minutes=5)
    duty.look()
    assert projects_here(duty) == {"a": "old", "b": ""}


def test_a_name_is_there_once_and_a_change_is_held_against_what_stood(cast: Cast) -> None:
    confirm(cast, declare(cast))
    with pytest.raises(Refused):
        declare(cast, values=["other"])
    with tenant_scope(cast.tenant.id):
        pk = Project.objects.get().id
    first, second = (declare(cast, values=[value], project_id=pk) for value in ("one", "two"))
    confirm(cast, first)
    with pytest.raises(StaleContent):
        confirm(cast, second)
    with pytest.raises(NotPermitted):
        enter_end(pk, actor=cast.actor(Role.VIEWER), now=clock.now(), reason="x")


def test_of_two_new_projects_of_one_name_confirmed_at_one_instant_the_first_is_there(
    cast: Cast, superuser_connection: Database
) -> None:
    """The first is written and not committed yet, so that the second finds no such name when it looks."""
    second = declare(cast)

    def decide() -> str:
        try:
            confirm(cast, second)
        except StaleContent as stale:
            return stale.code
        finally:
            connection.close()
        return "confirmed"

    with ThreadPoolExecutor(1) as pool:
        with superuser_connection.transaction():
            superuser_connection.execute("SET LOCAL session_replication_role = replica")
            superuser_connection.execute(
                "INSERT INTO infra_project (tenant_id, id, name, owner, tag_key, tag_values, operation, confirmed_by_name, changed_at) "
                "VALUES (%s, %s, '電子カルテ', 'x', 'x', '[\"x\"]', 'x', 'x', now())",
                [cast.tenant.id, uuid.uuid4()],
            )
            ending = pool.submit(decide)
            while not superuser_connection.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchone():
                assert not ending.done(), ending.result()
        assert ending.result() == "project_changed"
    with tenant_scope(cast.tenant.id):
        assert (Project.objects.count(), Operation.objects.get(id=second.id).state) == (1, "ENTERED")


def test_an_end_is_held_against_what_the_confirmer_was_shown(cast: Cast) -> None:
    made = declare(cast)
    confirm(cast, made)
    pk = uuid.UUID(made.target_id)
    end = enter_end(pk, actor=cast.actor(Role.OPERATOR), now=clock.now(), reason="終了")
    confirm(cast, declare(cast, values=["pacs-*"], project_id=pk))
    with pytest.raises(StaleContent, match="project_changed"):
        confirm(cast, end)
    with tenant_scope(cast.tenant.id):
        assert Project.objects.filter(id=pk).exists()


def test_the_database_lets_no_project_in_without_its_operation(cast: Cast) -> None:
    row = Project(
        tenant_id=cast.tenant.id, name="x", owner="x", tag_key="x", tag_values=["x"], operation="o", changed_at=clock.now()
    )  # fmt: skip
    with pytest.raises(DatabaseError, match="confirmed operation"), tenant_scope(cast.tenant.id):
        row.save(force_insert=True)


def test_the_page_lists_what_belongs_to_none_and_takes_an_entry(stage: Stage) -> None:
    lone = stage.resource(name="lonely", project="")
    stage.resource(name="web", project="電子カルテ")
    page = stage.client(Role.VIEWER).get(stage.url("projects/"))
    assert [row.id for row in page.context["page"].without] == [lone.id]
    assert "電子カルテ" in page.content.decode()
    typed = {
        "name": "電子カルテ",
        "owner": "医療情報部",
        "tag_key": "Project",
        "tag_values": "電子カルテ, ehr-*",
        "reason": "整理",
    }
    client = stage.client(Role.OPERATOR)
    assert client.post(stage.url("projects/"), typed | {"tag_values": "*"}).status_code == 422
    answer = client.post(stage.url("projects/"), typed)
    assert answer.status_code == 302
    sheet = stage.client(Role.APPROVER).get(answer["Location"]).content.decode()
    assert "医療情報部" in sheet
    assert "<b>{}</b>" not in sheet
    assert "ehr-*" in sheet


def test_over_the_api_as_owner_team_mate_and_stranger(stage: Stage) -> None:
    confirm(stage.cast, declare(stage.cast))
    rows = stage.client(Role.VIEWER).get(stage.api("projects/")).json()["results"]
    (one,) = [row for row in rows if row["name"] == "電子カルテ"]
    url = stage.api(f"projects/{one['id']}/")
    body = {
        "name": "電子カルテ",
        "owner": "情報課",
        "tag_key": "Application",
        "tag_values": ["ehr-*"],
        "reason": "担当替え",
    }

    def put(role: Role, **headers: str) -> int:
        text = json.dumps(body)
        return stage.client(role).put(url, text, content_type="application/json", headers=headers).status_code

    tag = stage.client(Role.OPERATOR).get(url)["ETag"]
    assert put(Role.OPERATOR) == 428
    assert put(Role.VIEWER, **{"If-Match": tag}) == 403
    assert put(Role.OPERATOR, **{"If-Match": tag}) == 201
    assert signed_in(stage.cast.stranger).get(url).status_code == 404


def frozen(duty: Duty, project: str) -> None:
    """Two people freeze a project for a day."""
    cast = duty.aws.cast
    wanted = Wanted(State.ANY, clock.now() + timedelta(days=1), project=project, kind=OverrideKind.FREEZE)
    confirm(cast, enter_override(wanted, actor=cast.actor(Role.OPERATOR), now=clock.now(), reason="月次処理"))


def test_what_hangs_on_a_projects_name_is_neither_lost_nor_left_behind_when_it_is_renamed_or_ended(
    duty: Duty,
) -> None:
    cast = duty.aws.cast
    duty.aws.seed(instances=[{"tags": {"Name": "a", "Application": "ehr-web"}}])
    made = declare(cast)
    confirm(cast, made)
    duty.look()
    pk, operator = uuid.UUID(made.target_id), cast.actor(Role.OPERATOR)
    renamed = declare(cast, "医事会計", project_id=pk)
    ended = enter_end(pk, actor=operator, now=clock.now(), reason="終了")
    frozen(duty, "電子カルテ")
    for late in (renamed, ended):
        with pytest.raises(StaleContent, match="project_holds"):
            confirm(cast, late)
    with pytest.raises(Refused, match="project_holds"):
        declare(cast, "医事会計", project_id=pk)
    with pytest.raises(Refused, match="project_holds"):
        enter_end(pk, actor=operator, now=clock.now(), reason="終了")
    # Everything but its name may change.
    confirm(cast, declare(cast, values=["ehr-*", "emr-*"], project_id=pk))
    duty.clock.pass_(minutes=5)
    duty.look()
    with tenant_scope(cast.tenant.id):
        row = Resource.objects.select_related("account").get()
        assert (row.project, rules_at(clock.now()).duty(row).windows[0].rank) == ("電子カルテ", Rank.FREEZE)
        assert freeze_of(clock.now()) is None, "the tenant as a whole is not frozen, and no page says so"


def test_what_moves_by_a_project_is_counted_once_more_when_it_is_confirmed(duty: Duty) -> None:
    cast = duty.aws.cast
    entered = declare(cast)
    assert entered.shown["count"] == 0
    duty.aws.seed(instances=[{"tags": {"Name": "a", "Application": "ehr-web"}}])
    duty.look()
    with pytest.raises(StaleContent, match="project_changed"):
        confirm(cast, entered)


def test_what_was_entered_for_a_projects_name_that_is_gone_comes_to_nothing(duty: Duty) -> None:
    """The row of the resource still has the old name until the next look at AWS."""
    cast, duty.clock.now = duty.aws.cast, clock.now()
    duty.aws.seed(instances=[{"tags": {"Name": "a", "Application": "ehr-web"}}])
    made = declare(cast)
    confirm(cast, made)
    duty.look()
    wanted = Wanted(
        State.ANY, clock.now() + timedelta(days=1), project="電子カルテ", kind=OverrideKind.FREEZE
    )
    freeze = enter_override(wanted, actor=cast.actor(Role.OPERATOR), now=clock.now(), reason="月次処理")
    confirm(cast, declare(cast, "医事会計", project_id=uuid.UUID(made.target_id)))
    with pytest.raises(StaleContent, match="project_changed"):
        confirm(cast, freeze)
    with pytest.raises(NotFound):
        enter_override(wanted, actor=cast.actor(Role.OPERATOR), now=clock.now(), reason="月次処理")
