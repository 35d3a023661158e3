"""Pages of repositories: keys are shown once or never, trouble comes first, and a removal is worked off step by step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from accounts.domain.permissions import Role
from config.simulator.redmine import SimulatedRedmine
from config.simulator.redmine_commits import SERVICE_KEY
from medical_audit.domain.states import State
from medical_audit.models import Operation
from medical_audit.tenancy import tenant_scope
from redmine_sync.models import RepositorySecret, RepositoryState, ServiceKey
from redmine_sync.operations import repository_leaving
from tests.conftest import _as_role
from tests.factories import Cast
from tests.pages.test_tickets import make_shop
from tests.redmine.conftest import fake
from tests.redmine.origin import Origin
from tests.redmine.yard import Yard
from tests.stage import signed_in

__all__ = ["fake"]


@pytest.fixture
def yard(cast: Cast, fake: SimulatedRedmine, tmp_path: Path, settings: Any) -> Yard:
    settings.MIRRORS = settings.MIRRORS_IN_REDMINE = str(tmp_path / "mirrors")
    origin = Origin(tmp_path)
    origin.push("first")
    return Yard(make_shop(cast, fake), origin, fake)


def at(yard: Yard, path: str = "") -> str:
    slug = yard.shop.cast.tenant.slug
    return f"/t/{slug}/repositories/{f'{yard.id}/' if yard.id else ''}{path}"


def get(yard: Yard, role: Role, path: str = "") -> str:
    answer = signed_in(yard.shop.cast.people[role]).get(at(yard, path))
    assert answer.status_code == 200
    return answer.content.decode()


def post(yard: Yard, role: Role, path: str, **sent: str) -> Any:
    return signed_in(yard.shop.cast.people[role]).post(at(yard, path), sent)


def test_the_webhooks_secret_is_shown_once_and_the_private_key_never(yard: Yard) -> None:
    answer = post(
        yard,
        Role.ADMINISTRATOR,
        "new/",
        url="git@github.com:acme/portal.git",
        redmine_project="1",
        service_key=SERVICE_KEY,
    )
    page = answer.content.decode()
    assert (answer.status_code, answer["Cache-Control"]) == (200, "private, no-store")
    with tenant_scope(yard.shop.tenant_id):
        deploy, hook = (RepositorySecret.objects.get(use=use) for use in ("deploy", "hook"))
        yard.id = hook.repository_id
    assert deploy.public in page
    assert 'data-copy="' in page
    assert "PRIVATE KEY" not in page
    assert SERVICE_KEY not in page
    again = get(yard, Role.ADMINISTRATOR)
    assert deploy.public in again
    shown = page.split('state-late-line" role="status"')[1].split('data-copy="')[1].split('"')[0]
    assert len(shown) > 40
    assert shown not in again


def test_a_refused_address_keeps_what_was_typed_but_the_key(yard: Yard) -> None:
    answer = post(yard, Role.ADMINISTRATOR, "new/", url="ext::sh", redmine_project="1", service_key="abc-def")
    assert answer.status_code == 422
    assert 'value="ext::sh"' in answer.content.decode()
    assert "abc-def" not in answer.content.decode()


def test_without_a_folder_for_mirrors_the_page_says_what_to_set(yard: Yard, settings: Any) -> None:
    settings.MIRRORS = ""
    assert "TOBAN_MIRRORS" in get(yard, Role.ADMINISTRATOR)


def test_the_whole_way_from_the_pages(yard: Yard) -> None:
    yard.draft()
    assert 'name="what" value="register"' not in get(yard, Role.ADMINISTRATOR)
    yard.look()
    assert 'name="what" value="register"' in get(yard, Role.ADMINISTRATOR)
    assert 'name="what" value="register"' not in get(yard, Role.VIEWER)
    answer = post(
        yard, Role.ADMINISTRATOR, "enter/", what="register", reason="開発の履歴をチケットで追うため"
    )
    assert answer.status_code == 302
    with tenant_scope(yard.shop.tenant_id):
        entered = Operation.objects.get(kind="repository.register")
    sheet = signed_in(yard.shop.cast.people[Role.APPROVER]).get(answer["Location"]).content.decode()
    assert yard.origin.url in sheet
    yard.shop.confirm(entered)
    yard.serve()
    assert yard.origin.url in get(yard, Role.VIEWER)
    assert post(yard, Role.OPERATOR, "fetch/").status_code == 302
    assert post(yard, Role.VIEWER, "fetch/").status_code == 403


def test_trouble_stands_on_top_with_its_cure(yard: Yard) -> None:
    yard.register()
    yard.serve()
    yard.origin.bare.rename(yard.origin.bare.with_name("away.git"))
    yard.serve(minutes=6)
    page = get(yard, Role.VIEWER)
    assert page.index('role="alert"') < page.index("data-live" if "data-live" in page else 'id="live"')
    yard.id, kept = None, yard.id
    assert str(kept) in get(yard, Role.VIEWER)


def test_a_silent_webhook_shows(yard: Yard) -> None:
    yard.register()
    yard.serve()
    yard.origin.push("two")
    yard.serve(minutes=6)
    assert "state-late-line" in get(yard, Role.VIEWER)
    yard.deliver(yard.push_of(yard.origin.commits[-1]))
    assert "state-late-line" not in get(yard, Role.VIEWER)


def test_a_removal_shows_every_step_before_and_is_worked_off_with_each_in_the_ledger(yard: Yard) -> None:
    yard.register()
    yard.serve()
    folder = yard.mirror.folder
    page = get(yard, Role.ADMINISTRATOR)
    assert str(folder) in page
    assert folder.exists()
    answer = post(yard, Role.ADMINISTRATOR, "enter/", what="leave", reason="別のリポジトリに移すため")
    with tenant_scope(yard.shop.tenant_id):
        entered = Operation.objects.get(kind="repository.leave")
    assert answer.status_code == 302
    assert folder.exists()
    assert yard.shop.confirm(entered).state == State.SUCCEEDED
    assert yard.deliver(yard.push_of("a" * 40)) == "unknown"  # its secret is destroyed
    with tenant_scope(yard.shop.tenant_id):
        sealed = ServiceKey.objects.get().sealed
    # What is looked at no more cannot try another key, so the one that the others use stays.
    assert post(yard, Role.ADMINISTRATOR, "do/", do="service_key", service_key="another").status_code == 404
    with tenant_scope(yard.shop.tenant_id):
        assert ServiceKey.objects.get().sealed == sealed
    assert yard.serve(minutes=10) is not None
    assert len(yard.runs()) == 1
    assert post(yard, Role.ADMINISTRATOR, "do/", do="end").status_code == 422
    for step in ("hook", "deploy_key", "redmine", "mirror"):
        assert post(yard, Role.ADMINISTRATOR, "do/", do="step", step=step).status_code == 302
    assert post(yard, Role.OPERATOR, "do/", do="step", step="hook").status_code == 403
    assert folder.exists()
    assert yard.id is not None
    with _as_role("worker"):
        assert repository_leaving.remove_mirror_if_asked(yard.shop.tenant_id, yard.id, clock=yard.shop.clock)
    assert not folder.exists()
    assert post(yard, Role.ADMINISTRATOR, "do/", do="end").status_code == 302
    assert yard.row().state == RepositoryState.LEFT
    done = [one["detail"]["step"] for one in yard.shop.events("repository.step_done")]
    assert done == ["hook", "deploy_key", "redmine", "mirror_asked", "mirror"]
    assert get(yard, Role.VIEWER)  # what was delivered and done stays readable


@pytest.mark.parametrize("step", ["", "stopped", "mirror_asked", "everything"])
def test_a_step_that_is_none_is_refused(yard: Yard, step: str) -> None:
    yard.register()
    entered = repository_leaving.enter_leave(
        yard.row().id, actor=yard.shop.actor(Role.ADMINISTRATOR), now=yard.shop.clock(), reason="x"
    )
    yard.shop.confirm(entered)
    assert post(yard, Role.ADMINISTRATOR, "do/", do="step", step=step).status_code == 422
    assert set(yard.row().removal) == {"stopped"}
