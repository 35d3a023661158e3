"""The tickets' pages: what is stuck and what differs comes first, and only who may decide is offered to."""

from __future__ import annotations

from accounts.domain.permissions import Role
from config.simulator.redmine import KEY, SimulatedRedmine
from redmine_sync.models import EntryState, TicketState
from tests.factories import Cast
from tests.redmine.conftest import fake
from tests.redmine.shop import Place, Shop
from tests.stage import make_stage, signed_in

__all__ = ["fake"]


def make_shop(cast: Cast, one: SimulatedRedmine) -> Shop:
    shop = Shop(cast, Place(one.url, KEY))
    shop.connect()
    shop.rule()
    return shop


def page(cast: Cast, role: Role, path: str) -> str:
    answer = signed_in(cast.people[role]).get(f"/t/{cast.tenant.slug}/{path}")
    assert answer.status_code == 200
    return answer.content.decode()


def test_without_a_redmine_the_page_leads_to_connecting_one(cast: Cast) -> None:
    assert f"/t/{cast.tenant.slug}/tickets/redmine/" in page(cast, Role.VIEWER, "tickets/")


def test_a_ticket_stands_in_the_list_and_at_its_resource(cast: Cast, fake: SimulatedRedmine) -> None:
    stage, shop = make_stage(cast), make_shop(cast, fake)
    operation = stage.entered(stage.resource(name="ehr-web-01", project="電子カルテ"))
    shop.serve()
    shop.serve(minutes=20)
    issue = f"{fake.url}/issues/{shop.ticket().issue}"
    for path in (
        "tickets/", f"resources/{stage.made[0].id}/", f"operations/{operation.id}/", "resources/?project=電子カルテ"
    ):  # fmt: skip
        assert issue in page(cast, Role.VIEWER, path), path
    for path in ("resources/", "resources/?project=医事"):
        assert issue not in page(cast, Role.VIEWER, path), path


def test_what_is_stuck_is_tried_again_from_the_page(cast: Cast, fake: SimulatedRedmine) -> None:
    shop = make_shop(cast, fake)
    fake.project_status = 5
    shop.happens("failed", "web")
    shop.serve()
    assert 'name="do"' not in page(cast, Role.VIEWER, "tickets/")
    assert 'value="retry"' in page(cast, Role.OPERATOR, "tickets/")
    (dead,) = shop.entries(state=EntryState.DEAD)
    fake.project_status = 1
    client = signed_in(cast.people[Role.OPERATOR])
    client.post(f"/t/{cast.tenant.slug}/tickets/stuck/", {"entry": str(dead.id), "do": "retry"})
    shop.serve(minutes=1)
    assert shop.ticket().state == TicketState.OPEN


def test_a_refused_address_keeps_what_was_typed(cast: Cast) -> None:
    answer = signed_in(cast.people[Role.ADMINISTRATOR]).post(
        f"/t/{cast.tenant.slug}/tickets/redmine/draft/",
        {"url": "http://redmine.example.jp", "key": "abc", "language": "ja"},
    )
    assert answer.status_code == 422
    assert 'value="http://redmine.example.jp"' in answer.content.decode()
    assert "abc" not in answer.content.decode()
